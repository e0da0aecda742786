"""An item and the files of its area -> those that the item is about.

An answer holds while these stay as they are: a change elsewhere in the area asks nothing anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ghapp.core.areas import Clause, InFile, Item, When
from ghapp.core.detection.conditions import Scene, in_file, names_table
from ghapp.core.detection.look import paths_of
from ghapp.core.findings import Finding
from ghapp.core.matching import globs
from ghapp.core.matching.diff import Change

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
    found = _named(item.when, scene) | _named(item.must_when, scene)
    found |= {one.path for one in findings}
    if not found:
        return every
    return tuple([one for one in every if one.file.path in found]) or every


def _named(when: When | None, scene: Scene) -> frozenset[str]:
    """Paths of the files that a condition names; what it must not find names none."""
    if isinstance(when, Clause):
        finds = FINDS.get(when.kind)
        return finds(when.values, scene) if finds else frozenset()
    if isinstance(when, InFile):
        return frozenset(one.file.path for one in in_file(when, scene))
    if when is None or when.how == "not":
        return frozenset()
    return frozenset().union(*(_named(one, scene) for one in when.of))


def _added(values: tuple[str, ...], scene: Scene) -> frozenset[str]:
    return _at(scene.added.matching(values), scene)


def _removed(values: tuple[str, ...], scene: Scene) -> frozenset[str]:
    return _at(scene.removed.matching(values), scene)


def _path(values: tuple[str, ...], scene: Scene) -> frozenset[str]:
    listed = globs.index(values)
    return frozenset(
        one.file.path
        for one in scene.touch.changes
        if any(listed.first(path) for path in paths_of(one.file))
    )


def _large_table(values: tuple[str, ...], scene: Scene) -> frozenset[str]:
    read = enumerate(scene.touch.read)
    return _at((place for place, one in read if names_table(scene.tables, one)), scene)


def _at(places: Iterable[int], scene: Scene) -> frozenset[str]:
    return frozenset(scene.touch.read[place].file.path for place in places)


FINDS: Mapping[str, Callable[[tuple[str, ...], Scene], frozenset[str]]] = {
    "diff": _added,
    "removed": _removed,
    "path": _path,
    "table_in": _large_table,
}
