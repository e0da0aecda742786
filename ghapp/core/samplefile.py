"""A sample of a pack -> the changed file that the engine reads; a glob -> a path it matches."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ghapp.core.matching import globs
from ghapp.core.model import File

HUNK = "@@"  # a sample that begins with it is a diff, any other one is a new file
CLASS = re.compile(r"\[[!^]?([^\]])[^\]]*\]")
CODE = tuple(f"src/sample.{ending}" for ending in ("py", "ts", "rb", "go", "php", "sql", "txt"))


def is_diff(text: str) -> bool:
    """Whether the lines of the sample have signs of their own."""
    return text.startswith(HUNK)


def written(text: str, path: str) -> tuple[File, str]:
    """The file that the sample makes of `path`, and the text of its new version."""
    lines = text.removesuffix("\n").split("\n")
    if is_diff(text):
        return _changed(lines, path)
    patch = "\n".join([_header(1, 0, 1, len(lines)), *(f"+{line}" for line in lines)])
    return File(path, "added", len(lines), 0, patch), "\n".join(lines)


def paths(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """A path for each of the globs that one can be made up for; `**` admits any code."""
    if patterns == ("**",):
        return CODE
    made = ((glob, _path(glob)) for glob in patterns)
    return tuple(path for glob, path in made if globs.matches((glob,), path))


def _changed(lines: list[str], path: str) -> tuple[File, str]:
    patch: list[str] = []
    new_side: list[str] = []
    added = removed = 0
    old = new = 1
    for body in _hunks(lines):
        plus = sum(line[0] == "+" for line in body)
        minus = sum(line[0] == "-" for line in body)
        same = sum(line[0] == " " for line in body)
        patch += [_header(old, minus + same, new, plus + same), *body]
        new_side += [line[1:] for line in body if line[0] in "+ "]
        added, removed = added + plus, removed + minus
        old, new = old + minus + same, new + plus + same
    return File(path, "modified", added, removed, "\n".join(patch)), "\n".join(new_side)


def _hunks(lines: list[str]) -> Iterator[list[str]]:
    """The lines below each header, with their signs; a line without one is unchanged."""
    starts = [at for at, line in enumerate(lines) if line.startswith(HUNK)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        body = lines[start + 1 : end]
        yield [line if line[:1] in ("+", "-", " ", "\\") else f" {line}" for line in body]


def _header(old: int, old_count: int, new: int, new_count: int) -> str:
    # A side without lines is numbered by the line before it.
    old, new = old - (not old_count), new - (not new_count)
    return f"@@ -{old},{old_count} +{new},{new_count} @@"


def _path(glob: str) -> str:
    parts = glob.removeprefix("/").split("/")
    first = ["src"] if parts[0] == "**" else []
    steps = [_step(part) for part in parts if part not in ("**", "")]
    open_end = ["sample.py"] if parts[-1] in ("**", "") else []
    return "/".join([*first, *steps, *open_end])


def _step(part: str) -> str:
    """A name that this part of a glob matches; a star at its start stands for a word."""
    word = "sample" if part == "*" or part.startswith("*.") else ""
    name = CLASS.sub(r"\1", part.replace("*", word, 1).replace("*", ""))
    return name.replace("?", "x").replace("\\", "")
