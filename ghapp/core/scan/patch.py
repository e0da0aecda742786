"""Patch text as GitHub gives it for one file -> its lines with their numbers.

It judges nothing; a cut, odd or foreign text gives the lines that can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ghapp.core.model import File
from ghapp.core.patterns.regexes import MAX_LINE, as_bytes
from ghapp.core.scan import code_lines

# A larger patch is data, not something written by hand.
MOST_PATCH = 1 << 20  # characters
MOST_LINES = 100_000

SIGNS = frozenset("+-")

# What other programs take for the end of a line, though git does not.
ODD_ENDS = re.compile("[\r\x85\u2028\u2029]")

# A patch begins with the header of a hunk, so that each of its changed lines has a break before it.
ADDED = re.compile(r"\n\+(.*)")
REMOVED = re.compile(r"\n-(.*)")
CHANGED = re.compile(r"\n([+-].*)")

HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class Line(NamedTuple):
    """One line of a patch. A tuple rather than a dataclass: a megabyte of diff has 25,000 of them.

    sign: "+" | "-" | " ". text: without line end. number: in the old file for "-", else in the
    new one. hunk: 1-based. place: in the new file, where a removed line stood.
    """

    sign: str
    text: str
    number: int
    hunk: int
    place: int


class Change(NamedTuple):
    """A file with the text of its patch, for searching; a tuple, for a pull has 3,000 of them.

    shown: the changed lines in the order of the patch, each with a line break and its sign in
    front and without trailing space. added, removed: these lines without sign, cut to what a
    regex looks at, joined by line breaks, in UTF-8. cut: whether one of the added lines was
    longer, or holds a break that is none for git, so that it cannot be looked at as it is meant.
    hidden: whether not all that has changed is there.
    code, removed_code: added and removed with spaces in the place of lines that are comments.
    still: whether nothing but comments, layout or generated code has changed.
    """

    file: File
    shown: str = ""
    added: bytes = b""
    removed: bytes = b""
    cut: bool = False
    hidden: bool = True
    code: bytes = b""
    removed_code: bytes = b""
    still: bool = False


def change(file: File) -> Change:
    """The file with its added and its removed text; one whose patch is too large has neither."""
    if _too_large(file.patch):
        return Change(file)
    patch = _whole_lines(file.patch)
    added, removed = _added_and_removed(patch)
    text, short = _joined(added)
    # Where all lines are added there is no need to look for their order.
    order, sign = (CHANGED.findall(patch), "\n") if removed else (added, "\n+")
    old_text, old_short = _joined(removed) if removed else ("", False)
    cut = short or _has_odd_ends(text)
    hidden = len(added) < file.additions or len(removed) < file.deletions
    new, old = as_bytes(text), as_bytes(old_text)
    # What cannot be looked at as it is meant is taken for code, all of it.
    unclear = cut or hidden or old_short or _has_odd_ends(old_text) or not (added or removed)
    commented = () if unclear else code_lines.comments(file.path, patch)
    code = _blanked(new, patch, commented, "+")
    removed_code = _blanked(old, patch, commented, "-")
    still = not unclear and code_lines.is_still(file, patch, commented, code, removed_code)
    shown = sign.join(["", *map(str.rstrip, order)])
    return Change(file, shown, new, old, cut, hidden, code, removed_code, still)


def _blanked(text: bytes, patch: str, commented: tuple[bool, ...], sign: str) -> bytes:
    """The lines of one sign, with spaces in the place of those that are comments.

    All places stay what they are: what is found in one text can be looked up in the other.
    """
    if not commented:
        return text
    rows = patch.split("\n")
    flags = (flag for row, flag in zip(rows, commented, strict=True) if row[:1] == sign)
    lines = zip(text.split(b"\n"), flags, strict=False)
    return b"\n".join([b" " * len(line) if flag else line for line, flag in lines])


def _added_and_removed(patch: str) -> tuple[list[str], list[str]]:
    """The added and the removed lines, without their signs."""
    body = patch.partition("\n")[2]
    if body[:1] == "+":
        added = body[1:].split("\n+")
        if len(added) == body.count("\n") + 1:  # of a new file all lines are added
            return added, []
    return ADDED.findall(patch), REMOVED.findall(patch) if "\n-" in patch else []


def _too_large(patch: str) -> bool:
    """Whether the patch is data, of which nothing is looked at."""
    most_breaks = MOST_LINES + 2_000
    return len(patch) > most_breaks and (len(patch) > MOST_PATCH or patch.count("\n") > most_breaks)


def _has_odd_ends(text: str) -> bool:
    # Most texts are ASCII, and one look for one character costs next to nothing.
    return "\r" in text if text.isascii() else ODD_ENDS.search(text) is not None


def _joined(found: list[str]) -> tuple[str, bool]:
    """The lines, cut to what a regex looks at; and whether one was longer."""
    text = "\n".join(found)
    if len(text) <= MAX_LINE or max(map(len, found)) <= MAX_LINE:
        return text, False
    return "\n".join([line[:MAX_LINE] for line in found]), True


def changed(patch: str) -> list[str]:
    """The changed lines in the order of the patch, each with its sign in front."""
    return [line for line in _whole_lines(patch).split("\n") if line[:1] in SIGNS]


def lines(patch: str) -> tuple[Line, ...]:
    """All lines in the order of the patch, with their numbers."""
    found: list[Line] = []
    old = new = hunk = 0
    for raw in _raw(patch):
        sign = raw[:1]
        if sign == "+":
            found.append(Line("+", raw[1:], new, hunk, new))
            new += 1
        elif sign == "-":
            found.append(Line("-", raw[1:], old, hunk, new))
            old += 1
        elif header := HUNK.match(raw):
            old, new, hunk = int(header[1]), int(header[2]), hunk + 1
        elif sign != "\\":  # "\ No newline at end of file" is a remark, all else is context
            found.append(Line(" ", raw[1:], new, hunk, new))
            old += 1
            new += 1
    return tuple(found)


def cut_short(file: File) -> bool:
    """Whether the patch shows fewer changed lines than GitHub counted in the file."""
    start = max(file.patch.find("@@ -"), 0)
    added, removed = file.patch.count("\n+", start), file.patch.count("\n-", start)
    return added < file.additions or removed < file.deletions


def _raw(patch: str) -> list[str]:
    text = _whole_lines(patch)
    return text.split("\n") if text else []


def _whole_lines(patch: str) -> str:
    """The text from the first hunk on: headers of a file, as git prints them, are no content."""
    if patch.startswith("@@ -") and "\r" not in patch and "\ufeff" not in patch:
        return patch  # as most are
    start = 0 if patch.startswith("@@ -") else patch.find("\n@@ -") + 1
    if not patch.startswith("@@ -", start):
        return ""
    # Not splitlines(): form feeds and U+2028 are characters of a line, not ends of it.
    # A byte order mark before the first line would hide its beginning from `^`.
    text = patch[start:].replace("\n+\ufeff", "\n+", 1) if "\ufeff" in patch else patch[start:]
    return text.replace("\r\n", "\n").removesuffix("\r")


def perhaps_new(files: Iterable[File]) -> frozenset[str]:
    """Folders at the top in which every file that the pull changes is added.

    Whether the base branch lacks them only its own tree can tell.
    """
    inside = [(file.path.partition("/")[0], file.status) for file in files if "/" in file.path]
    older = {folder for folder, status in inside if status != "added"}
    return frozenset(folder for folder, _ in inside if folder not in older)
