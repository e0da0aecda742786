"""Globs (gitwildmatch, as in .gitignore) and a path -> the globs that match. Linear in the path.

A glob with a slash before its end is anchored at the root: `docs/**` is not `**/docs/**`.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

from ghapp.core.matching.regexes import PATTERN_BYTES, Broken, Pattern, as_bytes, build

MAX_LENGTH = 500
MAX_DOUBLE_STARS = 6

# A comma between braces is what shells expand and gitwildmatch takes literally.
BRACES = re.compile(r"(?<!\\)\{[^{}]*,[^{}]*\}")
WILD = re.compile(r"[*?\[\\]")

# Globs that ask for nothing but a name: of a folder, of any part of the path, or its ending.
FOLDER = re.compile(r"\*\*/[^*?\[\]\\\s/]+/\*\*")
NAMED = re.compile(r"\*\*/(?:[^*?\[\]\\\s/]+|\*\.[^*?\[\]\\\s/.]+)")
MAX_FOLDERS = 4_096  # remembered for a list of globs


def matches(globs: tuple[str, ...], path: str) -> str:
    """The first of the globs that matches the path, "" where none does.

    globs: in which `fault` finds nothing.
    """
    return next(iter(_index(globs).every(path)), "")


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


class Globs:
    """A list of globs, in which `fault` finds nothing, for questions about many paths.

    One regular expression of all globs was tried and dropped: several `**` in each of 200 globs
    make RE2 build a state for almost every path, and backtracking can be made to hang.
    """

    def __init__(self, globs: tuple[str, ...]) -> None:
        self._globs = globs
        # By a name that a path must have for the glob to match; else by text that it must hold.
        self._by_name: dict[str, list[int]] = {}
        self._by_part: list[tuple[str, int]] = []
        self._nameless: set[int] = set()
        # A text that every matching path holds: most paths need no regular expression at all.
        self._texts = [_part(glob) for glob in globs]
        self._all: set[int] = set()
        self._sure = [_sure(glob) for glob in globs]
        self._folders: dict[str, tuple[frozenset[int], frozenset[int]]] = {}
        for place, glob in enumerate(globs):
            if glob == "**":
                self._all.add(place)
            elif name := _name(glob):
                self._by_name.setdefault(name, []).append(place)
            elif part := self._texts[place]:
                self._by_part.append((part, place))
            else:
                self._nameless.add(place)
        parts = sorted({re.escape(part) for part, _ in self._by_part})
        self._parts = re.compile("|".join(parts)) if parts else None

    def every(self, path: str) -> tuple[str, ...]:
        """All of the globs that match the path, in their order."""
        return tuple([self._globs[place] for place in sorted(self._places(path))])

    def matching(self, path: str) -> frozenset[str]:
        """All of the globs that match the path."""
        return frozenset([self._globs[place] for place in self._places(path)])

    def _places(self, path: str) -> AbstractSet[int]:
        folder, _, base = path.rpartition("/")
        known = self._folders.get(folder)
        sure, possible = known or self._of_folder(folder)
        found = sure
        for name in _names(base):
            for place in self._by_name.get(name, ()):
                if self._sure[place] == "any":
                    found = found | {place}
                elif self._sure[place] != "folder":
                    possible = possible | {place}
        if self._parts and self._parts.search(base):
            possible = possible.union(place for part, place in self._by_part if part in base)
        text = as_bytes(path) if possible else b""
        for place in possible:
            fits = self._texts[place] in path and place not in found
            if fits and _compiled(self._globs[place]).search(text) is not None:
                found = found | {place}
        return found

    def _of_folder(self, folder: str) -> tuple[frozenset[int], frozenset[int]]:
        """What the folder alone tells of its files: globs that match them, and that may."""
        parts = folder.split("/") if folder else []
        names = {name for part in parts for name in _names(part)}
        places = {place for name in names for place in self._by_name.get(name, ())}
        sure = frozenset(self._all.union(place for place in places if self._sure[place]))
        named = {place for part, place in self._by_part if part in folder}
        known = sure, frozenset(places | named | self._nameless) - sure
        if len(self._folders) >= MAX_FOLDERS:
            self._folders.clear()
        self._folders[folder] = known
        return known


@lru_cache(maxsize=1024)
def _index(globs: tuple[str, ...]) -> Globs:
    return Globs(globs)


def _sure(glob: str) -> str:
    """Where in a path the name of the glob is all that it takes: "folder", "any" part or ""."""
    if FOLDER.fullmatch(glob):
        return "folder"
    return "any" if NAMED.fullmatch(glob) else ""


def _name(glob: str) -> str:
    """A folder, file or ending ("*.md") of every path that matches; "" where none is known."""
    parts = glob.rstrip().split("/")
    whole = [part for part in parts if not WILD.search(part)]
    endings = [part.rsplit(".", 1)[1] for part in parts if "." in part]
    sure = [f"*.{ending}" for ending in endings if not WILD.search(ending)]
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


def _names(part: str) -> tuple[str, ...]:
    """A part of a path by its whole name, and by its ending as "*.md"."""
    return (part, "*." + part.rsplit(".", 1)[1]) if "." in part else (part,)


@lru_cache(maxsize=8192)
def _compiled(glob: str) -> Pattern:
    regex, _ = GitIgnoreBasicPattern.pattern_to_regex(glob)
    return build(f"(?s){regex}", PATTERN_BYTES)  # (?s): a file name may hold a line break
