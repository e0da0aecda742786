"""Globs as in .gitignore, and a path -> the globs that match it. Linear in the path.

A glob with a slash before its end is anchored at the root: `docs/**` is not `**/docs/**`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

from ghapp.core.patterns.regexes import PATTERN_BYTES, Broken, Pattern, as_bytes, build

MAX_LENGTH = 500
MAX_DOUBLE_STARS = 6

# Shells expand a comma between braces; .gitignore takes it literally.
BRACES = re.compile(r"(?<!\\)\{[^{}]*,[^{}]*\}")
WILD = re.compile(r"[*?\[\\]")
# What stands for other text: `*`, `?` and a range like `[-_]`.
ANYTHING = re.compile(r"[*?]|\[[!^]?\]?[^\[\]\\]*\]")

# Globs that only ask for the name of a folder, the name of any part of the path, or its ending.
# Such a glob matches every path that its index in `Globs` finds, so it needs no regex.
NAMED = re.compile(r"\*\*|\*\*/(?:[^*?\[\]\\\s/]+(?:/\*\*)?|\*\.[^*?\[\]\\\s/.]+)")
MAX_REMEMBERED = 4_096  # paths, and parts of paths, for each list of globs


def matches(globs: tuple[str, ...], path: str) -> str:
    """The first of the globs that matches the path, "" if none does.

    globs: in which `fault` finds nothing.
    """
    return index(globs).first(path)


@lru_cache(maxsize=4096)
def fault(glob: str) -> str:
    """What is wrong with a glob and what to do, one line; "" if nothing is."""
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
    try:
        _built(glob)  # not cached: most globs are never searched for
    except (GitIgnorePatternError, Broken):
        return f"`{glob}` is not a glob: check for a `\\` at its end or a range like `[z-a]`"
    return ""


class Globs:
    """A list of globs to match many paths against. `fault` finds nothing in any of them.

    A path is looked up part by part in an index, and only the globs found there are tried on it.

    One regular expression of all globs was tried and dropped: several `**` in each of 200 globs
    make RE2 build a state for almost every path, and backtracking can be made to hang. pathspec's
    own RE2 backend names only the last glob that matches, and its set takes twice as long.
    """

    def __init__(self, globs: tuple[str, ...]) -> None:
        self._globs = globs
        # The index, of places in `globs`. By a name that one part of a matching path has: "src/" is
        # a folder, "*.md" an ending. Else by text that one part contains. Else anywhere.
        self._by_name: dict[str, list[int]] = {}
        self._by_text: dict[str, list[int]] = {}
        self._anywhere: list[int] = []
        # By place: text that every matching path contains, so that most paths need no regex.
        self._texts = [_text(glob.rstrip().rpartition("/")[2]) or _text(glob) for glob in globs]
        # By place: whether the index alone decides.
        self._sure = [NAMED.fullmatch(glob) is not None for glob in globs]
        # Caches: by part of a path, by path, and one set of globs for all paths that match it.
        self._parts: dict[str, frozenset[int]] = {}
        self._paths: dict[str, frozenset[str]] = {}
        self._sets: dict[frozenset[int], frozenset[str]] = {}
        for place, glob in enumerate(globs):
            *folders, base = parts = glob.rstrip().split("/")
            plain = [*(f"{part}/" for part in folders if part), base]
            names = [part for part in plain if not WILD.search(part)]
            endings = [part.rsplit(".", 1)[1] for part in parts if "." in part]
            endings = [f"*.{ending}" for ending in endings if not WILD.search(ending)]
            name = max(names, key=len, default="") or max(endings, key=len, default="")
            if name:
                self._by_name.setdefault(name, []).append(place)
            elif text := _text(glob):
                self._by_text.setdefault(text, []).append(place)
            else:
                self._anywhere.append(place)

    def first(self, path: str) -> str:
        """The first of the globs that matches the path, "" if none does."""
        found = self._matching(path)
        return self._globs[min(found)] if found else ""

    def matching(self, path: str) -> frozenset[str]:
        """All of the globs that match the path; one set for all paths that match the same."""
        # Another thread may clear what is remembered at any time.
        known = self._paths.get(path)
        if known is None:
            places = self._matching(path)
            known = self._sets.get(places) or frozenset(self._globs[place] for place in places)
            for memo in (self._paths, self._sets):
                if len(memo) >= MAX_REMEMBERED:
                    memo.clear()
            self._paths[path] = self._sets[places] = known
        return known

    def _matching(self, path: str) -> frozenset[int]:
        """The places of the globs that match the path."""
        possible = set(self._anywhere)
        *folders, base = path.split("/")
        for part in (*[f"{folder}/" for folder in folders], base):
            known = self._parts.get(part)
            possible |= self._possible(part) if known is None else known
        near = [place for place in possible if self._texts[place] in path]
        raw = as_bytes(path) if near else b""
        return frozenset(
            place
            for place in near
            if self._sure[place] or _compiled(self._globs[place]).search(raw) is not None
        )

    def _possible(self, part: str) -> frozenset[int]:
        """The places of the globs that may match a path with this part; a folder ends in `/`."""
        name = part.removesuffix("/")
        names = {part, name}
        if "." in name:
            names.add("*." + name.rpartition(".")[2])
        found = {place for name in names for place in self._by_name.get(name, ())}
        for text, places in self._by_text.items():
            if text in part:
                found.update(places)
        if len(self._parts) >= MAX_REMEMBERED:
            self._parts.clear()
        self._parts[part] = known = frozenset(found)
        return known


@lru_cache(maxsize=1024)
def index(globs: tuple[str, ...]) -> Globs:
    """The index of these globs, shared by all who match the same list."""
    return Globs(globs)


def _text(glob: str) -> str:
    """The longest text that every matching path contains; "" if none is known."""
    parts = glob.rstrip().split("/")
    plain = [ANYTHING.split(part) for part in parts if "\\" not in part]
    texts = (text for split in plain if not set("[]") & set("".join(split)) for text in split)
    return max(texts, key=len, default="")


@lru_cache(maxsize=8192)
def _compiled(glob: str) -> Pattern:
    return _built(glob)


def _built(glob: str) -> Pattern:
    regex, _ = GitIgnoreBasicPattern.pattern_to_regex(glob)
    return build(f"(?s){regex}", PATTERN_BYTES)  # (?s): a file name may hold a line break
