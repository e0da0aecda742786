"""What a policy says about areas -> the areas in force, or what does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace

from ghapp.core.areas import Area, Combined, Detect, Item, Mode, ModeRule, Reviewers, Text
from ghapp.core.i18n import both
from ghapp.core.policy import pack_schema
from ghapp.core.policy.fields import either
from ghapp.core.policy.pack_schema import MOST_LINKS, References
from ghapp.core.policy.policy_schema import AreaPart, OwnItemPart, PolicyFile
from ghapp.core.policy.problems import meant
from ghapp.core.policy.pull_schema import avoids, condition, loosened, rules, up_to_the_author
from ghapp.core.policy.yaml import Loc

OWN_WEIGHT = 3
OWN_NEEDS = "an area of your own needs `title`, `detect` and `items`"

Fault = tuple[Loc, str]
Vocabulary = Mapping[str, Text]  # by placeholder: users, service, tenants

DEFAULT: Vocabulary = {name: both(f"word_{name}") for name in ("users", "service", "tenants")}
# A placeholder, and before it what shows that an English sentence begins there.
_PLACE = re.compile(r"(^|[.?!] )?\{(users|service|tenants)\}")


def areas(
    layers: Sequence[PolicyFile],
    packs: tuple[Area, ...],
    references: References,
    mode: Mode,
    mode_when: tuple[ModeRule, ...],
    reviewers: Reviewers,
    vocabulary: Vocabulary,
) -> tuple[Area, ...]:
    """The areas that are enabled, heaviest first, then by id.

    packs: the built-in ones and those of the repository. mode, mode_when, reviewers: of an area
    that has none of its own. An area that a layer names is flagged by a touch, unless a layer says
    otherwise. If several layers switch the same item or hazard, the last one counts.
    """
    known, items_on, hazards_on = _layered(layers, packs, references, mode, mode_when, reviewers)
    enabled = []
    for area in known.values():
        if not area.enabled:
            continue
        items = tuple(one for one in area.items if items_on.get((area.id, one.id), True))
        # A hazard goes with its item: nobody could answer its findings.
        asked = {one.id for one in items}
        hazards = [
            one if said is True else replace(one, severity=str(said))
            for one in area.hazards
            if one.item in asked and (said := hazards_on.get((area.id, one.id), True))
        ]
        enabled.append(worded(replace(area, items=items, hazards=tuple(hazards)), vocabulary))
    return tuple(sorted(enabled, key=lambda area: (-area.weight, area.id)))


def left_by(
    layers: Sequence[PolicyFile], packs: tuple[Area, ...], references: References
) -> tuple[Area, ...]:
    """The areas that the next layer finds, with all of their items: also those switched off."""
    return tuple(_layered(layers, packs, references, Mode(""), (), Reviewers())[0].values())


def _layered(
    layers: Sequence[PolicyFile],
    packs: tuple[Area, ...],
    references: References,
    mode: Mode,
    mode_when: tuple[ModeRule, ...],
    reviewers: Reviewers,
) -> tuple[dict[str, Area], dict[tuple[str, str], bool], dict[tuple[str, str], bool | str]]:
    """The areas by id, and what the layers say of items and hazards, by both ids."""

    def general(area: Area) -> Area:
        return replace(
            area,
            mode=mode.mode,
            enforce_from=mode.enforce_from,
            mode_when=mode_when,
            reviewers=reviewers,
        )

    known = {pack.id: general(pack) for pack in packs}
    flags: dict[str, str] = {}
    items_on: dict[tuple[str, str], bool] = {}
    hazards_on: dict[tuple[str, str], bool | str] = {}
    for layer in layers:
        for name, value in (layer.areas or {}).items():
            if isinstance(value, bool):
                known[name] = replace(known[name], enabled=value, flag=flags.get(name, "touch"))
                continue
            if value.flag:
                flags[name] = value.flag
            blank = Area(name, Text("", ""), OWN_WEIGHT, Detect(), ())
            before = known.get(name) or general(blank)
            area = _changed(before, value, references)
            known[name] = replace(area, flag=flags.get(name, "touch"))
            # A switch of a retired item holds for the items in its place.
            successors = dict(area.retired)
            for item, on in switches(value).items():
                items_on |= {(name, id): on for id in successors.get(item, (item,))}
            hazards_on |= {(name, id): said for id, said in (value.hazards or {}).items()}
    return known, items_on, hazards_on


def avoidable(
    file: PolicyFile, mode: str, mode_when: Sequence[ModeRule], below: Sequence[Area]
) -> Iterator[Fault]:
    """Rules and conditions of the file by which any author may avoid `enforce`.

    mode, mode_when: of the layers below. below: their areas that do not have these two.
    """
    lower = {mode, *(one.mode for one in mode_when)}
    general, otherwise = rules(file.mode_when), {file.mode} if file.mode else lower
    for place, why in loosened(general, otherwise):
        yield ("mode_when", place), f"`mode_when[{place}]` {why}"
    inherited = {*otherwise, *(one.mode for one in general)}
    of_area = {one.id: {one.mode, *(rule.mode for rule in one.mode_when)} for one in below}
    for name, part in (file.areas or {}).items():
        if not isinstance(part, AreaPart):
            continue
        own = rules(part.mode_when)
        otherwise = {part.mode} if part.mode else of_area.get(name, inherited)
        for place, why in loosened(own, otherwise):
            yield ("areas", name, "mode_when", place), f"`areas.{name}.mode_when[{place}]` {why}"
        enforced = "enforce" in {*otherwise, *(one.mode for one in own)}
        by = up_to_the_author(Combined("not", (condition(part.when),))) if part.when else ""
        if by and enforced:
            text = f"`areas.{name}.when` {avoids(by)}, or do not enforce the area"
            yield ("areas", name, "when"), text


def own_items(part: AreaPart) -> tuple[OwnItemPart, ...]:
    """The questions that the policy itself writes for an area."""
    return part.items if isinstance(part.items, tuple) else ()


def switches(part: AreaPart) -> dict[str, bool]:
    """Which items of an area are on or off; one that the policy changes is on."""
    named = part.items if isinstance(part.items, dict) else {}
    return {item: value if isinstance(value, bool) else True for item, value in named.items()}


def scopes(part: AreaPart) -> dict[str, str]:
    """The scopes that the policy gives to questions of a pack, by their ids."""
    named = part.items if isinstance(part.items, dict) else {}
    return {item: value.scope for item, value in named.items() if not isinstance(value, bool)}


def never_deferred(layers: Sequence[PolicyFile], packs: tuple[Area, ...]) -> frozenset[str]:
    """The items that the layers themselves say nobody may defer.

    A retired item stands for the items in its place, as in `areas`.
    """
    successors = {old: new for area in packs for old, new in area.retired}
    parts = [layer.defer for layer in layers if layer.defer]
    ids = [id for part in parts for id in (*(part.never or ()), *(part.never_add or ()))]
    return frozenset(new for id in ids for new in successors.get(id, (id,)))


def unknown_never(file: PolicyFile, packs: tuple[Area, ...], areas: object) -> Iterator[Fault]:
    """Items that the policy says nobody may defer, and that neither it nor a pack has.

    areas: what YAML gave, because `file` lacks malformed ones.
    """
    known = {item.id for pack in packs for item in pack.items}
    for area in areas.values() if isinstance(areas, dict) else ():
        items = area.get("items") if isinstance(area, dict) else None
        known |= {
            item["id"]
            for item in (items if isinstance(items, list) else ())
            if isinstance(item, dict) and isinstance(item.get("id"), str)
        }
    retired = {id for pack in packs for id, _ in pack.retired}
    for key in ("never", "never_add"):
        for place, id in enumerate(getattr(file.defer, key, None) or ()):
            if id not in known | retired:
                near = meant(id, known, listed=False) or ": `ghapp packs show AREA` lists them"
                yield ("defer", key, place), f"unknown item `{id}` in `defer.{key}`{near}"


def _changed(area: Area, part: AreaPart, references: References) -> Area:
    """The area as one layer changes it."""
    detect = area.detect
    if part.detect:
        said = part.detect.model_fields_set
        said |= {"exclude"} if "exclude_sets" in said else set()
        new = pack_schema.detect(part.detect, references)
        changes = {one.name: getattr(new, one.name) for one in fields(Detect) if one.name in said}
        detect = replace(detect, **changes)
    # A glob of the area itself is removed; any other one leaves out what it matches.
    kept = tuple(glob for glob in detect.paths if glob not in part.paths_remove)
    left_out = tuple(glob for glob in part.paths_remove if glob not in detect.paths)
    exclude = (*detect.exclude, *left_out)
    successors, scoped = dict(area.retired), dict[str, str]()
    for named, scope in scopes(part).items():
        scoped |= dict.fromkeys(successors.get(named, (named,)), scope)
    items = {
        one.id: replace(one, scope=scoped[one.id]) if one.id in scoped else one
        for one in area.items
    }
    for own in own_items(part):
        # It goes to the end. What a policy cannot write for an item stays as the pack has it.
        before = items.pop(own.id, None)
        items[own.id] = Item(
            id=own.id,
            severity=own.sev,
            category=own.cat,
            question=_text(own.en, own.ja),
            why=_text(own.why_en, own.why_ja),
            evidence=_text(own.ev_en, own.ev_ja),
            refs=own.refs,
            when=pack_schema.condition(own.when) if own.when else None,
            must_when=pack_schema.condition(own.must_when) if own.must_when else None,
            scope=own.scope,
            kind=own.evidence or "",
            choices=own.choices,
            links=tuple(references.links[key] for key in own.refs[:MOST_LINKS]),
            same_as=before.same_as if before else None,
            never_defer=bool(before and before.never_defer),
        )
    people = part.reviewers
    mode = Mode(area.mode, area.enforce_from).under(part.mode, part.enforce_from)
    return replace(
        area,
        enabled=True,  # who changes an area that is shipped switched off wants to have it
        title=_text(part.title.en, part.title.ja) if part.title else area.title,
        weight=part.weight or area.weight,
        detect=replace(detect, paths=(*kept, *part.paths_add), exclude=exclude),
        items=tuple(items.values()),
        mode=mode.mode,
        enforce_from=mode.enforce_from,
        # A mode of its own replaces the rules that would come before it.
        mode_when=(*rules(part.mode_when), *(() if part.mode else area.mode_when)),
        when=condition(part.when) if part.when else area.when,
        reviewers=Reviewers(people.teams, people.users) if people else area.reviewers,
    )


def _text(en: str | None, ja: str | None) -> Text:
    """A text in both languages; a missing one takes the words of the other."""
    return Text(en or ja or "", ja or en or "")


def faults(
    file: PolicyFile,
    packs: tuple[Area, ...],
    references: References,
    language: str = "en",
    *,
    all_packs: bool = True,
) -> Iterator[Fault]:
    """What does not fit the packs, the policy's language, or another part of the policy.

    packs: with the areas of the layers below. language: if the file names none.
    all_packs: whether `packs` are all that the file names; if not, an unknown area may exist.
    """
    known = {pack.id: pack for pack in packs}
    hazards = {hazard.id: pack.id for pack in packs for hazard in pack.hazards}
    homes = {item.id: pack.id for pack in packs for item in pack.items}
    for name, value in (file.areas or {}).items():
        if name not in known and all_packs:
            yield from _lacking(name, value, known)
        if not isinstance(value, AreaPart):
            continue
        here = {hazard for hazard, home in hazards.items() if home == name}
        for hazard in value.hazards or {} if name in known or all_packs else ():
            if hazard not in here:
                hint = f": it belongs to `{hazards[hazard]}`" if hazard in hazards else ""
                hint = hint or meant(hazard, here)
                hint = hint or ": hazards come with packs, and this area has none"
                text = f"unknown hazard `{hazard}` in `areas.{name}`{hint}"
                yield ("areas", name, "hazards", hazard), text
        ids = {item.id for item in known[name].items} if name in known else set()
        for item in switches(value) if name in known else ():
            if item not in ids and item not in dict(known[name].retired):
                text = f"unknown item `{item}` in `areas.{name}`{meant(item, ids)}"
                yield ("areas", name, "items", item), text
        yield from _faults_inside(
            name, value, homes, references if all_packs else None, file.language or language
        )


def _lacking(name: str, value: bool | AreaPart, known: Mapping[str, Area]) -> Iterator[Fault]:
    """What is missing in an area that no pack has."""
    if isinstance(value, bool) or not value.detect:
        yield ("areas", name), f"unknown area `{name}`{meant(name, known)} ({OWN_NEEDS})"
        return
    if not value.title:
        yield ("areas", name), f"`title` is missing in `areas.{name}`: {OWN_NEEDS}"
    if not own_items(value):
        text = f"`items` is not a list of questions in `areas.{name}`: {OWN_NEEDS}"
        yield ("areas", name), text
    signals = value.detect.signals
    if not (value.paths_add or any(getattr(value.detect, key) for key in signals)):
        text = f"`areas.{name}.detect` flags nothing: give {either(signals)}"
        yield ("areas", name, "detect"), text


def _faults_inside(
    name: str,
    part: AreaPart,
    homes: dict[str, str],
    references: References | None,
    language: str,
) -> Iterator[Fault]:
    """Texts without the policy's language, ids used twice, and unknown references and sets.

    An item of a pack may be rewritten in its own area. homes: item id -> area.
    references: None if a file of references may be missing.
    """
    why = f"`{language}` is missing: it is the policy's language"
    if part.title and getattr(part.title, language) is None:
        yield ("areas", name, "title"), why
    before: set[str] = set()
    for place, item in enumerate(own_items(part)):
        loc: Loc = ("areas", name, "items", place)
        home = name if item.id in before else homes.setdefault(item.id, name)
        if item.id in before or home != name:
            text = f"the item id `{item.id}` is used already in `areas.{home}`: take another"
            yield (*loc, "id"), text
        before.add(item.id)
        if getattr(item, language) is None:
            yield loc, why
        for at, key in enumerate(item.refs if references else ()):
            if references and key not in references.links:
                near = meant(key, references.links, listed=False)
                yield (*loc, "refs", at), f"`{key[:40]}` is not in references.yml{near}"
    sets = part.detect.exclude_sets if part.detect else ()
    for place, key in enumerate(sets if references else ()):
        if references and key not in references.sets:
            text = f"`{key[:40]}` is not a set of globs{meant(key, references.sets)}"
            yield ("areas", name, "detect", "exclude_sets", place), text


def worded(area: Area, vocabulary: Vocabulary = DEFAULT) -> Area:
    """The area with its placeholders filled in, except `{table}`, which a finding fills in."""

    def text(one: Text) -> Text:
        if "{" not in one.en and "{" not in one.ja:
            return one
        return Text(spelled(one.en, "en", vocabulary), spelled(one.ja, "ja", vocabulary))

    items = (
        replace(
            item, question=text(item.question), why=text(item.why), evidence=text(item.evidence)
        )
        for item in area.items
    )
    hazards = (replace(one, message=text(one.message)) for one in area.hazards)
    return replace(area, items=tuple(items), hazards=tuple(hazards))


def spelled(text: str, language: str, vocabulary: Vocabulary = DEFAULT) -> str:
    """The text with its placeholders filled in, capitalised at the start of an English sentence."""
    if "{" not in text:
        return text

    def word(found: re.Match[str]) -> str:
        before, key = found[1], found[2]
        known = vocabulary.get(key, DEFAULT[key]).to(language)
        if before is None:
            return known
        return before + (known[:1].upper() + known[1:] if language == "en" else known)

    return _PLACE.sub(word, text)
