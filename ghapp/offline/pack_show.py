"""`ghapp packs show`: everything that a pack looks for and asks, as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from ghapp.core.i18n import Words
from ghapp.core.markdown import seen
from ghapp.core.model import Problem
from ghapp.core.policy.areas import spelled
from ghapp.core.policy.hazard_schema import NEIGHBOURS, HazardPart
from ghapp.core.policy.pack_schema import (
    MOST_LINKS,
    InFilePart,
    ItemPart,
    SizePart,
    WhenPart,
)
from ghapp.core.policy.problems import meant
from ghapp.core.policy.pull_schema import BoundsPart, PullWhenPart
from ghapp.core.scan.checklist import SEVERITIES
from ghapp.errors import BadPack
from ghapp.offline import packs
from ghapp.offline.packs import Source, builtin, shelf
from ghapp.terminal import printed, wrapped, wrong

INDENT = "  "
BULLET = "- "
# All labels that an item or a hazard may have, so that every table has columns of the same width.
OF_ITEM = ("why", "evidence", "see", "scope", "when", "must_when", "same_as", "defer")
OF_HAZARD = (
    *("item", "reads", "match", "unless", "requires", "skipped", "dialect", "fix"),
    *("cross", "fp"),
)
PATTERNS = ("diff", "removed")
CONDITIONS = (
    *("diff", "removed", "path", "title", "label", "base", "branch", "author", "team"),
    *("adds", "deletes", "renames", "topic", "hazard", "area", "flagged_by"),
)
OF_FILE = ("path", "exclude", "diff", "removed", "unless", "not_diff")
BOUNDS = ("changed_files_gte", "added_lines_gte", "new_top_level_dirs_gte")
SIDES = {"+": "below", "-": "above", "~": "around"}

# Left out of JSON: samples, and the keys that have other names there, those of `ghapp check`.
SAMPLES = {"hit", "miss"}
SAMPLES_OF_PATHS = {"path_hit", "path_miss"}
RENAMED = {"id", "item", "sev", "en", "ja"}

Rows = Mapping[str, Sequence[str]]  # the key of a label -> the lines beside it
Line = tuple[int, str]  # depth and text
Tree = dict[str, object]


def shown(names: Sequence[str], format: str, language: str) -> int:
    """Prints the packs of these areas, or in these files and folders.

    format: text | json. The result is the exit status: 0 good, 1 problems in a pack, 2 wrong use.
    """
    sources: list[Source] = []
    problems: list[Problem] = []
    known = {source.pack.part.area: source for source in builtin().sources}
    try:
        for name in names:
            if name in known:
                sources.append(known[name])
            elif Path(name).exists() or "/" in name:
                own = shelf([Path(name)])
                sources += own.sources
                problems += own.problems
            else:
                raise BadPack(f"unknown area `{name}`{meant(name, known)}")
    except BadPack as error:
        return wrong(f"ghapp packs: {error}")
    if problems:
        wrong(*map(str, problems))
        return packs.PROBLEMS
    return printed(FORMATS[format](sources, Words(language)), "ghapp packs")


def as_text(sources: Iterable[Source], words: Words) -> str:
    """For a terminal, wrapped to its width."""
    return "\n\n\n".join(_pack(source, words) for source in sources)


def _pack(source: Source, words: Words) -> str:
    part = source.pack.part
    state = words(
        "pack_state",
        weight=part.weight,
        switch=words("pack_on" if part.enabled else "pack_off"),
        total=packs.contents([part], words),
    )
    retired = [
        words("pack_replaced", id=one.id, by=words.joined(one.replaced_by))
        if one.replaced_by
        else one.id
        for one in part.retired
    ]
    blocks = [
        f"{wrapped(f'{packs.title(part, words)} [{part.area}]')}\n{wrapped(state)}",
        f"{words('pack_detect')}\n{_signals(source, words)}",
    ]
    sections = {
        "items": [_item(item, source, words) for item in part.items],
        "hazards": [_hazard(hazard, words) for hazard in part.hazards],
        "retired": [wrapped(line, INDENT) for line in retired],
    }
    for key, section in sections.items():
        blocks += [words(f"pack_{key}"), *section] if section else []
    return "\n\n".join(blocks)


def _signals(source: Source, words: Words) -> str:
    """What flags the area: each list of globs or labels on one line, each pattern on its own."""
    rows: dict[str, Sequence[str]] = {}
    for key, value in source.pack.part.detect:
        if not value or key in SAMPLES_OF_PATHS:
            continue
        if isinstance(value, SizePart):
            rows[key] = _bounds(value, words)
            if value.ignore:
                ignored = words("condition_ignore", values=words.joined(value.ignore))
                rows[key] = [*rows[key], ignored]
        elif isinstance(value, PullWhenPart):
            rows[key] = _indented(value, words)
        elif key == "exclude_sets":
            sets = source.references.sets
            rows[key] = [f"{name}: {words.joined(sets[name])}" for name in value]
        elif isinstance(value, str | int):
            rows[key] = [str(value)]
        else:
            rows[key] = value if key in PATTERNS else [words.joined(value)]
    return _table(rows, rows, len(INDENT), words)


def _item(item: ItemPart, source: Source, words: Words) -> str:
    japanese = words.language == "ja"
    links = [source.references.links[key] for key in item.refs[:MOST_LINKS]]

    rows: dict[str, Sequence[str]] = {
        "why": [spelled(item.why_ja if japanese else item.why_en, words.language)],
        "evidence": [spelled(item.ev_ja if japanese else item.ev_en, words.language)],
        "see": [f"{title} {address}" for title, address in links],
        "scope": [words(f"pack_{item.scope}")],
        "when": _indented(item.when, words),
        "must_when": _indented(item.must_when, words),
        "same_as": [],
        "defer": [words("pack_never_defer")] if item.never_defer else [],
    }
    if item.same_as:
        key = "pack_same_within" if item.same_as.within else "pack_same"
        rows["same_as"] = [words(key, item=item.same_as.item)]
    question = spelled(item.ja if japanese else item.en, words.language)
    return _block(item.sev, f"{question} [{item.id}]", rows, OF_ITEM, words)


def _hazard(part: HazardPart, words: Words) -> str:
    unless = []
    if part.unless:
        unless += [words("pack_where", where=_scope(part, words)), part.unless]
    if part.unless_in_block:
        unless += [words("pack_where", where=words("pack_in_block")), part.unless_in_block]
    if part.unless_other_side:
        unless.append(words("pack_other_side", pattern=part.unless_other_side))
    needed = {"requires_file": part.requires, "requires_removed": part.requires_removed}
    keys = ("skip_rollback", "skip_new_table", "once_per", "of_change")
    skips = [key for key in keys if getattr(part, key)]
    rows: Rows = {
        "item": [part.item],
        "reads": [_reads(part, words)],
        "match": [part.match],
        "unless": unless,
        "requires": [words(f"pack_{key}", pattern=one) for key, one in needed.items() if one],
        "skipped": [words.joined(words(f"pack_{key}") for key in skips)] if skips else [],
        "fix": [part.fix] if part.fix else [],
        "dialect": [] if part.dialect == "any" else [part.dialect],
        "cross": [part.cross] if part.cross else [],
        "fp": [part.fp] if part.fp else [],
    }
    message = spelled(part.ja if words.language == "ja" else part.en, words.language)
    return _block(part.sev, f"{part.id} {message}", rows, OF_HAZARD, words)


def _reads(part: HazardPart, words: Words) -> str:
    """Which lines of which files the hazard searches."""
    side = "added_statements" if part.unit == "statement" else "added"
    lines = words("pack_reads_removed" if part.side == "removed" else f"pack_reads_{side}")
    where = f"{part.scope}_files"
    if part.files:
        where = "named_code" if part.scope == "code" else "named_files"
        where = "all_files" if part.files == ("**",) else where
    what = words(f"pack_reads_{where}", lines=lines, files=words.joined(part.files or ()))
    if part.exclude_files:
        what = words("pack_reads_but", what=what, files=words.joined(part.exclude_files))
    return what


def _scope(part: HazardPart, words: Words) -> str:
    """The lines in which `unless` is searched."""
    if found := NEIGHBOURS.fullmatch(part.unless_scope):
        return words(f"pack_in_{SIDES[found[1]]}", count=found[2])
    scope = part.unless_scope
    if scope == "line" and part.unit == "statement":
        scope = "statement"
    if scope == "block" and part.block_with:
        scope = "block_with"
    return words(f"pack_in_{scope}", within=part.nearest or part.block_with)


def _block(severity: str, text: str, rows: Rows, keys: Sequence[str], words: Words) -> str:
    """A severity beside a question or message, and a table below it."""
    named = {one: words(f"sev_{one}") for one in SEVERITIES}
    column = len(INDENT) + max(map(cell_len, named.values())) + 2
    first = set_cell_size(INDENT + named[severity], column)
    return f"{wrapped(seen(text), first, cut=True)}\n{_table(rows, keys, column, words)}"


def _table(rows: Rows, keys: Iterable[str], indent: int, words: Words) -> str:
    """Lines beside their labels. keys: all labels that set the width of the first column."""
    column = indent + max(cell_len(words(f"pack_{key}")) for key in keys) + 2
    lines = []
    for key, texts in rows.items():
        first = set_cell_size(" " * indent + words(f"pack_{key}"), column)
        for text in texts:
            depth = len(text) - len(text.lstrip())
            line = seen(text).strip()
            hanging = column + depth + len(BULLET) * line.startswith(BULLET)
            lines.append(wrapped(line, first + " " * depth, " " * hanging, cut=True))
            first = " " * column
    return "\n".join(lines)


def _indented(when: PullWhenPart | None, words: Words) -> list[str]:
    lines = _condition(when, words) if when else ()
    return [f"{INDENT * depth}{BULLET * bool(depth)}{line}" for depth, line in lines]


def _condition(when: PullWhenPart, words: Words) -> tuple[Line, ...]:
    """A `when`, one line for each condition; those that `any`, `all` and `not` join are deeper."""
    parts = list(_parts(when, words))
    return parts[0] if len(parts) == 1 else _below("all", parts, words)


def _parts(when: PullWhenPart, words: Words) -> Iterator[tuple[Line, ...]]:
    for key, inner in {"any": when.any, "all": when.all, "not": (when.not_,)}.items():
        if below := [_condition(one, words) for one in inner or () if one]:
            yield _below(key, below, words)
    for key in CONDITIONS:
        if values := getattr(when, key, None):
            yield ((0, words(f"condition_{key}", values=_either(values, words))),)
    if when.draft is not None:
        yield ((0, words("condition_draft" if when.draft else "condition_ready")),)
    for name, values in (when.property or {}).items():
        shown = words("condition_property", name=name, values=_either(values, words))
        yield ((0, shown),)
    if when.size:
        bounds = [((0, line),) for line in _bounds(when.size, words)]
        yield bounds[0] if len(bounds) == 1 else _below("any", bounds, words)
    if isinstance(when, WhenPart):
        yield from _of_area(when, words)


def _of_area(when: WhenPart, words: Words) -> Iterator[tuple[Line, ...]]:
    if when.file:
        yield _below("file", [((0, line),) for line in _of_file(when.file, words)], words)
    for line in _bounds(when, words, ("files_gte", "added_gte")):
        yield ((0, line),)
    if when.table_in:
        yield ((0, words("condition_table_in")),)


def _of_file(part: InFilePart, words: Words) -> Iterator[str]:
    for key in OF_FILE:
        if values := getattr(part, key):
            yield words(f"condition_file_{key}", values=_either(values, words))
    if part.bump:
        yield words("condition_file_bump", values=part.bump)
    if part.new:
        yield words("condition_file_new")


def _below(key: str, parts: Iterable[tuple[Line, ...]], words: Words) -> tuple[Line, ...]:
    deeper = ((depth + 1, line) for part in parts for depth, line in part)
    return ((0, words(f"condition_{key}")), *deeper)


def _bounds(
    part: WhenPart | SizePart | BoundsPart, words: Words, keys: Sequence[str] = BOUNDS
) -> list[str]:
    given = [(key, getattr(part, key, None)) for key in keys]
    return [words(f"condition_{key}", values=f"{least:,}") for key, least in given if least]


def _either(values: tuple[str, ...], words: Words) -> str:
    named = words.joined(values)
    return named if len(values) == 1 else words("condition_one_of", values=named)


def as_json(sources: Iterable[Source], words: Words) -> str:
    """For programs; the shape is a promise.

    Everything but the samples; every key is there, null or empty if the pack lacks it.
    """
    language = words.language
    japanese = language == "ja"

    def condition(when: PullWhenPart | None) -> Tree | None:
        if when is None:
            return None
        return when.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)

    shown: list[Tree] = []
    for source in sources:
        part = source.pack.part
        shown.append(
            {
                **packs.summary(part, words),
                "detect": {
                    **part.detect.model_dump(mode="json", exclude=SAMPLES_OF_PATHS),
                    "pull": condition(part.detect.pull),
                },
                "items": [
                    {
                        "id": item.id,
                        "severity": item.sev,
                        "category": item.cat,
                        "question": spelled(item.ja if japanese else item.en, language),
                        "why": spelled(item.why_ja if japanese else item.why_en, language),
                        "evidence": spelled(item.ev_ja if japanese else item.ev_en, language),
                        "links": [
                            {"title": title, "url": address}
                            for title, address in (
                                source.references.links[key] for key in item.refs
                            )
                        ],
                        "scope": item.scope,
                        "when": condition(item.when),
                        "must_when": condition(item.must_when),
                        "same_as": item.same_as.model_dump() if item.same_as else None,
                        "never_defer": item.never_defer,
                    }
                    for item in part.items
                ],
                "hazards": [
                    {
                        "id": hazard.id,
                        "severity": hazard.sev,
                        "item": hazard.item,
                        "message": spelled(hazard.ja if japanese else hazard.en, language),
                        **hazard.model_dump(mode="json", exclude=SAMPLES | RENAMED),
                    }
                    for hazard in part.hazards
                ],
                "retired": [one.model_dump(mode="json") for one in part.retired],
            }
        )
    return json.dumps({"packs": shown}, ensure_ascii=False, indent=2)


FORMATS: Mapping[str, Callable[[Iterable[Source], Words], str]] = {"text": as_text, "json": as_json}
