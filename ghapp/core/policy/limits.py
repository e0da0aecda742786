"""The patterns in a policy or pack, counted before any of them is compiled."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from ghapp.core.areas import Area
from ghapp.core.patterns import regexes
from ghapp.core.policy import pack_schema
from ghapp.core.policy.areas import own_items, switches
from ghapp.core.policy.pack_schema import References
from ghapp.core.policy.policy_schema import AreaPart, PolicyFile
from ghapp.core.policy.problems import meant
from ghapp.core.policy.yaml import Loc

REGEX_KEYS = frozenset(
    {
        *("diff", "removed", "title", "titles"),
        *("match", "unless", "block_with", "nearest", "requires", "requires_removed"),
    }
)
GLOB_KEYS = frozenset(
    {
        *("branches", "diff_files", "exclude", "exclude_files", "files", "ignore"),
        *("path", "paths", "paths_add", "paths_remove"),
    }
)


def regexes_in(value: object) -> Iterator[str]:
    """All regular expressions, at any depth of what YAML gave."""
    return _written(value, REGEX_KEYS)


def globs_in(value: object) -> Iterator[str]:
    """All globs over the changed files, at any depth of what YAML gave."""
    return _written(value, GLOB_KEYS)


def steps(value: object, most: int = regexes.MAX_STEPS) -> int:
    """What its regular expressions take together, each counted once.

    most: steps of one beyond which it is a mistake of its own, and not counted here.
    """
    sound = {one for one in regexes_in(value) if not regexes.fault(one, most)}
    return sum(regexes.steps(one) for one in sound)


def _written(value: object, keys: Collection[str], key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inside in value.items():
            yield from _written(inside, keys, name)
    elif isinstance(value, list):
        for inside in value:
            yield from _written(inside, keys, key)
    elif isinstance(value, str) and key in keys:
        yield value


OWN_NEEDS = "an area of your own needs `title`, `detect` and `items`"

# Of one file, together: each is tried on every changed file or line of a pull.
MAX_REGEXES = 300
MAX_STEPS = 5_000
MAX_GLOBS = 2_000

Fault = tuple[Loc, str]


def crowded(value: object) -> Iterator[Fault]:
    """What the file has too many of: told before any of them is looked at."""
    found = sum(1 for _ in regexes_in(value))
    if found > MAX_REGEXES:
        why = f"more than {MAX_REGEXES}: join some by `|`"
        yield ("areas",), f"the file has {found:,} regular expressions, {why}"
    found = sum(1 for _ in globs_in(value))
    if found > MAX_GLOBS:
        why = f"more than {MAX_GLOBS:,}: name folders instead of files"
        yield ("areas",), f"the file has {found:,} globs, {why}"


def laborious(value: object) -> Iterator[Fault]:
    """What the regular expressions of the file take together too much of."""
    found = steps(value)
    if found > MAX_STEPS:
        why = f"more than {MAX_STEPS:,}: shorten them, lower their repeat counts"
        yield ("areas",), f"the file's regular expressions take {found:,} steps together, {why}"


def faults(
    file: PolicyFile, packs: tuple[Area, ...], references: References, *, all_packs: bool = True
) -> Iterator[Fault]:
    """What does not fit the areas of packs, each other or the policy's language.

    all_packs: whether `packs` are all that the file names; else an unknown area may well be there.
    """
    known = {pack.id: pack for pack in packs}
    homes = {item.id: pack.id for pack in packs for item in pack.items}
    language = file.language or "en"
    for name, value in (file.areas or {}).items():
        if name not in known and all_packs:
            yield from _unfounded(name, value, known)
        if isinstance(value, AreaPart):
            if name in known or all_packs:
                yield from _unknown_hazards(name, value, packs)
            if all_packs:
                yield from _unknown_references(name, value, references)
            yield from _unknown_items(name, value, known.get(name))
            yield from _doubled(name, value, homes)
            yield from _unspoken(name, value, language)


def _unfounded(name: str, value: bool | AreaPart, known: Mapping[str, Area]) -> Iterator[Fault]:
    """What an area lacks that is not built in."""
    if isinstance(value, bool) or not value.detect:
        yield ("areas", name), f"unknown area `{name}`{meant(name, known)} ({OWN_NEEDS})"
        return
    if not value.title:
        yield ("areas", name), f"`title` is missing in `areas.{name}`: {OWN_NEEDS}"
    if not own_items(value):
        yield ("areas", name), f"`items` is no list of questions in `areas.{name}`: {OWN_NEEDS}"
    signals = pack_schema.detect(value.detect)
    if not (signals.paths or value.paths_add or signals.diff or signals.labels or signals.size):
        text = f"`areas.{name}.detect` flags nothing: give `paths`, `diff`, `labels` or `size`"
        yield ("areas", name, "detect"), text


def _unknown_items(name: str, part: AreaPart, pack: Area | None) -> Iterator[Fault]:
    ids = {item.id for item in pack.items} if pack else set()
    retired = dict(pack.retired) if pack else {}
    for item in switches(part):
        if pack and item not in ids and item not in retired:
            text = f"unknown item `{item}` in `areas.{name}`{meant(item, ids)}"
            yield ("areas", name, "items", item), text


def _unknown_hazards(name: str, part: AreaPart, packs: tuple[Area, ...]) -> Iterator[Fault]:
    homes = {hazard.id: pack.id for pack in packs for hazard in pack.hazards}
    here = {hazard for hazard, home in homes.items() if home == name}
    for hazard in part.hazards or {}:
        if hazard in here:
            continue
        hint = f": it belongs to `{homes[hazard]}`" if hazard in homes else meant(hazard, here)
        hint = hint or ": hazards come with packs, and this area has none"
        yield (
            ("areas", name, "hazards", hazard),
            f"unknown hazard `{hazard}` in `areas.{name}`{hint}",
        )


def _unknown_references(name: str, part: AreaPart, references: References) -> Iterator[Fault]:
    for place, item in enumerate(own_items(part)):
        for at, key in enumerate(item.refs):
            if key not in references:
                near = meant(key, get_close_matches(key[:100], references, n=1))
                text = f"`{key[:40]}` is not in references.yml{near}"
                yield ("areas", name, "items", place, "refs", at), text


def _doubled(name: str, part: AreaPart, homes: dict[str, str]) -> Iterator[Fault]:
    """Ids used twice; an item of a built-in area may be written anew in that area."""
    seen: set[str] = set()
    for place, item in enumerate(own_items(part)):
        home = name if item.id in seen else homes.setdefault(item.id, name)
        if item.id in seen or home != name:
            text = f"the item id `{item.id}` is used already in `areas.{home}`: take another"
            yield ("areas", name, "items", place, "id"), text
        seen.add(item.id)


def _unspoken(name: str, part: AreaPart, language: str) -> Iterator[Fault]:
    """Words that lack the policy's language."""
    why = f"`{language}` is missing: it is the policy's language"
    if part.title and getattr(part.title, language) is None:
        yield ("areas", name, "title"), why
    for place, item in enumerate(own_items(part)):
        if getattr(item, language) is None:
            yield ("areas", name, "items", place), why
