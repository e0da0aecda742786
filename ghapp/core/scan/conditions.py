"""A `when` and what is known of a flagged area -> whether the item applies, and to which files.

Each kind of condition is an entry of `FINDS`, which gives the files in which it holds, or of
`COUNTS`, which gives the number that it compares. Those on the whole pull are in `pull_conditions`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from ghapp.core import areas
from ghapp.core.areas import Clause, Combined, Finding, InFile, Item, Leaf, When
from ghapp.core.model import Pull
from ghapp.core.patterns import globs, regexes
from ghapp.core.patterns.sets import Texts
from ghapp.core.scan.bumps import Bump, bumps
from ghapp.core.scan.patch import LAYOUT, ChangedFile
from ghapp.core.scan.pull_conditions import CHANGES, is_of_pull, matched
from ghapp.core.scan.scan import Touch

LEAST_MOVED = 4  # characters besides layout; shorter lines occur everywhere
# Finding the files of an item costs a search in each file. In an area with more files than this,
# each item is about all of them, and so are its answers.
MOST_NAMED = 300

PULL = ""  # in the place of a path: the condition holds, but for the pull and not in a file


class NewLines:
    """Added and removed lines of code, with spaces in the place of lines that were only moved.

    A line that is removed at one place and added at another is not new. It counts as moved as often
    as it is both added and removed in the pull. Indentation, quotes and commas do not matter.
    changes: of one pull, each path once.
    """

    def __init__(self, changes: Iterable[ChangedFile]) -> None:
        self._changes = tuple(changes)

    def of(self, change: ChangedFile, sign: str) -> bytes:
        """The added ("+") or removed ("-") lines of the file."""
        return self._without_moved.get((sign, change.file.path), change.code(sign))

    @cached_property
    def _without_moved(self) -> Mapping[tuple[str, str], bytes]:
        """The texts in which a line was moved, by sign and path."""

        def keys(text: bytes) -> list[bytes]:
            return text.translate(None, LAYOUT).split(b"\n") if text else []

        removed = Counter(key for one in self._changes for key in keys(one.removed_code))
        if not removed:
            return {}
        added = Counter(
            key for one in self._changes for key in keys(one.added_code) if key in removed
        )
        moved = {k: count for k, count in (added & removed).items() if len(k) >= LEAST_MOVED}
        made: dict[tuple[str, str], bytes] = {}
        for sign in "+-" if moved else "":
            left = dict(moved)
            for one in self._changes:
                text = one.code(sign)
                lines = text.split(b"\n")
                for place, key in enumerate(keys(text)):
                    if left.get(key):
                        left[key] -= 1
                        lines[place] = b" " * len(lines[place])
                        made[sign, one.file.path] = b""
                if (sign, one.file.path) in made:
                    made[sign, one.file.path] = b"\n".join(lines)
        return made


@dataclass(frozen=True, slots=True)
class Scene:
    """What a `when` is evaluated on: one flagged area in its pull.

    hazards: ids found anywhere in the pull. areas: ids of all areas that the pull touches.
    tables: the policy's large tables. new_lines: of the pull.
    memo: by sign, the texts that were searched before. matches: tells whether one of several globs
    matches a path.
    """

    pull: Pull
    touch: Touch
    hazards: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    tables: tuple[str, ...] = ()
    new_lines: NewLines = field(default_factory=lambda: NewLines(()))
    memo: dict[str, Texts] = field(default_factory=dict, compare=False)
    matches: Callable[[tuple[str, ...], str], object] = globs.matches

    def matching(self, sign: str, patterns: tuple[str, ...]) -> Iterator[ChangedFile]:
        """The files in which a new line of code matches one of the patterns."""
        if sign not in self.memo:
            self.memo[sign] = Texts(self.new_lines.of(one, sign) for one in self.touch.read)
        return (self.touch.read[place] for place in self.memo[sign].matching(patterns))


def holds(when: When | None, scene: Scene) -> bool:
    """Whether the condition holds, or may hold if not all is known; None always does."""

    def leaf(one: Leaf, unknown: bool) -> bool:
        if is_of_pull(one):
            found = matched(one, scene.pull, scene.matches)
            return unknown if found is None else bool(found)
        return any(True for _ in _found(one, scene))

    return when is None or areas.holds(when, leaf)


def about(item: Item, scene: Scene, findings: tuple[Finding, ...]) -> tuple[ChangedFile, ...]:
    """The files in which the item's conditions or findings found something, in the area's order.

    All files of the area if none of them names a file. findings: those of the item.
    """
    every = scene.touch.changes
    if len(every) > MOST_NAMED:
        return every
    named = {one.path for one in findings}
    for when in (item.when, item.must_when):
        named.update(_named(when, scene))
    return tuple([one for one in every if one.file.path in named]) or every


def _named(when: When | None, scene: Scene) -> Iterator[str]:
    """Paths of the files in which the condition found something. A `not` names no files."""
    if isinstance(when, Combined):
        for one in when.of if when.how != "not" else ():
            yield from _named(one, scene)
    elif when is not None and not is_of_pull(when):
        yield from _found(when, scene)
    elif isinstance(when, Clause) and when.kind in CHANGES:
        yield from matched(when, scene.pull, scene.matches) or ()


def _found(when: Leaf, scene: Scene) -> Iterator[str]:
    """Paths of the files in which the condition holds, or PULL; empty if it does not hold."""
    if isinstance(when, Clause):
        yield from FINDS[when.kind](when.values, scene)
    elif isinstance(when, InFile):
        yield from (one.file.path for one in in_file(when, scene))
    elif COUNTS[when.kind](scene) >= when.count:
        yield PULL


def in_file(when: InFile, scene: Scene) -> Iterator[ChangedFile]:
    """The files of the area that meet all of the condition."""
    # The lines of all files are searched first and at once; matching paths first would take longer.
    # Few lines are removed, so searching these first leaves few files.
    if when.removed:
        possible = scene.matching("-", when.removed)
    elif when.diff:
        possible = scene.matching("+", when.diff)
    else:
        touch = scene.touch
        possible = iter(touch.read if when.not_diff or when.bump else touch.changes)
    for one in possible:
        path = one.file.path
        if (
            (not when.new or one.file.status in ("added", "copied"))
            and (not when.path or scene.matches(when.path, path))
            and not (when.exclude and scene.matches(when.exclude, path))
            and (not when.diff or _has_line(when.diff, when.unless, scene.new_lines.of(one, "+")))
            and (
                not when.removed
                or _has_line(when.removed, when.unless, scene.new_lines.of(one, "-"))
            )
            and not (when.not_diff and _has_line(when.not_diff, (), one.added_code))
            and (not when.bump or _has_bump(when, one))
        ):
            yield one


def _has_line(patterns: tuple[str, ...], unless: tuple[str, ...], text: bytes) -> bool:
    """Whether a line matches one of the patterns and none of `unless`."""
    for pattern in patterns:
        for span in regexes.matching(pattern, text):
            end = text.find(b"\n", span.line)
            line = text[span.line : end if end >= 0 else None]
            if not any(next(regexes.matching(each, line), None) for each in unless):
                return True
    return False


def _has_bump(when: InFile, change: ChangedFile) -> bool:
    """Whether a version in the file changes by at least `bump`, on a line without `unless`."""
    sides = (
        [
            line.decode("utf-8", "replace")
            for line in change.code(sign).split(b"\n")
            if not any(next(regexes.matching(each, line), None) for each in when.unless)
        ]
        for sign in "-+"
    )
    least = Bump[when.bump.upper()]
    return any(bump >= least for _, bump in bumps(*sides))


@lru_cache(maxsize=64)
def _any_of(tables: tuple[str, ...]) -> re.Pattern[str]:
    # Not \b: RE2 knows only ASCII words, and a table may be called 注文.
    names = "|".join(re.escape(table) for table in tables)
    return re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE)


def _of_pull(claim: object) -> tuple[str, ...]:
    """What a condition on the whole pull finds: PULL if it holds."""
    return (PULL,) if claim else ()


FINDS: Mapping[str, Callable[[tuple[str, ...], Scene], Iterable[str]]] = {
    "diff": lambda values, scene: (one.file.path for one in scene.matching("+", values)),
    "removed": lambda values, scene: (one.file.path for one in scene.matching("-", values)),
    "path": lambda values, scene: (
        one.file.path
        for one in scene.touch.changes
        if any(scene.matches(values, path) for path in one.paths)
    ),
    # Its only value is `config.large_tables`.
    "table_in": lambda _, scene: (
        one.file.path
        for one in (scene.touch.read if scene.tables else ())
        if any(_any_of(scene.tables).search(one.code(sign).decode()) for sign in "+-")
    ),
    "hazard": lambda values, scene: _of_pull(not scene.hazards.isdisjoint(values)),
    "area": lambda values, scene: _of_pull(not scene.areas.isdisjoint(values)),
    "flagged_by": lambda values, scene: _of_pull(scene.touch.hits[0].kind in values),
}
COUNTS: Mapping[str, Callable[[Scene], int]] = {
    "files_gte": lambda scene: len(scene.touch.changes),
    "added_gte": lambda scene: sum(one.file.additions for one in scene.touch.changes),
}
