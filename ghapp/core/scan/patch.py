"""A patch as GitHub gives it for one file -> its lines with their numbers.

A text that is cut or malformed gives the lines that can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ghapp.core.model import File
from ghapp.core.patterns.regexes import as_bytes
from ghapp.core.scan import code_lines
from ghapp.core.scan.unshown import is_unshown

# A larger patch is data, not something written by hand.
MOST_PATCH = 1 << 20  # characters
MOST_LINES = 100_000
MOST_BREAKS = MOST_LINES + 2_000  # with the headers of hunks

# Layout: two lines that differ only in these characters are the same.
LAYOUT = b" \t\"'`,;"

# What other programs take for the end of a line, though git does not.
ODD_ENDS = re.compile("[\r\x0b\x0c\x85\u2028\u2029]")

# A patch begins with the header of a hunk, so that each of its changed lines has a break before it.
ADDED = re.compile(r"\n\+(.*)")
REMOVED = re.compile(r"\n-(.*)")
CHANGED = re.compile(r"(?:\n[+-].*)+")

# White space at the end of a line, unless it is behind a backslash.
TRAILING = re.compile(r"(?<![\\\s])[^\S\n]+(?=\n|\Z)")
ENDS = tuple(f"{space}\n" for space in " \t\r\x0b\x0c\x1c\x1d\x1e\x1f")  # all that ASCII has

HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class PatchLine(NamedTuple):
    """One line of a patch. A tuple, not a dataclass: a megabyte of diff has 25,000 of them.

    sign: "+" | "-" | " ". text: without line end. number: in the old file for "-", else in the
    new one. hunk: from 1. place: the number in the new file; for "-" where the line was.
    """

    sign: str
    text: str
    number: int
    hunk: int
    place: int


class ChangedFile(NamedTuple):
    """A file with the text of its patch, for searching. A tuple, because a pull may have 3,000.

    added, removed: the changed lines without sign, joined by line breaks, in UTF-8; what other
    programs take for the end of a line ends one here, too.
    hidden: whether not all that has changed is there.
    added_code, removed_code: added and removed with spaces in the place of lines that are comments.
    still: whether nothing but comments, layout or generated code has changed.
    """

    file: File
    added: bytes = b""
    removed: bytes = b""
    hidden: bool = True
    added_code: bytes = b""
    removed_code: bytes = b""
    still: bool = False

    def text(self, sign: str) -> bytes:
        """The added ("+") or the removed lines ("-")."""
        return self.added if sign == "+" else self.removed

    def code(self, sign: str) -> bytes:
        """The same without those that are comments."""
        return self.added_code if sign == "+" else self.removed_code

    @property
    def paths(self) -> tuple[str, ...]:
        """The path; for a renamed file also the previous one."""
        file = self.file
        moved = file.status == "renamed" and file.previous_path
        return (file.path, file.previous_path) if moved else (file.path,)

    @property
    def only_moved(self) -> bool:
        """Whether nothing but the path has changed."""
        file = self.file
        return file.status == "renamed" and file.same_blob and not file.mode


def changed_file(file: File) -> ChangedFile:
    """The file with its added and removed lines; with none if its patch is too large."""
    size = len(file.patch)
    if size > MOST_BREAKS and (size > MOST_PATCH or file.patch.count("\n") > MOST_BREAKS):
        return ChangedFile(file)
    patch = _whole_lines(file.patch)
    added, removed, new_lines, old_lines = _sides(patch)
    hidden = new_lines < file.additions or old_lines < file.deletions or is_unshown(file)
    # What other programs read as more lines than git does is taken for code, all of it.
    odd = _has_odd_ends(added), _has_odd_ends(removed)
    new, old = (
        as_bytes(ODD_ENDS.sub("\n", one) if is_odd else one)
        for one, is_odd in zip((added, removed), odd, strict=True)
    )
    if any(odd) or hidden or not (new_lines or old_lines):
        return ChangedFile(file, new, old, hidden, new, old)
    code_patch, code, old_code = code_lines.without_comments(file.path, patch), new, old
    if code_patch != patch:
        added, removed, _, _ = _sides(code_patch)
        code, old_code = as_bytes(added), as_bytes(removed)
    still = code_lines.is_still(file, patch, code_patch, code, old_code)
    return ChangedFile(file, new, old, hidden, code, old_code, still)


def shown_lines(file: File) -> str:
    """The changed lines in the order of the patch, as the fingerprint of an area covers them.

    Each has a line break and its sign in front and no trailing space; but behind a backslash, a
    space makes a difference. file: one whose patch is not too large.
    """
    text = "".join(CHANGED.findall(_whole_lines(file.patch)))
    # Most texts are ASCII and have no such space, and to know that is faster.
    clean = text.isascii() and not (text[-1:].isspace() or any(end in text for end in ENDS))
    return text if clean else TRAILING.sub("", text)


def _sides(patch: str) -> tuple[str, str, int, int]:
    """The added and the removed lines, joined by line breaks, and how many there are of each."""
    body = patch.partition("\n")[2]
    breaks = body.count("\n")
    if body.startswith("+") and body.count("\n+") == breaks:  # all are added, as in a new file
        return body[1:].replace("\n+", "\n"), "", breaks + 1, 0
    added = ADDED.findall(patch)
    removed = REMOVED.findall(patch) if "\n-" in patch else []
    return "\n".join(added), "\n".join(removed), len(added), len(removed)


def _has_odd_ends(text: str) -> bool:
    # Most texts are ASCII, and a search for one character costs next to nothing.
    if text.isascii():
        return "\r" in text or "\x0c" in text or "\x0b" in text
    return ODD_ENDS.search(text) is not None


def lines(patch: str) -> tuple[PatchLine, ...]:
    """All lines in the order of the patch, with their numbers."""
    found: list[PatchLine] = []
    old = new = hunk = 0
    text = _whole_lines(patch)
    for raw in text.split("\n") if text else ():
        sign = raw[:1]
        if sign == "+":
            found.append(PatchLine("+", raw[1:], new, hunk, new))
            new += 1
        elif sign == "-":
            found.append(PatchLine("-", raw[1:], old, hunk, new))
            old += 1
        elif header := HUNK.match(raw):
            old, new, hunk = int(header[1]), int(header[2]), hunk + 1
        elif sign != "\\":  # "\ No newline at end of file" is a remark, all else is context
            found.append(PatchLine(" ", raw[1:], new, hunk, new))
            old += 1
            new += 1
    return tuple(found)


def searched_lines(patch: str) -> tuple[PatchLine, ...]:
    """The lines as they are searched, with one more for each break that is none for git.

    Such a line has the number of the one that it is a part of.
    """
    found = lines(patch)
    if not any(_has_odd_ends(row.text) for row in found):
        return found
    return tuple(row._replace(text=text) for row in found for text in ODD_ENDS.split(row.text))


def cut_short(file: File) -> bool:
    """Whether the patch shows fewer changed lines than GitHub counted in the file."""
    start = max(file.patch.find("@@ -"), 0)
    added, removed = file.patch.count("\n+", start), file.patch.count("\n-", start)
    return added < file.additions or removed < file.deletions


def _whole_lines(patch: str) -> str:
    """The text from the first hunk on: headers of a file, as git prints them, are not content."""
    if patch.startswith("@@ -") and "\r" not in patch and "\ufeff" not in patch:
        return patch  # true for most
    start = 0 if patch.startswith("@@ -") else patch.find("\n@@ -") + 1
    if not patch.startswith("@@ -", start):
        return ""
    # Not splitlines(): form feeds and U+2028 are characters of a line, not ends of it.
    # A byte order mark before the first line would hide its beginning from `^`.
    text = patch[start:].replace("\n+\ufeff", "\n+", 1) if "\ufeff" in patch else patch[start:]
    return text.replace("\r\n", "\n").removesuffix("\r")


def perhaps_new(files: Iterable[File]) -> frozenset[str]:
    """Folders at the top in which every file that the pull changes is added.

    Only the tree of the base branch can tell whether it lacks them.
    """
    inside = [(file.path.partition("/")[0], file.status) for file in files if "/" in file.path]
    older = {folder for folder, status in inside if status != "added"}
    return frozenset(folder for folder, _ in inside if folder not in older)
