"""`ghapp packs show`: a pack -> all that it looks for and asks, as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ghapp.core.areas import Text
from ghapp.core.checklist import SEVERITIES
from ghapp.core.markdown import seen
from ghapp.core.model import Problem
from ghapp.core.packs.hazardfile import HazardPart
from ghapp.core.packs.mistakes import meant
from ghapp.core.packs.packfile import MOST_LINKS, DetectPart, ItemPart, WhenPart
from ghapp.core.policies.vocabulary import spelled
from ghapp.core.words.texts import joined, say
from ghapp.errors import BadPack
from ghapp.local import layout, packlist, packtree, packwords
from ghapp.local.output import printed, wrong
from ghapp.local.packsource import Shelf, Source, builtin, shelf

INDENT, BULLET = 2, "- "
OF_ITEM = ("why", "evidence", "see", "scope", "when", "must_when")
OF_HAZARD = (
    "item",
    "reads",
    "match",
    "unless",
    "requires",
    "skipped",
    "dialect",
    "fix",
    "cross",
    "fp",
)
PATTERNS = ("diff", "removed", "title")  # of which each has a line of its own
Rows = Mapping[str, Sequence[str]]  # the key of a label and what stands beside it

WORDS: Mapping[str, Text] = {
    "heading": Text("{title} [{area}]", "{title} [{area}]"),
    "state": Text("Weight {weight}, {switch}; {total}.", "重み {weight}、{switch}。{total}。"),
    "on": Text("on by default", "既定で有効"),
    "off": Text("off by default", "既定で無効"),
    "detect": Text("What flags it", "対象となる変更"),
    "paths": Text("changed files", "変更ファイル"),
    "exclude": Text("but not", "除外"),
    "diff": Text("added lines", "追加行"),
    "removed": Text("removed lines", "削除行"),
    "diff_files": Text("only in", "追加行を調べるファイル"),
    "labels": Text("labels", "ラベル"),
    "size": Text("size", "規模"),
    "title": Text("title, as a hint", "タイトル（参考のみ）"),
    "note": Text("note", "備考"),
    "items": Text("Questions", "質問"),
    "why": Text("why", "理由"),
    "evidence": Text("evidence", "確認できるもの"),
    "see": Text("see", "参考"),
    "scope": Text("about", "対象"),
    "project": Text("the project as a whole", "プロジェクト全体"),
    "change": Text("this change", "この変更"),
    "when": Text("asked if", "質問する条件"),
    "must_when": Text("must if", "必須になる条件"),
    "fix": Text("use", "修正例"),
    "hazards": Text("Hazards", "検出ルール"),
    "item": Text("question", "対応する質問"),
    "reads": Text("looks at", "検査対象"),
    "match": Text("match", "パターン"),
    "unless": Text("unless", "除外条件"),
    "where": Text("{where}:", "{where}："),
    "requires": Text("only if", "前提条件"),
    "requires_file": Text("the file has {pattern}", "ファイルに {pattern} がある"),
    "other_side": Text(
        "a line on the other side of the diff has {pattern}",
        "差分の反対側の行に {pattern} がある",
    ),
    "requires_removed": Text(
        "a line removed beside it has {pattern}", "同じ箇所の削除行に {pattern} がある"
    ),
    "skipped": Text("not found", "対象外"),
    "dialect": Text("database", "データベース"),
    "cross": Text("like", "類似ルール"),
    "fp": Text("noise", "誤検出の例"),
    "retired": Text("No longer asked", "廃止した質問"),
    "replaced": Text("{id}, now {by}", "{id}（現在は {by}）"),
}


def shown(names: Sequence[str], format: str, language: str) -> int:
    """Prints the packs of these areas, or in these files and folders.

    format: text | json. The result is the exit status: 0 good, 1 problems in a pack, 2 wrong use.
    """
    try:
        found = _chosen(names)
    except BadPack as error:
        return wrong(f"ghapp packs: {error}")
    if found.problems:
        wrong(*map(str, found.problems))
        return packlist.PROBLEMS
    return printed(FORMATS[format](found.sources, language), "ghapp packs")


def as_text(sources: Iterable[Source], language: str) -> str:
    """For a terminal, wrapped to its width."""
    return "\n\n\n".join(_text(source, language) for source in sources)


def as_json(sources: Iterable[Source], language: str) -> str:
    """For programs; the shape is a promise."""
    packs = [packtree.tree(source, language) for source in sources]
    return json.dumps({"packs": packs}, ensure_ascii=False, indent=2)


FORMATS: Mapping[str, Callable[[Iterable[Source], str], str]] = {"text": as_text, "json": as_json}


def _chosen(names: Iterable[str]) -> Shelf:
    """The packs that the names mean: an area that is built in, else a file or folder."""
    sources: list[Source] = []
    known = {source.pack.part.area: source for source in builtin().sources}
    problems: list[Problem] = []
    for name in names:
        if name in known:
            sources.append(known[name])
        elif Path(name).exists() or "/" in name:
            own = shelf([Path(name)])
            sources += own.sources
            problems += own.problems
        else:
            raise BadPack(f"unknown area `{name}`{meant(name, known)}")
    return Shelf(tuple(sources), tuple(problems))


def _text(source: Source, language: str) -> str:
    part = source.pack.part
    heading = _say("heading", language, title=packlist.titled(part, language), area=part.area)
    switch = _say("on" if part.enabled else "off", language)
    total = packlist.contents([part], language)
    state = _say("state", language, weight=part.weight, switch=switch, total=total)
    items = [_item(item, source, language) for item in part.items]
    hazards = [_hazard(hazard, language) for hazard in part.hazards]
    retired = [
        _say("replaced", language, id=one.id, by=joined(language, one.replaced_by))
        if one.replaced_by
        else one.id
        for one in part.retired
    ]
    return "\n\n".join(
        [
            f"{layout.wrapped(heading)}\n{layout.wrapped(state)}",
            f"{_say('detect', language)}\n{_signals(part.detect, language)}",
            *_section("items", items, language),
            *_section("hazards", hazards, language),
            *_section("retired", [_fitted(line, INDENT) for line in retired], language),
        ]
    )


def _section(key: str, blocks: list[str], language: str) -> list[str]:
    return [_say(key, language), *blocks] if blocks else []


def _signals(part: DetectPart, language: str) -> str:
    """What flags the area: globs in one list, each pattern on its own line."""
    found = dict(packwords.signals(part))
    rows = {
        key: values if key in PATTERNS else [joined(language, values)]
        for key, values in found.items()
    }
    if part.size:
        rows["size"] = packwords.size(part.size, language)
    if part.note:
        rows["note"] = [part.note]
    return _table(rows, [*rows], INDENT, language)


def _item(item: ItemPart, source: Source, language: str) -> str:
    japanese = language == "ja"
    links = [source.references[key] for key in item.refs[:MOST_LINKS]]
    rows: Rows = {
        "why": [spelled(item.why_ja if japanese else item.why_en, language)],
        "evidence": [spelled(item.ev_ja if japanese else item.ev_en, language)],
        "see": [f"{title} {address}" for title, address in links],
        "scope": [_say(item.scope, language)],
        "when": _condition(item.when, language),
        "must_when": _condition(item.must_when, language),
    }
    question = spelled(item.ja if japanese else item.en, language)
    return _block(item.sev, f"{question} [{item.id}]", rows, OF_ITEM, language)


def _condition(when: WhenPart | None, language: str) -> list[str]:
    lines = packwords.condition(when, language) if when else ()
    return [f"{'  ' * depth}{BULLET * bool(depth)}{line}" for depth, line in lines]


def _hazard(part: HazardPart, language: str) -> str:
    guard = _say("where", language, where=packwords.where(part, language))
    other_side = _say("other_side", language, pattern=part.unless_other_side)
    needed = {"requires_file": part.requires, "requires_removed": part.requires_removed}
    rows: Rows = {
        "item": [part.item],
        "reads": [packwords.reads(part, language)],
        "match": [part.match],
        "unless": [
            *([guard, part.unless] if part.unless else []),
            *([other_side] if part.unless_other_side else []),
        ],
        "requires": [
            _say(key, language, pattern=pattern) for key, pattern in needed.items() if pattern
        ],
        "skipped": [words] if (words := packwords.skipped(part, language)) else [],
        "fix": [part.fix] if part.fix else [],
        "dialect": [] if part.dialect == "any" else [part.dialect],
        "cross": [part.cross] if part.cross else [],
        "fp": [part.fp] if part.fp else [],
    }
    message = spelled(part.ja if language == "ja" else part.en, language)
    return _block(part.sev, f"{part.id} {message}", rows, OF_HAZARD, language)


def _block(severity: str, words: str, rows: Rows, keys: Sequence[str], language: str) -> str:
    """A severity with what is asked or found, and labelled lines below it."""
    named = {one: say(language, f"sev_{one}") for one in SEVERITIES}
    column = INDENT + max(map(layout.cells, named.values())) + 2
    first = _beside(named[severity], [words], INDENT, column)
    return f"{first}\n{_table(rows, keys, column, language)}"


def _table(rows: Rows, keys: Sequence[str], indent: int, language: str) -> str:
    """Rows beside their labels. keys: all that such a table may have, for one width of labels."""
    column = indent + max(layout.cells(_say(key, language)) for key in keys) + 2
    return "\n".join(
        _beside(_say(key, language), texts, indent, column) for key, texts in rows.items() if texts
    )


def _beside(label: str, texts: Sequence[str], indent: int, column: int) -> str:
    """A label, and in the column beside it the texts, one below the other."""
    inside = "\n".join(_fitted(text, column) for text in texts)
    return " " * indent + label + " " * (column - indent - layout.cells(label)) + inside[column:]


def _fitted(text: str, indent: int) -> str:
    """The text wrapped; what is too long for a line is cut, for a pattern need not have spaces."""
    depth = indent + len(text) - len(text.lstrip())
    line = seen(text).strip()
    hanging = depth + len(BULLET) * line.startswith(BULLET)
    lines = layout.wrapped(line, depth, hanging).split("\n")
    return "\n".join(piece for line in lines for piece in _pieces(line))


def _pieces(line: str) -> Iterable[str]:
    start = " " * (len(line) - len(line.lstrip()))
    if line.startswith(f"{start}https://"):  # an address that is cut cannot be opened
        yield line
        return
    piece = start
    for char in line.lstrip():
        if piece != start and layout.cells(piece + char) > layout.width():
            yield piece
            piece = start
        piece += char
    yield piece


def _say(key: str, language: str, **values: object) -> str:
    return WORDS[key].to(language).format_map(values)
