"""Globs (gitwildmatch, as in .gitignore) and a path -> the globs that match. Linear in the path.

A glob with a slash before its end is anchored at the root: `docs/**` is not `**/docs/**`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

from ghapp.core.regexes import PATTERN_BYTES, Broken, Pattern, as_bytes, build

MAX_LENGTH = 500
MAX_DOUBLE_STARS = 6

# A comma between braces is what shells expand and gitwildmatch takes literally.
BRACES = re.compile(r"(?<!\\)\{[^{}]*,[^{}]*\}")
WILD = re.compile(r"[*?\[\\]")


def matches(globs: tuple[str, ...], path: str) -> str:
    """The first of the globs that matches the path, "" where none does.

    globs: in which `fault` finds nothing.
    """
    return next(_matching(globs, path), "")


def every(globs: tuple[str, ...], path: str) -> tuple[str, ...]:
    """All of the globs that match the path, in their order.

    For many lists of globs and many paths ask once with the lists joined: that is what is quick.
    """
    return tuple(_matching(globs, path))


@lru_cache(maxsize=4096)
def fault(glob: str) -> str:
    """What is wrong with a glob and what to do, one line; "" where nothing is."""
    if len(glob) > MAX_LENGTH:
        return f"the glob is {len(glob)} characters long, more than {MAX_LENGTH}: shorten it"
    if not glob.strip().strip("/"):
        return "the glob is empty: write `**` to match every path"
    if glob.startswith("!"):
        return f"`{glob}` starts with `!`, which is not read as a negation: leave such paths out"
    if glob.startswith("#"):
        return f"`{glob}` starts with `#`: write `\\#` if the file name does"
    if glob.startswith(("./", "../")):
        return f"`{glob}` never matches: paths start at the root of the repository, without `./`"
    if BRACES.search(glob):
        return f"`{glob}`: braces are not expanded, write one glob for each choice"
    if glob.count("**") > MAX_DOUBLE_STARS:
        return f"`{glob}` has more than {MAX_DOUBLE_STARS} `**`: one `**` spans any depth"
    return _unreadable(glob)


def _unreadable(glob: str) -> str:
    try:
        _compiled(glob)
    except (GitIgnorePatternError, Broken):
        return f"`{glob}` is no glob: look for a `\\` at its end or a range like `[z-a]`"
    return ""


@dataclass(frozen=True, slots=True)
class _Index:
    """Places in a list of globs, by a name that a path must have for the glob to match.

    One regular expression of all globs was tried and dropped: several `**` in each of 200 globs
    make RE2 build a state for almost every path, and backtracking can be made to hang.
    """

    by_name: Mapping[str, tuple[int, ...]]
    by_part: tuple[tuple[str, int], ...]  # (text that must be in the path, place), no name known


def _matching(globs: tuple[str, ...], path: str) -> Iterator[str]:
    index = _index(globs)
    places = [place for part, place in index.by_part if part in path]
    for name in _names(path):
        places += index.by_name.get(name, ())
    text = as_bytes(path)
    for place in sorted(places):
        if _compiled(globs[place]).search(text) is not None:
            yield globs[place]


@lru_cache(maxsize=1024)
def _index(globs: tuple[str, ...]) -> _Index:
    by_name: dict[str, tuple[int, ...]] = {}
    by_part: list[tuple[str, int]] = []
    for place, glob in enumerate(globs):
        if name := _name(glob):
            by_name[name] = (*by_name.get(name, ()), place)
        else:
            by_part.append((_part(glob), place))
    return _Index(by_name, tuple(by_part))


def _name(glob: str) -> str:
    """A folder, file or ending (".md") of every path that matches; "" where none is known."""
    parts = glob.rstrip().split("/")
    whole = [part for part in parts if not WILD.search(part)]
    endings = ["." + part.rsplit(".", 1)[1] for part in parts if "." in part]
    sure = [ending for ending in endings if not WILD.search(ending)]
    return max(whole, key=len, default="") or max(sure, key=len, default="")


def _part(glob: str) -> str:
    """The longest text that every matching path holds; "" where none is known."""
    parts = glob.rstrip().split("/")
    plain = [part for part in parts if "[" not in part and "\\" not in part]
    return max(
        (text for part in plain for text in re.split(r"[*?]", part)),
        key=len,
        default="",
    )


@lru_cache(maxsize=8192)
def _names(path: str) -> frozenset[str]:
    parts = path.split("/")
    return frozenset(parts) | {"." + part.rsplit(".", 1)[1] for part in parts if "." in part}


@lru_cache(maxsize=8192)
def _compiled(glob: str) -> Pattern:
    regex, _ = GitIgnoreBasicPattern.pattern_to_regex(glob)
    return build(f"(?s){regex}", PATTERN_BYTES)  # (?s): a file name may hold a line break
