"""A policy in force -> its values one by one, each with the layer and the line that set it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ghapp.core.areas import Area
from ghapp.core.policy.policy import BUILT_IN, LAYERS, Origin, Policy
from ghapp.core.policy.strictness import AREA_KEYS, KEYS, as_written, said_by

INHERITED = ("mode", "reviewers")  # keys that an area has from the policy, unless it says otherwise


@dataclass(frozen=True, slots=True)
class Setting:
    """key: as in `strictness.Change`. value: as a file would have it."""

    key: str
    value: str
    origin: Origin


def set_by_files(policy: Policy) -> tuple[Setting, ...]:
    """The values that a file sets, in the order of the table of keys, then area by area."""
    found = [one for one in _general(policy) if one.origin != BUILT_IN]
    areas = {area.id: area for area in policy.areas}
    named = {key.split(".")[1] for key in policy.origins if key.startswith("areas.")}
    for id in sorted(named):
        inside = [*_inside(areas[id], policy)] if id in areas else []
        found += inside or [_presence(id, id in areas, policy)]
    return tuple(found)


def all_settings(policy: Policy) -> tuple[Setting, ...]:
    """All values outside of areas; then of each area that is on its mode, its reviewers, and what
    a file sets; then the areas that a file switches off.
    """
    found = [*_general(policy)]
    for area in policy.areas:
        found.append(_presence(area.id, True, policy))
        own = {one.key: one for one in _inside(area, policy)}
        for key in INHERITED:
            name = f"areas.{area.id}.{key}"
            value = as_written(AREA_KEYS[key].of(area))
            found.append(own.pop(name, Setting(name, value, _origin(key, policy))))
        found += own.values()
    on = {area.id for area in policy.areas}
    off = {key.split(".")[1] for key in policy.origins if key.startswith("areas.")} - on
    return (*found, *(_presence(id, False, policy) for id in sorted(off)))


def _general(policy: Policy) -> Iterator[Setting]:
    for key, row in KEYS.items():
        origin = _origin(key, policy)
        if key == "waivers" and origin == BUILT_IN and row.of(policy) == policy.reviewers:
            origin = _origin("reviewers", policy)
        yield Setting(key, as_written(row.of(policy)), origin)


def _presence(id: str, on: bool, policy: Policy) -> Setting:
    return Setting(f"areas.{id}", as_written(on), _origin(f"areas.{id}", policy))


def _inside(area: Area, policy: Policy) -> Iterator[Setting]:
    """What a file sets in an area."""
    values = {f"areas.{area.id}.{key}": row.of(area) for key, row in AREA_KEYS.items()}
    asked = {f"areas.{area.id}.items.{one.id}": one.severity for one in area.items}
    found = {f"areas.{area.id}.hazards.{one.id}": one.severity for one in area.hazards}
    switches = (f"areas.{area.id}.items.", f"areas.{area.id}.hazards.")
    switched = {key: False for key in policy.origins if key.startswith(switches)}
    for key, value in (values | switched | asked | found).items():
        if (origin := _origin(key, policy)) != BUILT_IN:
            yield Setting(key, as_written(value), origin)


def _origin(key: str, policy: Policy) -> Origin:
    """Of a value: the topmost layer that says something about it."""
    found = [policy.origins[name] for name in said_by(key) if name in policy.origins]
    return max(found, key=lambda one: LAYERS.index(one.layer), default=BUILT_IN)
