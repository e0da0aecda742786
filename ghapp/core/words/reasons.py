"""A hit -> why an area is flagged, as words; Markdown unless names are shown otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ghapp.core.areas import Hit, Text
from ghapp.core.markdown import code

WORDS: Mapping[str, Text] = {
    "label": Text("label {what}", "ラベル {what}"),
    "path": Text("{path} (matches {what})", "{path}（{what} に一致）"),
    "diff": Text("{path}: {what}", "{path}：{what}"),
    "removed": Text("{path}: removed {what}", "{path}：削除された行 {what}"),
    "line": Text("{path}", "{path}"),
    "hazard": Text("{path} ({what})", "{path}（{what}）"),
    "unread": Text("{path} (GitHub shows no diff)", "{path}（GitHub が差分を表示しません）"),
    "concern": Text("{what}", "{what}"),
    "files": Text("{count} files changed", "変更ファイル {count} 件"),
    "lines": Text("{count} lines added", "追加 {count} 行"),
    "folder": Text("new top-level folder {what}", "最上位の新規フォルダ {what}"),
}


def why(hit: Hit, language: str, name: Callable[[str], str] = code) -> str:
    """The reason: which label, which file by which glob, which line, or how many of what.

    name: how a name from the pull is shown so that it does nothing else.
    """
    if hit.kind == "size":
        count, _, unit = hit.what.partition(" ")
        return WORDS[unit or "files"].to(language).format(count=f"{int(count):,}")
    place = f"{hit.path}:{hit.line}" if hit.line else hit.path
    return WORDS[hit.kind].to(language).format(path=name(place), what=name(hit.what))
