"""What a pack says in keys -> the same in words, English or Japanese."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ghapp.core.areas import Text
from ghapp.core.packs.hazardfile import NEIGHBOURS, HazardPart
from ghapp.core.packs.packfile import BoundsPart, DetectPart, InFilePart, SizePart, WhenPart
from ghapp.core.words.texts import joined

WORDS: Mapping[str, Text] = {
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
    return WORDS[key].to(language).format_map(values)


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
