"""A `when` and what is known of a flagged area -> whether the item applies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ghapp.core.areas import Clause, Finding, InFile, Item, When
from ghapp.core.model import Pull
from ghapp.core.patterns import globs, regexes
from ghapp.core.patterns.sets import Texts
from ghapp.core.scan.bumps import Bump, bumps
from ghapp.core.scan.match import paths_of
from ghapp.core.scan.news import News
from ghapp.core.scan.patch import Change
from ghapp.core.scan.triggers import Touch


@dataclass(frozen=True, slots=True)
class Scene:
    """What a `when` is asked about: one flagged area in its pull.

    hazards: ids found anywhere in the pull. areas: ids of all areas that the pull touches.
    tables: the policy's large tables. news: its changed lines that are more than moved.
    memo: texts that were asked about before.
    """

    pull: Pull
    touch: Touch
    hazards: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    tables: tuple[str, ...] = ()
    news: News = field(default_factory=lambda: News(()))
    memo: dict[str, Texts] = field(default_factory=dict, compare=False)

    @property
    def added(self) -> Texts:
        """The added lines of code of each file that may be read, without moved ones."""
        return self._texts("added", map(self.news.added, self.touch.read))

    @property
    def removed(self) -> Texts:
        """The removed lines of code of each file that may be read, without moved ones."""
        return self._texts("removed", map(self.news.removed, self.touch.read))

    def _texts(self, kind: str, texts: Iterable[bytes]) -> Texts:
        if kind not in self.memo:
            self.memo[kind] = Texts(texts)
        return self.memo[kind]


def holds(when: When | None, scene: Scene) -> bool:
    """Whether the condition holds; no condition always does."""
    if when is None:
        return True
    if isinstance(when, Clause):
        return HOLDS[when.kind](when.values, scene)
    if isinstance(when, InFile):
        return any(True for _ in in_file(when, scene))
    if when.how == "any":
        return any(holds(one, scene) for one in when.of)
    if when.how == "not":
        return not any(holds(one, scene) for one in when.of)
    return all(holds(one, scene) for one in when.of)


def in_file(when: InFile, scene: Scene) -> Iterator[Change]:
    """The files of the area that have all that the condition asks for."""
    for one in _with_lines(when, scene):
        path = one.file.path
        if (
            (not when.new or one.file.status in ("added", "copied"))
            and (not when.path or globs.index(when.path).first(path))
            and not (when.exclude and globs.index(when.exclude).first(path))
            and not (when.not_diff and _a_line(when.not_diff, (), one.code))
            and (not when.bump or _a_bump(when, one))
        ):
            yield one


def _with_lines(when: InFile, scene: Scene) -> Iterator[Change]:
    """The files with such lines. All at once: to look at their paths first would take longer."""
    read = scene.touch.read
    if not (when.diff or when.removed):
        yield from read if when.not_diff or when.bump else scene.touch.changes
        return
    # Few lines are removed, so that few files are left to be looked at for added ones.
    found = (
        scene.removed.matching(when.removed) if when.removed else scene.added.matching(when.diff)
    )
    for place in sorted(found):
        added, removed = scene.news.added(read[place]), scene.news.removed(read[place])
        if (not when.diff or _a_line(when.diff, when.unless, added)) and (
            not when.removed or _a_line(when.removed, when.unless, removed)
        ):
            yield read[place]


def _a_line(patterns: tuple[str, ...], unless: tuple[str, ...], text: bytes) -> bool:
    """Whether a line matches one of the patterns and none of `unless`."""
    for pattern in patterns:
        for span in regexes.matching(pattern, text):
            end = text.find(b"\n", span.line)
            line = text[span.line : end if end >= 0 else None]
            if not any(next(regexes.matching(each, line), None) for each in unless):
                return True
    return False


def _a_bump(when: InFile, change: Change) -> bool:
    """Whether a version in the file changes so far, on lines that do not match `unless`."""
    sides = (
        [
            line.decode("utf-8", "replace")
            for line in text.split(b"\n")
            if not any(next(regexes.matching(each, line), None) for each in when.unless)
        ]
        for text in (change.removed_code, change.code)
    )
    least = Bump[when.bump.upper()]
    return any(bump >= least for _, bump in bumps(*sides))


def names_table(tables: tuple[str, ...], change: Change) -> bool:
    """Whether a changed line names one of the tables."""
    named = _named(tables) if tables else None
    texts = (change.code, change.removed_code)
    return named is not None and any(named.search(text.decode()) for text in texts)


@lru_cache(maxsize=64)
def _named(tables: tuple[str, ...]) -> re.Pattern[str]:
    # Not \b: RE2 knows only ASCII words, and a table may be called 注文.
    names = "|".join(re.escape(table) for table in tables)
    return re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE)


def _added(values: tuple[str, ...], scene: Scene) -> bool:
    return any(True for _ in scene.added.matching(values))


def _removed(values: tuple[str, ...], scene: Scene) -> bool:
    return any(True for _ in scene.removed.matching(values))


def _path(values: tuple[str, ...], scene: Scene) -> bool:
    listed = globs.index(values)
    return any(listed.first(path) for one in scene.touch.changes for path in paths_of(one.file))


def _title(values: tuple[str, ...], scene: Scene) -> bool:
    return bool(regexes.first(values, scene.pull.title))


def _label(values: tuple[str, ...], scene: Scene) -> bool:
    labels = {label.casefold() for label in scene.pull.labels}
    return any(value.casefold() in labels for value in values)


def _hazard(values: tuple[str, ...], scene: Scene) -> bool:
    return not scene.hazards.isdisjoint(values)


def _area(values: tuple[str, ...], scene: Scene) -> bool:
    return not scene.areas.isdisjoint(values)


def _flagged_by(values: tuple[str, ...], scene: Scene) -> bool:
    return scene.touch.hits[0].kind in values


def _files(values: tuple[str, ...], scene: Scene) -> bool:
    return len(scene.touch.changes) >= int(values[0])


def _lines(values: tuple[str, ...], scene: Scene) -> bool:
    return sum(one.file.additions for one in scene.touch.changes) >= int(values[0])


def _pull_files(values: tuple[str, ...], scene: Scene) -> bool:
    return len(scene.pull.files) >= int(values[0])


def _pull_lines(values: tuple[str, ...], scene: Scene) -> bool:
    return sum(file.additions for file in scene.pull.files) >= int(values[0])


def _large_table(_: tuple[str, ...], scene: Scene) -> bool:
    # Whatever list `table_in` names, there is one: the policy's `large_tables`.
    return any(names_table(scene.tables, one) for one in scene.touch.read)


HOLDS: Mapping[str, Callable[[tuple[str, ...], Scene], bool]] = {
    "diff": _added,
    "removed": _removed,
    "path": _path,
    "title": _title,
    "label": _label,
    "hazard": _hazard,
    "area": _area,
    "flagged_by": _flagged_by,
    "files_gte": _files,
    "added_gte": _lines,
    "pull_files_gte": _pull_files,
    "pull_added_gte": _pull_lines,
    "table_in": _large_table,
}


# Looking for the files of each item costs a search in each file; so large a change is looked at
# as a whole, and so are the answers to it.
MOST_FILES = 300


def about(item: Item, scene: Scene, findings: tuple[Finding, ...]) -> tuple[Change, ...]:
    """The files in which the item's condition or findings found something, in the area's order.

    All files of the area where nothing of them names a file. findings: those of the item.
    """
    every = scene.touch.changes
    if len(every) > MOST_FILES:
        return every
    found = _named_files(item.when, scene) | _named_files(item.must_when, scene)
    found |= {one.path for one in findings}
    if not found:
        return every
    return tuple([one for one in every if one.file.path in found]) or every


def _named_files(when: When | None, scene: Scene) -> frozenset[str]:
    """Paths of the files that a condition names; what it must not find names none."""
    if isinstance(when, Clause):
        finds = FINDS.get(when.kind)
        return finds(when.values, scene) if finds else frozenset()
    if isinstance(when, InFile):
        return frozenset(one.file.path for one in in_file(when, scene))
    if when is None or when.how == "not":
        return frozenset()
    return frozenset().union(*(_named_files(one, scene) for one in when.of))


def _added_files(values: tuple[str, ...], scene: Scene) -> frozenset[str]:
    return _at(scene.added.matching(values), scene)


def _removed_files(values: tuple[str, ...], scene: Scene) -> frozenset[str]:
    return _at(scene.removed.matching(values), scene)


def _path_files(values: tuple[str, ...], scene: Scene) -> frozenset[str]:
    listed = globs.index(values)
    return frozenset(
        one.file.path
        for one in scene.touch.changes
        if any(listed.first(path) for path in paths_of(one.file))
    )


def _large_table_files(values: tuple[str, ...], scene: Scene) -> frozenset[str]:
    read = enumerate(scene.touch.read)
    return _at((place for place, one in read if names_table(scene.tables, one)), scene)


def _at(places: Iterable[int], scene: Scene) -> frozenset[str]:
    return frozenset(scene.touch.read[place].file.path for place in places)


FINDS: Mapping[str, Callable[[tuple[str, ...], Scene], frozenset[str]]] = {
    "diff": _added_files,
    "removed": _removed_files,
    "path": _path_files,
    "table_in": _large_table_files,
}
