"""A patch -> which of its changed lines are code, and whether the file changes anything at all.

Comments and layout raise no question. Whatever is unclear counts as code: a line inside a string
that looks like a comment may hold an expression that runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ghapp.core.model import File


@dataclass(frozen=True, slots=True)
class Language:
    """How files of one kind write comments, and which white space means something in them.

    line: what begins a comment that ends with its line. block: what opens and closes one that may
    reach over lines. code: what looks like a comment and is none. layout: free (neither spaces
    nor breaks mean anything between tokens) | lines (a break may end a statement) | indented (the
    indentation of a line means something, too) | exact.
    """

    line: tuple[str, ...] = ()
    block: tuple[str, str] | None = None
    code: re.Pattern[str] | None = None
    layout: str = "exact"

    @property
    def marks(self) -> tuple[str, ...]:
        """What a comment begins or ends with; a patch without any of these has none."""
        return (*self.line, *(self.block or ()))


# What a template, a heredoc or an f-string runs though it stands in a comment's place.
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

LANGUAGES: Mapping[str, Language] = {
    **dict.fromkeys(
        [
            "js",
            "jsx",
            "ts",
            "tsx",
            "mjs",
            "cjs",
            "mts",
            "cts",
            "java",
            "rs",
            "c",
            "h",
            "cc",
            "cpp",
            "hpp",
            "cs",
            "dart",
            "proto",
            "less",
            "scss",
            "sol",
        ],
        Language(("//",), ("/*", "*/"), C_LIKE, "free"),
    ),
    **dict.fromkeys(
        ["go", "kt", "kts", "scala", "groovy", "gradle", "swift", "bicep", "prisma"],
        Language(("//",), ("/*", "*/"), C_LIKE, "lines"),
    ),
    "css": Language((), ("/*", "*/"), C_LIKE, "free"),
    "php": Language(("//", "#"), ("/*", "*/"), PHP, "free"),
    **dict.fromkeys(
        ("tf", "tofu", "hcl", "tfvars"), Language(("#", "//"), ("/*", "*/"), HASH, "lines")
    ),
    "json": Language(layout="free"),
    **dict.fromkeys(("sql", "ddl"), Language(("--",), ("/*", "*/"), SQL, "free")),
    **dict.fromkeys(
        ("html", "htm", "xml", "vue", "svelte", "xhtml"),
        Language((), ("<!--", "-->"), MARKUP, "exact"),
    ),
    **dict.fromkeys(
        ("py", "pyi", "rb", "rake", "gemspec", "ru", "ex", "exs", "graphql", "gql", "coffee"),
        Language(("#",), None, HASH, "indented"),
    ),
    **dict.fromkeys(
        ("sh", "bash", "zsh", "yml", "yaml", "toml", "conf", "cfg", "ini", "env", "properties"),
        Language(("#",), None, HASH, "exact"),
    ),
    "dockerfile": Language(("#",), None, DOCKER, "exact"),
    "makefile": Language(("#",), None, HASH, "exact"),
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
HEADER = 2_000  # characters of a patch in which that header is looked for

SPACE = re.compile(r"\s+")
# A comma before the end of a list, a semicolon before that of a block or a line.
TRAILING = re.compile(r"(?m),(?=[)\]}])|;(?=\}|$)")
MARKS = bytes(code for code in range(128) if not chr(code).isalnum())
BRANCHES = re.compile(r"\b(?:if|else|for|while|do)\b")  # `if (paid);` is not `if (paid)`
# A break may go where no language ends a statement; behind these words it ends one in JavaScript.
OPEN, CLOSE = frozenset("([{,=:?&|+<"), frozenset(")]}.?:")
ENDING = re.compile(r"\b(?:return|break|continue|throw|yield|async)$")


def language(path: str) -> Language:
    """How the file writes comments; one that is not known has none."""
    name = path.rpartition("/")[2]
    known = LANGUAGES.get(name.rpartition(".")[2])  # as of most files
    if known is None:
        name = name.lower()
        named = NAMES.get(name) or NAMES.get(name.partition(".")[0]) or name.rpartition(".")[2]
        known = LANGUAGES.get(named, PLAIN)
    return known


def comments(path: str, patch: str) -> tuple[bool, ...]:
    """For each row of the patch whether it is nothing but a comment; () where none is."""
    kind = language(path)
    if not any(mark in patch for mark in kind.marks):
        return ()
    rows = patch.split("\n")
    found = [False] * len(rows)
    for sides in ("+ ", "- "):
        for places in _hunks(rows, sides):
            for place in _commented(rows, places, kind):
                found[place] = True
    return tuple(found) if any(found) else ()


def is_still(
    file: File, patch: str, commented: Sequence[bool], code: bytes, removed: bytes
) -> bool:
    """Whether nothing but comments, layout or generated code has changed.

    patch: all of it, from its first hunk on. commented: of its rows, as `comments` tells.
    code, removed: the added and the removed lines without those.
    """
    if patch.startswith(("@@ -0,0 +1", "@@ -1")):
        header = GENERATED.search(patch, 0, HEADER)
        if header and (file.status == "added" or header[0].startswith(" ")):
            return True
    # Layout leaves letters and digits as they are: one look is enough for nearly all files.
    if bool(code) != bool(removed) and not commented:
        return not (code or removed).strip()
    if code.translate(None, MARKS) != removed.translate(None, MARKS):
        return False
    layout = language(file.path).layout
    return all(_same(old, new, layout) for old, new in _edits(patch.split("\n"), commented))


def _hunks(rows: Sequence[str], sides: str) -> Iterator[list[int]]:
    """The places of the rows of one side of the file, hunk by hunk."""
    held: list[int] = []
    for place, row in enumerate(rows):
        if row.startswith("@@ -"):
            if held:
                yield held
            held = []
        elif (row[:1] or " ") in sides:
            held.append(place)
    if held:
        yield held


def _commented(rows: Sequence[str], places: Sequence[int], kind: Language) -> Iterator[int]:
    """The rows that are comments, of one hunk as one side of the file has it."""
    texts = [rows[place][1:].strip() for place in places]
    inside = kind.block is not None and _begins_inside(texts, kind.block)
    for place, text in zip(places, texts, strict=True):
        comment = inside or text.startswith(kind.line)
        if kind.block is not None:
            opened, closed = kind.block
            if inside or text.startswith(opened):
                body = text if inside else text[len(opened) :]
                inside = closed not in body
                comment = inside or body.endswith(closed)
        if comment and not (kind.code and kind.code.search(text)):
            yield place


def _begins_inside(texts: Sequence[str], block: tuple[str, str]) -> bool:
    """Whether the hunk begins within a comment: its rows have a star up to a lone end."""
    for text in texts:
        if text == block[1]:
            return True
        if not text.startswith("*"):
            return False
    return False


def _edits(rows: Sequence[str], commented: Sequence[bool]) -> Iterator[tuple[list[str], list[str]]]:
    """The removed and the added lines of code between unchanged ones, edit by edit."""
    old: list[str] = []
    new: list[str] = []
    for place, row in enumerate(rows):
        sign = row[:1]
        if sign in ("+", "-"):
            if not (commented and commented[place]) and row[1:].strip():
                (new if sign == "+" else old).append(row[1:])
        elif sign != "\\" and (old or new):
            yield old, new
            old, new = [], []
    if old or new:
        yield old, new


def _same(old: list[str], new: list[str], layout: str) -> bool:
    """Whether the lines say the same."""
    if layout == "exact":
        return [line.rstrip() for line in old] == [line.rstrip() for line in new]
    if layout == "indented":
        return [_indented(line) for line in old] == [_indented(line) for line in new]
    return _squeezed("\n".join(old), layout) == _squeezed("\n".join(new), layout)


def _indented(line: str) -> tuple[str, str]:
    text = line.lstrip()
    return line[: len(line) - len(text)], _squeezed(text, "lines")


def _squeezed(text: str, layout: str) -> str:
    """The text without what only lays it out: spaces, breaks, and which quotes it uses."""

    def space(found: re.Match[str]) -> str:
        before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        if "\n" in found[0] and before not in OPEN and after not in CLOSE:
            behind = text[max(found.start() - 10, 0) : found.start()]
            if layout == "lines" or ENDING.search(behind):
                return "\n"
        return " " if _is_word(before) and _is_word(after) else ""

    text = text.strip()
    squeezed = SPACE.sub(space, text)
    if not BRANCHES.search(squeezed):
        squeezed = TRAILING.sub("", squeezed)
    return squeezed if re.search(r"[$\\#`]", squeezed) else squeezed.replace("'", '"')


def _is_word(text: str) -> bool:
    return text.isalnum() or text in ("_", "$", '"', "'", "-")
