"""Globs (gitwildmatch, as in .gitignore) and a path -> the globs that match. Linear in the path.

A glob with a slash before its end is anchored at the root: `docs/**` is not `**/docs/**`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

from ghapp.core.patterns.regexes import PATTERN_BYTES, Broken, Pattern, as_bytes, build

MAX_LENGTH = 500
MAX_DOUBLE_STARS = 6

# A comma between braces is what shells expand and gitwildmatch takes literally.
BRACES = re.compile(r"(?<!\\)\{[^{}]*,[^{}]*\}")
NOTHING = r"(?!)"
WILD = re.compile(r"[*?\[\\]")
# What stands for other text: `*`, `?` and a range like `[-_]`.
ANYTHING = re.compile(r"[*?]|\[[!^]?\]?[^\[\]\\]*\]")

# Globs that ask for nothing but a name: of a folder, of any part of the path, or its ending.
NAMED = re.compile(r"\*\*|\*\*/(?:[^*?\[\]\\\s/]+(?:/\*\*)?|\*\.[^*?\[\]\\\s/.]+)")
# Whether these match is up to the folder and the ending of a path.
ANY_NAME = re.compile(r"(?:^|/)(?:\*\*|\*\.[^*?\[\]\\\s/.]*|\*)?\Z")
MAX_KINDS = 4_096  # remembered for a list of globs
NONE: frozenset[int] = frozenset()


def matches(globs: tuple[str, ...], path: str) -> str:
    """The first of the globs that matches the path, "" where none does.

    globs: in which `fault` finds nothing.
    """
    return index(globs).first(path)


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
        _built(glob)  # and not kept: most are never searched for
    except (GitIgnorePatternError, Broken):
        return f"`{glob}` is no glob: look for a `\\` at its end or a range like `[z-a]`"
    return ""


class _Kind(NamedTuple):
    """What holds for the files of one folder with one ending. Places are those of globs.

    places, globs: those that match each of the files. open: those that match some, by their names:
    each with a text that the path then holds.
    """

    places: frozenset[int]
    globs: frozenset[str]
    open: tuple[tuple[str, int], ...]


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
        self._texts = [_part(glob.rstrip().rpartition("/")[2]) or _part(glob) for glob in globs]
        self._sure = [NAMED.fullmatch(glob) is not None for glob in globs]
        self._any_name = {place for place, glob in enumerate(globs) if ANY_NAME.search(glob)}
        self._folders: dict[str, set[int]] = {}
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._listed: dict[frozenset[int], frozenset[str]] = {}
        for place, glob in enumerate(globs):
            if name := _name(glob):
                self._by_name.setdefault(name, []).append(place)
            elif part := _part(glob):
                self._by_part.append((part, place))
            else:
                self._nameless.add(place)
        # Those of them for which the name of the file itself counts.
        self._part_of_base = [one for one in self._by_part if one[1] not in self._any_name]
        self._parts = _one_of(sorted({part for part, _ in self._part_of_base}))

    def first(self, path: str) -> str:
        """The first of the globs that matches the path, "" where none does."""
        kind, more = self._found(path)
        return self._globs[min(kind.places | more)] if kind.places or more else ""

    def every(self, path: str) -> tuple[str, ...]:
        """All of the globs that match the path, in their order."""
        kind, more = self._found(path)
        return tuple([self._globs[place] for place in sorted(kind.places | more)])

    def matching(self, path: str) -> frozenset[str]:
        """All of the globs that match the path; for most paths of a kind it is the same set."""
        kind, more = self._found(path)
        return self._list(kind.places | more) if more else kind.globs

    def _found(self, path: str) -> tuple[_Kind, frozenset[int]]:
        """What the path's kind tells, and the places of the globs that its name adds."""
        folder, _, base = path.rpartition("/")
        dot = base.rfind(".")
        ending = base[dot:] if dot >= 0 else ""
        kind = self._kinds.get((folder, ending)) or self._kind(folder, ending)
        possible = {place for text, place in kind.open if text in path}
        if base in self._by_name:
            possible.update(self._by_name[base])
            possible -= self._any_name
        if self._parts.search(base):
            possible.update([place for part, place in self._part_of_base if part in base])
        return kind, self._fitting(path, possible) if possible else NONE

    def _kind(self, folder: str, ending: str) -> _Kind:
        places = frozenset(self._nameless.union(self._by_name.get(f"*{ending}", ())))
        for part in folder.split("/"):
            places |= self._folder(part)
        example = f"{folder}/x{ending}" if folder else f"x{ending}"
        found = self._fitting(example, places & self._any_name)
        if len(self._kinds) >= MAX_KINDS:
            self._kinds.clear()
        named = tuple([(self._texts[place], place) for place in places - self._any_name])
        kind = _Kind(found, self._list(found), named)
        self._kinds[folder, ending] = kind
        return kind

    def _folder(self, part: str) -> set[int]:
        """The places of the globs that a folder of this name may make match."""
        # Other threads may clear what is remembered between a look and a second one.
        known = self._folders.get(part)
        if known is not None:
            return known
        found = {place for name in _names(part) for place in self._by_name.get(name, ())}
        found.update(place for text, place in self._by_part if text in part)
        if len(self._folders) >= MAX_KINDS:
            self._folders.clear()
        self._folders[part] = found
        return found

    def _fitting(self, path: str, places: AbstractSet[int]) -> frozenset[int]:
        """The places of those of the globs that match the path."""
        near = [place for place in places if self._texts[place] in path]
        text = as_bytes(path) if near else b""
        return frozenset(
            [
                place
                for place in near
                if self._sure[place] or _compiled(self._globs[place]).search(text) is not None
            ]
        )

    def _list(self, places: frozenset[int]) -> frozenset[str]:
        """The globs at these places; one set for all paths that match the same."""
        known = self._listed.get(places)
        if known is None:
            if len(self._listed) >= MAX_KINDS:
                self._listed.clear()
            known = frozenset([self._globs[place] for place in places])
            self._listed[places] = known
        return known


@lru_cache(maxsize=1024)
def index(globs: tuple[str, ...]) -> Globs:
    """The globs, to be asked about many paths."""
    return Globs(globs)


def _one_of(texts: Iterable[str]) -> re.Pattern[str]:
    """What finds one of the texts; grouped by first letter, for each is tried at every place."""
    groups = (
        f"{re.escape(first)}(?:{'|'.join(re.escape(text[1:]) for text in same)})"
        for first, same in groupby(texts, key=lambda text: text[0])
    )
    return re.compile("|".join(groups) or NOTHING)


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
    plain = [ANYTHING.split(part) for part in parts if "\\" not in part]
    texts = (text for split in plain if not set("[]") & set("".join(split)) for text in split)
    return max(texts, key=len, default="")


def _names(part: str) -> tuple[str, ...]:
    """A part of a path by its whole name, and by its ending as "*.md"."""
    return (part, "*." + part.rsplit(".", 1)[1]) if "." in part else (part,)


@lru_cache(maxsize=8192)
def _compiled(glob: str) -> Pattern:
    return _built(glob)


def _built(glob: str) -> Pattern:
    regex, _ = GitIgnoreBasicPattern.pattern_to_regex(glob)
    return build(f"(?s){regex}", PATTERN_BYTES)  # (?s): a file name may hold a line break
