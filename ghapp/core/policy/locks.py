"""What an organisation locks -> the policy of a repository, nowhere weaker than that.

What a repository's file says is not searched for ways around a lock. The policy that it leads to is
compared with the organisation's alone, value by value, and what is weaker is put back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ghapp.core.areas import Area, Clause, Combined, Reviewers, When
from ghapp.core.policy.problems import meant
from ghapp.core.policy.strictness import (
    AREA_KEYS,
    KEYS,
    STRICTER,
    AnyPolicy,
    Change,
    Row,
    of_area,
    of_hazard,
    of_item,
)

P = TypeVar("P", bound=AnyPolicy)

ALL_AREAS = "areas"
# What a locked area depends on besides its own keys: each of them could let its changes pass.
BEHIND_AREAS = (
    "sign_off",
    "waivers",
    "ignore",
    "defer",
    "projects",
    "max_items",
    "pending",
    "large_tables",
    "database",
    "release.freeze",
)
# What is held by a lock of another key: areas inherit these, waivers are reviewers, and rules come
# before a mode.
OF_EVERY_AREA = ("mode", "mode_when", "reviewers")
BEHIND_KEYS = {"reviewers": ("waivers",), "mode": ("mode_when",)}
LOCKABLE = tuple(key for key in KEYS if key != "locked")


@dataclass(frozen=True, slots=True)
class Refused:
    """A value that is not in force, because it is weaker than a lock allows.

    change: from the organisation's value, which holds, to the repository's. lock: as `locked` has
    it.
    """

    change: Change
    lock: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What else follows from locked areas, where a change is not seen in full or much is asked.

    Only these areas vouch for files that nobody could read, and only these reviewers sign such
    files off; their questions are the first to be asked. reviewers: the organisation's; None if no
    area is locked.
    """

    areas: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()
    reviewers: Reviewers | None = None


@dataclass(frozen=True, slots=True)
class Floor:
    """What a repository's policy may not be weaker than.

    base: the organisation's policy alone. keys, areas: what is held, each with its lock.
    every_area: keys of areas that are held in all areas of `base`, each with its lock.
    """

    base: AnyPolicy
    keys: Mapping[str, str] = field(default_factory=dict)
    areas: Mapping[str, str] = field(default_factory=dict)
    every_area: Mapping[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> Kept:
        """What follows from the locked areas."""
        locked = [area for area in self.base.areas if area.id in self.areas]
        if not locked:
            return Kept()
        items = frozenset(item.id for area in locked for item in area.items)
        reviewers = KEYS["reviewers"].of(self.base)
        return Kept(frozenset(self.areas), items, reviewers)

    def hold(self, policy: P, keys: Collection[str]) -> tuple[P, list[Refused]]:
        """The policy with these of the keys outside of areas as they are locked."""
        refused = []
        for key in keys:
            row, lock = KEYS[key], self.keys.get(key)
            direction = row.direction(self.base, policy) if lock else ""
            if lock and direction not in ("", STRICTER):
                old, new = row.of(self.base), row.of(policy)
                refused.append(Refused(Change(key, direction, old, new), lock))
                policy = row.held(self.base, policy)
        return policy, refused

    def hold_areas(self, areas: tuple[Area, ...]) -> tuple[tuple[Area, ...], list[Refused]]:
        """The areas, heaviest first, with what is locked in them as it is locked."""
        found = {area.id: area for area in areas}
        refused = []
        for base in self.base.areas:
            area, lock = found.get(base.id), self.areas.get(base.id)
            if area is None:
                if lock:
                    gone = Change(f"areas.{base.id}", "weaker", True, False, base.id)
                    refused.append(Refused(gone, lock))
                    found[base.id] = base
                continue
            if lock:
                refused += [
                    Refused(one, lock) for one in of_area(base, area) if one.direction != STRICTER
                ]
                found[base.id] = _held(base, area, AREA_KEYS.values())
                continue
            for key, of_key in self.every_area.items():
                row = AREA_KEYS[key]
                if (direction := row.direction(base, area)) not in ("", STRICTER):
                    name, old, new = f"areas.{base.id}.{key}", row.of(base), row.of(area)
                    refused.append(Refused(Change(name, direction, old, new, base.id), of_key))
            found[base.id] = _kept(base, area, map(AREA_KEYS.__getitem__, self.every_area))
        return tuple(sorted(found.values(), key=lambda one: (-one.weight, one.id))), refused


def floor(base: AnyPolicy) -> Floor:
    """What the locks of a policy hold. Names that it does not know hold nothing."""
    keys: dict[str, str] = {}
    areas: dict[str, str] = {}
    every_area: dict[str, str] = {}
    known = {area.id: area for area in base.areas}
    for lock in base.locked:
        area = lock.removeprefix("areas.")
        if lock == ALL_AREAS:
            areas |= {id: areas.get(id, lock) for id in known}
        elif area in known and area != lock:
            areas |= {id: areas.get(id, lock) for id in _with_named(area, known)}
        for key in (lock, *BEHIND_KEYS.get(lock, ())):
            keys |= {name: keys.get(name, lock) for name in _under(key)}
            if key in OF_EVERY_AREA:
                every_area.setdefault(key, lock)
    if areas:
        lock = next(iter(areas.values()))
        for key in BEHIND_AREAS:
            keys |= {name: keys.get(name, lock) for name in _under(key)}
    return Floor(base, keys, areas, every_area)


def unknown(locked: Sequence[str], areas: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The entries of `locked` that name nothing, by their place, and what is wrong with each."""
    parts = {key.partition(".")[0] for key in LOCKABLE}
    groups = {key.rpartition(".")[0] for key in LOCKABLE if "." in key}
    known = {*LOCKABLE, *parts, *groups, ALL_AREAS, *(f"areas.{id}" for id in areas)}
    for place, name in enumerate(locked):
        if name not in known:
            # All areas together are too many to list.
            near = meant(name, known, listed=False)
            near = near or f"{meant('', {*parts, ALL_AREAS, 'areas.ID'})}"
            yield place, f"`{name[:60]}` in `locked` is no key that can be locked{near}"


def _under(name: str) -> list[str]:
    """The keys that a name stands for: itself, or all keys below it."""
    return [key for key in LOCKABLE if key == name or key.startswith(f"{name}.")]


def _with_named(id: str, known: Mapping[str, Area]) -> list[str]:
    """An area and those that its questions depend on: their conditions name it, or its hazards.

    A question also depends on the one that stands for it where both are shown.
    """
    hazards = {hazard.id: area.id for area in known.values() for hazard in area.hazards}
    items = {item.id: area.id for area in known.values() for item in area.items}
    found, ahead = dict[str, None](), [id]
    while ahead:
        area = known[ahead.pop()]
        found[area.id] = None
        homes = {items.get(item.same_as.item) for item in area.items if item.same_as}
        for item in area.items:
            for kind, name in (*_names(item.when), *_names(item.must_when)):
                homes.add(hazards.get(name) if kind == "hazard" else name)
        ahead += [home for home in homes if home and home in known and home not in found]
    return [*found]


def _names(when: When | None) -> Iterator[tuple[str, str]]:
    """The areas and hazards that a condition names, at any depth."""
    if isinstance(when, Combined):
        for part in when.of:
            yield from _names(part)
    elif isinstance(when, Clause) and when.kind in ("area", "hazard"):
        yield from ((when.kind, name) for name in when.values)


def _kept(base: Area, area: Area, rows: Iterable[Row]) -> Area:
    """The area with the values of `base` in these rows where its own are weaker."""
    for row in rows:
        if row.direction(base, area) not in ("", STRICTER):
            area = row.held(base, area)
    return area


def _held(base: Area, area: Area, rows: Iterable[Row]) -> Area:
    """The same, with its questions and hazards. Those that were added come last."""
    items = {item.id: item for item in area.items}
    hazards = {hazard.id: hazard for hazard in area.hazards}
    old_items = [
        items.pop(one.id) if one.id in items and _stricter(of_item(one, items[one.id])) else one
        for one in base.items
    ]
    old_hazards = [
        hazards[one.id] if one.id in hazards and _stricter(of_hazard(one, hazards[one.id])) else one
        for one in base.hazards
    ]
    kept = {one.id for one in base.items}
    new_items = [one for id, one in items.items() if id not in kept]
    new_hazards = [one for one in area.hazards if one.id not in {had.id for had in base.hazards}]
    return replace(
        _kept(base, area, rows),
        items=(*old_items, *new_items),
        hazards=(*old_hazards, *new_hazards),
    )


def _stricter(found: Iterator[tuple[str, str, object, object]]) -> bool:
    return all(direction == STRICTER for _, direction, _, _ in found)
