"""What a policy says of areas -> the areas in force."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ghapp.core.areas import Area, Detect, Hazard, Item, Reviewers, Text
from ghapp.core.i18n import both
from ghapp.core.policy import pack_schema
from ghapp.core.policy.pack_schema import MOST_LINKS, References
from ghapp.core.policy.policy_schema import AreaPart, OwnItemPart, PolicyFile

OWN_WEIGHT = 3


@dataclass(frozen=True, slots=True)
class Switched:
    """What the layers say of single items and hazards, by area and id; the last word counts."""

    items: dict[tuple[str, str], bool] = field(default_factory=dict)
    hazards: dict[tuple[str, str], bool | str] = field(default_factory=dict)

    def take(self, area: Area, part: AreaPart) -> None:
        """What is said of a retired item holds for those in its place."""
        successors = dict(area.retired)
        for item, on in switches(part).items():
            for id in successors.get(item, (item,)):
                self.items[area.id, id] = on
        self.hazards.update({(area.id, id): value for id, value in (part.hazards or {}).items()})


def areas(
    layers: Sequence[PolicyFile],
    packs: tuple[Area, ...],
    references: References,
    mode: str,
    reviewers: Reviewers,
    vocabulary: Vocabulary,
) -> tuple[Area, ...]:
    """The areas that are enabled, heaviest first, then by id.

    packs: the built-in ones and those of the repository. mode, reviewers: of an area that has
    none of its own. An area that a layer names is flagged by a touch, unless one says otherwise.
    """
    known = {pack.id: replace(pack, mode=mode, reviewers=reviewers) for pack in packs}
    switched, flags = Switched(), dict[str, str]()
    for layer in layers:
        for name, value in (layer.areas or {}).items():
            if isinstance(value, bool):
                known[name] = replace(known[name], enabled=value, flag=flags.get(name, "touch"))
                continue
            if value.flag:
                flags[name] = value.flag
            blank = Area(name, Text("", ""), OWN_WEIGHT, Detect(), (), True, mode, reviewers)
            changed = _changed(known.get(name, blank), value, references)
            known[name] = replace(changed, flag=flags.get(name, "touch"))
            switched.take(changed, value)
    enabled = (
        worded(_switched(area, switched), vocabulary) for area in known.values() if area.enabled
    )
    return tuple(sorted(enabled, key=lambda area: (-area.weight, area.id)))


def own_items(part: AreaPart) -> tuple[OwnItemPart, ...]:
    """The questions that the policy itself writes for an area."""
    return part.items if isinstance(part.items, tuple) else ()


def switches(part: AreaPart) -> dict[str, bool]:
    """Which items of an area are on or off."""
    return part.items if isinstance(part.items, dict) else {}


def _changed(area: Area, part: AreaPart, references: References) -> Area:
    people = part.reviewers
    own = tuple(_item(one, references) for one in own_items(part))
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
        new = pack_schema.detect(part.detect)
        said = part.detect.model_fields_set & set(Detect.__dataclass_fields__)
        detect = replace(detect, **{name: getattr(new, name) for name in said})
    # A glob of the area itself is taken back; any other one leaves out what it matches.
    kept = tuple(glob for glob in detect.paths if glob not in part.paths_remove)
    left_out = tuple(glob for glob in part.paths_remove if glob not in detect.paths)
    return replace(detect, paths=(*kept, *part.paths_add), exclude=(*detect.exclude, *left_out))


def _item(part: OwnItemPart, references: References) -> Item:
    return Item(
        id=part.id,
        severity=part.sev,
        category=part.cat,
        question=_text(part.en, part.ja),
        why=_text(part.why_en, part.why_ja),
        evidence=_text(part.ev_en, part.ev_ja),
        refs=part.refs,
        when=pack_schema.condition(part.when) if part.when else None,
        must_when=pack_schema.condition(part.must_when) if part.must_when else None,
        scope=part.scope,
        kind=part.evidence or "",
        choices=part.choices,
        links=tuple(references[key] for key in part.refs[:MOST_LINKS]),
    )


def _text(en: str | None, ja: str | None) -> Text:
    """Both languages; one that is not given takes the words of the other."""
    return Text(en or ja or "", ja or en or "")


def _switched(area: Area, switched: Switched) -> Area:
    """The area without what is off. A hazard goes with its item: it would answer to nothing."""
    items = tuple(one for one in area.items if switched.items.get((area.id, one.id), True))
    asked = {one.id for one in items}
    hazards = tuple(_hazards((one for one in area.hazards if one.item in asked), switched))
    return replace(area, items=items, hazards=hazards)


def _hazards(hazards: Iterator[Hazard], switched: Switched) -> Iterator[Hazard]:
    for one in hazards:
        said = switched.hazards.get((one.area, one.id), True)
        if said:
            yield one if said is True else replace(one, severity=str(said))


Vocabulary = Mapping[str, Text]

DEFAULT: Vocabulary = {name: both(f"word_{name}") for name in ("users", "service", "tenants")}
_PLACE = re.compile(r"(^|[.?!] )?\{(users|service|tenants)\}")


def worded(area: Area, vocabulary: Vocabulary = DEFAULT) -> Area:
    """The area with its questions and messages in these words; `{table}` stays for the finding."""
    items = (
        replace(
            item,
            question=_said(item.question, vocabulary),
            why=_said(item.why, vocabulary),
            evidence=_said(item.evidence, vocabulary),
        )
        for item in area.items
    )
    hazards = (replace(one, message=_said(one.message, vocabulary)) for one in area.hazards)
    return replace(area, items=tuple(items), hazards=tuple(hazards))


def spelled(text: str, language: str, vocabulary: Vocabulary = DEFAULT) -> str:
    """The text with the words in their places, capitals where an English sentence begins."""
    if "{" not in text:
        return text

    def word(found: re.Match[str]) -> str:
        before, key = found[1], found[2]
        known = vocabulary.get(key, DEFAULT[key]).to(language)
        if before is None:
            return known
        return before + (known[:1].upper() + known[1:] if language == "en" else known)

    return _PLACE.sub(word, text)


def _said(text: Text, vocabulary: Vocabulary) -> Text:
    if "{" not in text.en and "{" not in text.ja:
        return text
    return Text(spelled(text.en, "en", vocabulary), spelled(text.ja, "ja", vocabulary))
