"""A patch -> which of its changed lines are code, and whether the file changes anything at all.

Comments and layout raise no question. Whatever is unclear counts as code: a line inside a string
that looks like a comment may hold an expression that runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ghapp.core.model import File
from ghapp.core.patterns.regexes import as_bytes


@dataclass(frozen=True, slots=True)
class Language:
    """How files of one kind write comments, and which white space means something in them.

    line: what begins a comment that ends with its line. block: what opens and closes a comment that
    may span lines. code: matches comments that count as code. layout: free (neither spaces nor
    breaks mean anything between tokens) | lines (a break may end a statement) | indented (the
    indentation of a line means something, too) | exact (all white space does).
    """

    line: tuple[str, ...] = ()
    block: tuple[str, str] | None = None
    code: re.Pattern[str] | None = None
    layout: str = "exact"


# What a template, a heredoc or an f-string runs even inside what looks like a comment.
RUNS = r"\$\{|\{\$|#\{|\{\{|\{%|\$\(|`|<\?|<%|\{[\w.]+[(\[}!:]"
C_LIKE = re.compile(rf"//\s*(?:go:|\+build)|/\*[!+]|{RUNS}")
PHP = re.compile(rf"#\[|/\*[!+]|{RUNS}")
HASH = re.compile(rf"#!|{RUNS}")
DOCKER = re.compile(rf"#\s*\w+\s*=|{RUNS}")  # `# syntax=` names the program that builds
# Tools that run migrations read some comments.
SQL = re.compile(
    rf"(?i)--\s*(?:\+|@|migrate:|changeset|liquibase|rollback|precondition|atlas:|disable|name:)"
    rf"|/\*[!+]|{RUNS}"
)
MARKUP = re.compile(rf"<!--\[|{RUNS}")

SLASHES, STARS = ("//",), ("/*", "*/")
LANGUAGES: Mapping[str, Language] = {
    ending: kind
    for endings, kind in (
        (
            "js jsx ts tsx mjs cjs mts cts java rs c h cc cpp hpp cs dart proto less scss sol",
            Language(SLASHES, STARS, C_LIKE, "free"),
        ),
        (
            "go kt kts scala groovy gradle swift bicep prisma",
            Language(SLASHES, STARS, C_LIKE, "lines"),
        ),
        ("css", Language((), STARS, C_LIKE, "free")),
        ("php", Language(("//", "#"), STARS, PHP, "free")),
        ("tf tofu hcl tfvars", Language(("#", "//"), STARS, HASH, "lines")),
        ("json", Language(layout="free")),
        ("sql ddl", Language(("--",), STARS, SQL, "free")),
        ("html htm xml vue svelte xhtml", Language((), ("<!--", "-->"), MARKUP, "exact")),
        (
            "py pyi rb rake gemspec ru ex exs graphql gql coffee",
            Language(("#",), None, HASH, "indented"),
        ),
        (
            "sh bash zsh yml yaml toml conf cfg ini env properties",
            Language(("#",), None, HASH, "exact"),
        ),
        ("dockerfile", Language(("#",), None, DOCKER, "exact")),
        ("makefile", Language(("#",), None, HASH, "exact")),
    )
    for ending in endings.split()
}
NAMES: Mapping[str, str] = {
    "gemfile": "rb",
    "rakefile": "rb",
    "makefile": "makefile",
    "dockerfile": "dockerfile",
    "containerfile": "dockerfile",
    ".env": "env",
}
PLAIN = Language()

# The header that generators agree on, in the first lines of a file.
# Source: https://go.dev/s/generatedcode
GENERATED = re.compile(r"(?m)^[+ ]\W{0,4}(?:Code generated .*DO NOT EDIT|@generated\b)")
HEADER = 2_000  # characters of a patch in which that header is searched for

SPACE = re.compile(r"\s+")
# A comma before the end of a list, a semicolon before that of a block or a line.
TRAILING = re.compile(r"(?m),(?=[)\]}])|;(?=\}|$)")
MARKS = bytes(code for code in range(128) if not chr(code).isalnum())
BRANCHES = re.compile(r"\b(?:if|else|for|while|do)\b")  # `if (paid);` is not `if (paid)`
# No language ends a statement at a break after OPEN or before CLOSE, so such a break is layout.
# A break after a word of ENDING ends a statement in JavaScript.
OPEN, CLOSE = frozenset("([{,=:?&|+<"), frozenset(")]}.?:")
ENDING = re.compile(r"\b(?:return|break|continue|throw|yield|async)$")


def language(path: str) -> Language:
    """How the file writes comments; an unknown kind has none."""
    name = path.rpartition("/")[2]
    known = LANGUAGES.get(name.rpartition(".")[2])  # enough for most files
    if known is None:
        name = name.lower()
        named = NAMES.get(name) or NAMES.get(name.partition(".")[0]) or name.rpartition(".")[2]
        known = LANGUAGES.get(named, PLAIN)
    return known


def without_comments(path: str, patch: str) -> str:
    """The patch with spaces in the place of changed rows that are only comments.

    Each row keeps its length in UTF-8, so that what is found in one text can be looked up in the
    other.
    """
    kind = language(path)
    if kind.block and any(mark in patch for mark in kind.block):
        return _without_blocks(patch, kind)
    if not any(mark in patch for mark in kind.line):
        return patch

    def blanked(row: re.Match[str]) -> str:
        return row[0] if kind.code and kind.code.search(row[2]) else row[1] + _spaces(row[2])

    return _line_comments(kind.line).sub(blanked, patch)


def _spaces(text: str) -> str:
    return " " * len(as_bytes(text))


@lru_cache(maxsize=64)
def _line_comments(marks: tuple[str, ...]) -> re.Pattern[str]:
    """Matches a changed row that is only a comment: its sign, and the rest."""
    either = "|".join(map(re.escape, marks))
    return re.compile(rf"(?m)^([+-])([^\S\n]*(?:{either}).*)")


def _without_blocks(patch: str, kind: Language) -> str:
    """The same for a patch with comments that may span lines."""
    rows = patch.split("\n")
    found = set[int]()
    for sides in ("+ ", "- "):
        hunk: list[int] = []  # the places of its rows, as one side of the file has them
        for place, row in enumerate(rows):
            if row.startswith("@@ -"):
                found |= _comments(rows, hunk, kind)
                hunk = []
            elif (row[:1] or " ") in sides:
                hunk.append(place)
        found |= _comments(rows, hunk, kind)
    for place in found:
        rows[place] = rows[place][:1] + _spaces(rows[place][1:])
    return "\n".join(rows)


def _comments(rows: Sequence[str], hunk: Sequence[int], kind: Language) -> set[int]:
    """The places of those rows of a hunk that are comments."""
    found = set[int]()
    texts = [rows[place][1:].strip() for place in hunk]
    opened, closed = kind.block or ("", "")
    # A hunk begins inside a comment if its rows begin with a star up to a row with the end alone.
    first = next((text for text in texts if text == closed or not text.startswith("*")), None)
    inside = bool(closed) and first == closed
    for place, text in zip(hunk, texts, strict=True):
        comment = inside or text.startswith(kind.line)
        if closed and (inside or text.startswith(opened)):
            body = text if inside else text[len(opened) :]
            inside = closed not in body
            comment = inside or body.endswith(closed)
        if comment and not (kind.code and kind.code.search(text)):
            found.add(place)
    return found


def is_still(file: File, patch: str, code_patch: str, code: bytes, removed: bytes) -> bool:
    """Whether only comments, layout or generated code have changed.

    patch: all of it, from its first hunk on. code_patch: the same as `without_comments` gives it.
    code, removed: its added and its removed lines.
    """
    if "generated" in patch and patch.startswith(("@@ -0,0 +1", "@@ -1")):
        header = GENERATED.search(patch, 0, HEADER)
        if header and (file.status == "added" or header[0].startswith(" ")):
            return True
    # Layout leaves letters and digits as they are: one comparison is enough for nearly all files.
    if bool(code) != bool(removed) and code_patch == patch:
        return not (code or removed).strip()
    if code.translate(None, MARKS) != removed.translate(None, MARKS):
        return False
    layout = language(file.path).layout
    # The removed and the added lines of code between unchanged ones, edit by edit.
    old: list[str] = []
    new: list[str] = []
    for row in (*code_patch.split("\n"), " "):
        sign = row[:1]
        if sign in ("+", "-"):
            if row[1:].strip():
                (new if sign == "+" else old).append(row[1:])
        elif sign != "\\" and (old or new):
            if _without_layout(old, layout) != _without_layout(new, layout):
                return False
            old, new = [], []
    return True


def _without_layout(lines: list[str], layout: str) -> list[str]:
    """The lines without the white space and signs that mean nothing in this layout."""
    if layout not in ("exact", "indented"):
        return [_squeezed("\n".join(lines), layout)]
    found = []
    for line in lines:
        text = line.lstrip()
        indentation = line[: len(line) - len(text)]
        rest = text.rstrip() if layout == "exact" else _squeezed(text, "lines")
        found.append(indentation + rest)
    return found


def _squeezed(text: str, layout: str) -> str:
    """The text without its layout: spaces, breaks, trailing signs, and which quotes it uses."""

    def is_word(sign: str) -> bool:
        return sign.isalnum() or sign in ("_", "$", '"', "'", "-")

    def space(found: re.Match[str]) -> str:
        before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        if "\n" in found[0] and before not in OPEN and after not in CLOSE:
            behind = text[max(found.start() - 10, 0) : found.start()]
            if layout == "lines" or ENDING.search(behind):
                return "\n"
        return " " if is_word(before) and is_word(after) else ""

    text = text.strip()
    squeezed = SPACE.sub(space, text)
    if not BRANCHES.search(squeezed):
        squeezed = TRAILING.sub("", squeezed)
    return squeezed if re.search(r"[$\\#`]", squeezed) else squeezed.replace("'", '"')
