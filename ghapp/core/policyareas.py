"""What a policy says of areas -> the areas in force, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ghapp.core import packfile, regexes
from ghapp.core.areas import Area, Detect, Item, Reviewers, Text
from ghapp.core.mistakes import meant
from ghapp.core.policyfile import AreaPart, OwnItemPart, PolicyFile, written
from ghapp.core.yaml import Loc

OWN_WEIGHT = 3
OWN_NEEDS = "an area of your own needs `title`, `detect` and `items`"

# Of one file, together: each is tried on every changed file or line of a pull.
MAX_REGEXES = 300
MAX_STEPS = 5_000
MAX_GLOBS = 2_000
REGEX_KEYS = frozenset({"diff", "removed", "title", "titles"})
GLOB_KEYS = frozenset(
    {
        "branches",
        "diff_files",
        "exclude",
        "ignore",
        "path",
        "paths",
        "paths_add",
        "paths_remove",
    }
)

Fault = tuple[Loc, str]


def areas(
    layers: Sequence[PolicyFile], packs: tuple[Area, ...], mode: str, reviewers: Reviewers
) -> tuple[Area, ...]:
    """The areas that are enabled, heaviest first, then by id.

    mode, reviewers: of an area that has none of its own.
    """
    known = {pack.id: replace(pack, mode=mode, reviewers=reviewers) for pack in packs}
    switched: dict[tuple[str, str], bool] = {}
    for layer in layers:
        for name, value in (layer.areas or {}).items():
            if isinstance(value, bool):
                known[name] = replace(known[name], enabled=value)
                continue
            blank = Area(name, Text("", ""), OWN_WEIGHT, Detect(), (), True, mode, reviewers)
            known[name] = _changed(known.get(name, blank), value)
            switched |= {(name, item): on for item, on in _switches(value).items()}
    enabled = (_without(area, switched) for area in known.values() if area.enabled)
    return tuple(sorted(enabled, key=lambda area: (-area.weight, area.id)))


def crowded(value: object) -> Iterator[Fault]:
    """What the file has too many of: told before any of them is looked at."""
    found = sum(1 for _ in written(value, REGEX_KEYS))
    if found > MAX_REGEXES:
        why = f"more than {MAX_REGEXES}: join some by `|`"
        yield ("areas",), f"the file has {found:,} regular expressions, {why}"
    found = sum(1 for _ in written(value, GLOB_KEYS))
    if found > MAX_GLOBS:
        why = f"more than {MAX_GLOBS:,}: name folders instead of files"
        yield ("areas",), f"the file has {found:,} globs, {why}"


def laborious(value: object) -> Iterator[Fault]:
    """What the regular expressions of the file take together too much of."""
    sound = {one for one in written(value, REGEX_KEYS) if not regexes.fault(one)}
    steps = sum(regexes.steps(one) for one in sound)
    if steps > MAX_STEPS:
        why = f"more than {MAX_STEPS:,}: shorten them, lower their repeat counts"
        yield ("areas",), f"the file's regular expressions take {steps:,} steps together, {why}"


def faults(file: PolicyFile, packs: tuple[Area, ...]) -> Iterator[Fault]:
    """What does not fit the built-in areas, each other or the policy's language."""
    known = {pack.id: pack for pack in packs}
    homes = {item.id: pack.id for pack in packs for item in pack.items}
    language = file.language or "en"
    for name, value in (file.areas or {}).items():
        if name not in known:
            yield from _unfounded(name, value, known)
        if isinstance(value, AreaPart):
            yield from _unknown_items(name, value, known.get(name))
            yield from _doubled(name, value, homes)
            yield from _unspoken(name, value, language)


def _changed(area: Area, part: AreaPart) -> Area:
    people = part.reviewers
    own = tuple(_item(one) for one in _own(part))
    ids = {one.id for one in own}
    return replace(
        area,
        enabled=True,  # who changes an area that is shipped switched off wants to have it
        title=_text(part.title.en, part.title.ja) if part.title else area.title,
        weight=part.weight or area.weight,
        detect=_detect(area.detect, part),
        items=(*(one for one in area.items if one.id not in ids), *own),
        mode=part.mode or area.mode,
        reviewers=Reviewers(people.teams, people.users) if people else area.reviewers,
    )


def _detect(detect: Detect, part: AreaPart) -> Detect:
    if part.detect:
        new = packfile.detect(part.detect)
        said = part.detect.model_fields_set & set(Detect.__dataclass_fields__)
        detect = replace(detect, **{name: getattr(new, name) for name in said})
    # A glob of the area itself is taken back; any other one leaves out what it matches.
    kept = tuple(glob for glob in detect.paths if glob not in part.paths_remove)
    left_out = tuple(glob for glob in part.paths_remove if glob not in detect.paths)
    return replace(detect, paths=(*kept, *part.paths_add), exclude=(*detect.exclude, *left_out))


def _item(part: OwnItemPart) -> Item:
    return Item(
        id=part.id,
        severity=part.sev,
        category=part.cat,
        question=_text(part.en, part.ja),
        why=_text(part.why_en, part.why_ja),
        evidence=_text(part.ev_en, part.ev_ja),
        refs=part.refs,
        when=packfile.condition(part.when) if part.when else None,
        kind=part.evidence or "",
        choices=part.choices,
    )


def _text(en: str | None, ja: str | None) -> Text:
    """Both languages; one that is not given takes the words of the other."""
    return Text(en or ja or "", ja or en or "")


def _without(area: Area, switched: dict[tuple[str, str], bool]) -> Area:
    items = tuple(one for one in area.items if switched.get((area.id, one.id), True))
    return replace(area, items=items)


def _own(part: AreaPart) -> tuple[OwnItemPart, ...]:
    return part.items if isinstance(part.items, tuple) else ()


def _switches(part: AreaPart) -> dict[str, bool]:
    return part.items if isinstance(part.items, dict) else {}


def _unfounded(name: str, value: bool | AreaPart, known: dict[str, Area]) -> Iterator[Fault]:
    """What an area lacks that is not built in."""
    if isinstance(value, bool) or not value.detect:
        yield ("areas", name), f"unknown area `{name}`{meant(name, known)} ({OWN_NEEDS})"
        return
    if not value.title:
        yield ("areas", name), f"`title` is missing in `areas.{name}`: {OWN_NEEDS}"
    if not _own(value):
        yield ("areas", name), f"`items` is no list of questions in `areas.{name}`: {OWN_NEEDS}"
    signals = packfile.detect(value.detect)
    if not (signals.paths or value.paths_add or signals.diff or signals.labels or signals.size):
        text = f"`areas.{name}.detect` flags nothing: give `paths`, `diff`, `labels` or `size`"
        yield ("areas", name, "detect"), text


def _unknown_items(name: str, part: AreaPart, pack: Area | None) -> Iterator[Fault]:
    ids = {item.id for item in pack.items} if pack else set()
    for item in _switches(part):
        if pack and item not in ids:
            text = f"unknown item `{item}` in `areas.{name}`{meant(item, ids)}"
            yield ("areas", name, "items", item), text


def _doubled(name: str, part: AreaPart, homes: dict[str, str]) -> Iterator[Fault]:
    """Ids used twice; an item of a built-in area may be written anew in that area."""
    seen: set[str] = set()
    for place, item in enumerate(_own(part)):
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
    for place, item in enumerate(_own(part)):
        if getattr(item, language) is None:
            yield ("areas", name, "items", place), why
