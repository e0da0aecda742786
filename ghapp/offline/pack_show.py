"""`ghapp packs show`: a pack -> all that it looks for and asks, as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ghapp.core.areas import Text
from ghapp.core.i18n import joined, say
from ghapp.core.markdown import seen
from ghapp.core.model import Problem
from ghapp.core.policy.areas import spelled
from ghapp.core.policy.hazard_schema import NEIGHBOURS, HazardPart
from ghapp.core.policy.pack_schema import (
    MOST_LINKS,
    BoundsPart,
    DetectPart,
    InFilePart,
    ItemPart,
    References,
    SizePart,
    WhenPart,
)
from ghapp.core.policy.problems import meant
from ghapp.core.scan.checklist import SEVERITIES
from ghapp.errors import BadPack
from ghapp.offline import packs, terminal
from ghapp.offline.packs import Shelf, Source, builtin, shelf
from ghapp.offline.terminal import printed, wrong

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
        return packs.PROBLEMS
    return printed(FORMATS[format](found.sources, language), "ghapp packs")


def as_text(sources: Iterable[Source], language: str) -> str:
    """For a terminal, wrapped to its width."""
    return "\n\n\n".join(_text(source, language) for source in sources)


def as_json(sources: Iterable[Source], language: str) -> str:
    """For programs; the shape is a promise."""
    packs = [tree(source, language) for source in sources]
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
    heading = _say("heading", language, title=packs.titled(part, language), area=part.area)
    switch = _say("on" if part.enabled else "off", language)
    total = packs.contents([part], language)
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
            f"{terminal.wrapped(heading)}\n{terminal.wrapped(state)}",
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
    found = dict(signals(part))
    rows = {
        key: values if key in PATTERNS else [joined(language, values)]
        for key, values in found.items()
    }
    if part.size:
        rows["size"] = size(part.size, language)
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
    lines = condition(when, language) if when else ()
    return [f"{'  ' * depth}{BULLET * bool(depth)}{line}" for depth, line in lines]


def _hazard(part: HazardPart, language: str) -> str:
    guard = _say("where", language, where=where(part, language))
    other_side = _say("other_side", language, pattern=part.unless_other_side)
    needed = {"requires_file": part.requires, "requires_removed": part.requires_removed}
    rows: Rows = {
        "item": [part.item],
        "reads": [reads(part, language)],
        "match": [part.match],
        "unless": [
            *([guard, part.unless] if part.unless else []),
            *([other_side] if part.unless_other_side else []),
        ],
        "requires": [
            _say(key, language, pattern=pattern) for key, pattern in needed.items() if pattern
        ],
        "skipped": [skips] if (skips := skipped(part, language)) else [],
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
    column = INDENT + max(map(terminal.cells, named.values())) + 2
    first = _beside(named[severity], [words], INDENT, column)
    return f"{first}\n{_table(rows, keys, column, language)}"


def _table(rows: Rows, keys: Sequence[str], indent: int, language: str) -> str:
    """Rows beside their labels. keys: all that such a table may have, for one width of labels."""
    column = indent + max(terminal.cells(_say(key, language)) for key in keys) + 2
    return "\n".join(
        _beside(_say(key, language), texts, indent, column) for key, texts in rows.items() if texts
    )


def _beside(label: str, texts: Sequence[str], indent: int, column: int) -> str:
    """A label, and in the column beside it the texts, one below the other."""
    inside = "\n".join(_fitted(text, column) for text in texts)
    return " " * indent + label + " " * (column - indent - terminal.cells(label)) + inside[column:]


def _fitted(text: str, indent: int) -> str:
    """The text wrapped; what is too long for a line is cut, for a pattern need not have spaces."""
    depth = indent + len(text) - len(text.lstrip())
    line = seen(text).strip()
    hanging = depth + len(BULLET) * line.startswith(BULLET)
    lines = terminal.wrapped(line, depth, hanging).split("\n")
    return "\n".join(piece for line in lines for piece in _pieces(line))


def _pieces(line: str) -> Iterable[str]:
    start = " " * (len(line) - len(line.lstrip()))
    if line.startswith(f"{start}https://"):  # an address that is cut cannot be opened
        yield line
        return
    piece = start
    for char in line.lstrip():
        if piece != start and terminal.cells(piece + char) > terminal.width():
            yield piece
            piece = start
        piece += char
    yield piece


def _say(key: str, language: str, **values: object) -> str:
    return WORDS[key].to(language).format_map(values)


CONDITION_WORDS: Mapping[str, Text] = {
    "any": Text("one of these holds", "次のいずれかに該当"),
    "all": Text("all of these hold", "次のすべてに該当"),
    "not": Text("this does not hold", "次に該当しない"),
    "diff": Text("a line added in the area matches {values}", "領域の追加行が {values} に一致"),
    "removed": Text(
        "a line removed in the area matches {values}", "領域の削除行が {values} に一致"
    ),
    "path": Text("a file of the area is {values}", "領域のファイルが {values} に一致"),
    "file": Text("one file of the area has all of this", "領域の 1 ファイルが次のすべてに該当"),
    "file_path": Text("it is {values}", "パスが {values} に一致"),
    "file_exclude": Text("it is not {values}", "パスが {values} に一致しない"),
    "file_new": Text("the pull request adds it", "この PR で追加された"),
    "file_bump": Text(
        "a version in it changes by a {values} or more", "バージョンが {values} 以上変わった"
    ),
    "file_diff": Text("a line added in it matches {values}", "追加行が {values} に一致"),
    "file_removed": Text("a line removed in it matches {values}", "削除行が {values} に一致"),
    "file_not_diff": Text(
        "no line added in it matches {values}", "{values} に一致する追加行がない"
    ),
    "file_unless": Text(
        "lines that match {values} do not count", "{values} に一致する行は数えない"
    ),
    "title": Text("the pull request's title matches {values}", "PR のタイトルが {values} に一致"),
    "label": Text("the pull request is labelled {values}", "PR にラベル {values} が付いている"),
    "hazard": Text("{values} is found", "{values} が検出された"),
    "area": Text("{values} is touched, too", "領域 {values} も対象である"),
    "flagged_by": Text("the area is flagged by {values}", "領域が {values} によって検出された"),
    "files_gte": Text("files of the area: {values} or more", "領域のファイルが {values} 件以上"),
    "added_gte": Text(
        "lines added in the area: {values} or more", "領域の追加行が {values} 行以上"
    ),
    "changed_files_gte": Text("changed files: {values} or more", "変更ファイルが {values} 件以上"),
    "added_lines_gte": Text("added lines: {values} or more", "追加行が {values} 行以上"),
    "new_top_level_dirs_gte": Text(
        "new folders at the top of the repository: {values} or more",
        "リポジトリ最上位の新規フォルダが {values} 件以上",
    ),
    "table_in": Text(
        "a table of the policy's `large_tables` is named",
        "ポリシーの `large_tables` にあるテーブルが変更行に現れる",
    ),
    "ignore": Text("not counted: {values}", "数えないファイル：{values}"),
    "one_of": Text("one of {values}", "{values} のいずれか"),
    "added": Text("added lines", "追加行"),
    "added_statements": Text(
        "statements that begin in an added line", "追加行から始まる文（複数行を連結）"
    ),
    "removed_lines": Text("removed lines", "削除行"),
    "area_files": Text("{lines} in files of the area", "領域のファイルの{lines}"),
    "code_files": Text(
        "{lines} in all code but tests, documents and vendored code",
        "テスト・文書・外部コードを除くすべてのコードの{lines}",
    ),
    "named_files": Text("{lines} in {files}", "{files} の{lines}"),
    "named_code": Text(
        "{lines} in {files}, tests, documents and vendored code left out",
        "{files} の{lines}（テスト・文書・外部コードを除く）",
    ),
    "all_files": Text("{lines} in all files", "すべてのファイルの{lines}"),
    "but": Text("{what}, but not in {files}", "{what}（{files} を除く）"),
    "in_line": Text("in the line", "その行"),
    "in_statement": Text("in the statement", "その文"),
    "in_block": Text("in the block", "そのブロック"),
    "in_block_with": Text("in the block that holds {within}", "{within} を含むブロック"),
    "in_file": Text("in the file", "ファイル全体"),
    "in_nearest": Text(
        "in the nearest line at or above it that matches {within}",
        "その行以前で {within} に一致する最も近い行",
    ),
    "in_+": Text("in the line and the {count} below", "その行とそれに続く {count} 行"),
    "in_-": Text("in the line and the {count} above", "その行とそれより前の {count} 行"),
    "in_~": Text("in the line and the {count} above and below", "その行と前後 {count} 行"),
    "skip_rollback": Text("where a migration is taken back", "マイグレーションを戻す処理"),
    "skip_new_table": Text("for a table that the pull request makes", "同じ PR で作成するテーブル"),
    "once_per": Text("after its first finding in a file", "同じファイルの 2 件目以降"),
}

Line = tuple[int, str]  # depth and words

MANY = ("diff", "removed", "path", "title", "label", "hazard", "area", "flagged_by")
BOUNDS = ("changed_files_gte", "added_lines_gte", "new_top_level_dirs_gte")


def words(key: str, language: str, **values: object) -> str:
    """The words under a key."""
    return CONDITION_WORDS[key].to(language).format_map(values)


def condition(when: WhenPart, language: str) -> tuple[Line, ...]:
    """A `when`, one line for each thing that has to hold, deeper ones below what joins them."""
    parts = list(_parts(when, language))
    if len(parts) == 1:
        return parts[0]
    return _below("all", parts, language)


def size(part: SizePart, language: str) -> tuple[str, ...]:
    """The thresholds of `detect.size`, and what they leave out."""
    left_out = joined(language, part.ignore)
    return (
        *_bounds(part, language),
        *((words("ignore", language, values=left_out),) if left_out else ()),
    )


def signals(part: DetectPart) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The keys of `detect` that hold lists or one pattern, with what they hold."""
    title = (part.title,) if part.title else ()
    found = (
        ("paths", part.paths),
        ("exclude", part.exclude),
        ("diff", part.diff),
        ("removed", part.removed),
        ("diff_files", part.diff_files),
        ("labels", part.labels),
        ("title", title),
    )
    return tuple((key, values) for key, values in found if values)


def reads(part: HazardPart, language: str) -> str:
    """Which lines of which files the hazard looks at."""
    statements = "added_statements" if part.unit == "statement" else "added"
    lines = words("removed_lines" if part.side == "removed" else statements, language)
    key = f"{part.scope}_files"
    if part.files:
        key = "named_code" if part.scope == "code" else "named_files"
        key = "all_files" if part.files == ("**",) else key
    what = words(key, language, lines=lines, files=joined(language, part.files or ()))
    if not part.exclude_files:
        return what
    return words("but", language, what=what, files=joined(language, part.exclude_files))


def where(part: HazardPart, language: str) -> str:
    """Where `unless` is looked for."""
    if found := NEIGHBOURS.fullmatch(part.unless_scope):
        return words(f"in_{found[1]}", language, count=found[2])
    scope = part.unless_scope
    if scope == "line" and part.unit == "statement":
        scope = "statement"
    if scope == "block" and part.block_with:
        scope = "block_with"
    return words(f"in_{scope}", language, within=part.nearest or part.block_with)


def skipped(part: HazardPart, language: str) -> str:
    """Where the hazard is not looked for at all; "" where it always is."""
    keys = [key for key in ("skip_rollback", "skip_new_table", "once_per") if getattr(part, key)]
    return joined(language, tuple(words(key, language) for key in keys))


def _parts(when: WhenPart, language: str) -> Iterator[tuple[Line, ...]]:
    for key in ("any", "all"):
        if inner := getattr(when, key):
            yield _below(key, [condition(one, language) for one in inner], language)
    if when.not_:
        yield _below("not", [condition(when.not_, language)], language)
    for key in MANY:
        if values := getattr(when, key):
            yield ((0, words(key, language, values=_either(values, language))),)
    if when.file:
        yield _below("file", list(_in_file(when.file, language)), language)
    yield from _measures(when, language)


def _measures(when: WhenPart, language: str) -> Iterator[tuple[Line, ...]]:
    for key in ("files_gte", "added_gte"):
        if least := getattr(when, key):
            yield ((0, words(key, language, values=f"{least:,}")),)
    if when.size:
        bounds = [((0, line),) for line in _bounds(when.size, language)]
        yield bounds[0] if len(bounds) == 1 else _below("any", bounds, language)
    if when.table_in:
        yield ((0, words("table_in", language)),)


def _in_file(part: InFilePart, language: str) -> Iterator[tuple[Line, ...]]:
    for key in ("path", "exclude", "diff", "removed", "unless", "not_diff"):
        if values := getattr(part, key):
            yield ((0, words(f"file_{key}", language, values=_either(values, language))),)
    if part.bump:
        yield ((0, words("file_bump", language, values=part.bump)),)
    if part.new:
        yield ((0, words("file_new", language)),)


def _below(key: str, parts: Sequence[tuple[Line, ...]], language: str) -> tuple[Line, ...]:
    deeper = ((depth + 1, line) for part in parts for depth, line in part)
    return ((0, words(key, language)), *deeper)


def _bounds(part: SizePart | BoundsPart, language: str) -> tuple[str, ...]:
    given = [(key, getattr(part, key, None)) for key in BOUNDS]
    return tuple(words(key, language, values=f"{least:,}") for key, least in given if least)


def _either(values: tuple[str, ...], language: str) -> str:
    named = joined(language, values)
    return named if len(values) == 1 else words("one_of", language, values=named)


SAMPLES = {"hit", "miss"}
SAMPLES_OF_PATHS = {"path_hit", "path_miss"}
RENAMED = {"id", "item", "sev", "en", "ja"}  # said in the words of `ghapp check --format json`

Tree = dict[str, object]


def tree(source: Source, language: str) -> Tree:
    """All of the pack but its samples; every key is there, null or empty where it says nothing."""
    part = source.pack.part
    return {
        **packs.summary(part, language),
        "detect": part.detect.model_dump(mode="json", exclude=SAMPLES_OF_PATHS),
        "items": [_item_tree(item, source.references, language) for item in part.items],
        "hazards": [_hazard_tree(hazard, language) for hazard in part.hazards],
        "retired": [one.model_dump(mode="json") for one in part.retired],
    }


def _item_tree(item: ItemPart, references: References, language: str) -> Tree:
    japanese = language == "ja"
    return {
        "id": item.id,
        "severity": item.sev,
        "category": item.cat,
        "question": spelled(item.ja if japanese else item.en, language),
        "why": spelled(item.why_ja if japanese else item.why_en, language),
        "evidence": spelled(item.ev_ja if japanese else item.ev_en, language),
        "links": [
            {"title": title, "url": address}
            for title, address in (references[key] for key in item.refs)
        ],
        "scope": item.scope,
        "when": _condition_tree(item.when),
        "must_when": _condition_tree(item.must_when),
    }


def _condition_tree(when: WhenPart | None) -> Tree | None:
    if when is None:
        return None
    return when.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def _hazard_tree(hazard: HazardPart, language: str) -> Tree:
    return {
        "id": hazard.id,
        "severity": hazard.sev,
        "item": hazard.item,
        "message": spelled(hazard.ja if language == "ja" else hazard.en, language),
        **hazard.model_dump(mode="json", exclude=SAMPLES | RENAMED),
    }
