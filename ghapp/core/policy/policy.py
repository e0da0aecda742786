"""Policy layers -> the rules in force for one repository, or the Problems of its file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import ValidationError

from ghapp.core.areas import (
    Area,
    Clause,
    Leaf,
    Mode,
    ModeRule,
    Reason,
    Reviewers,
    Text,
    When,
    leaves,
)
from ghapp.core.digest import Destination, DigestTo, Retro
from ghapp.core.model import ConfigurationKey, Problem, ProjectKey, PullKey
from ghapp.core.patterns import globs
from ghapp.core.policy import limits, own_packs, pack_files, pull_schema, yaml
from ghapp.core.policy.areas import (
    DEFAULT,
    Vocabulary,
    areas,
    avoidable,
    faults,
    left_by,
    never_deferred,
    unknown_never,
)
from ghapp.core.policy.locks import Floor, Kept, Refused, floor, unknown
from ghapp.core.policy.pack_schema import References
from ghapp.core.policy.policy_schema import AreaPart, PeoplePart, PolicyFile
from ghapp.core.policy.problems import mistakes
from ghapp.core.policy.strictness import KEYS, WEAKER, as_written, said_by
from ghapp.core.records import PackFile, PolicySource
from ghapp.core.releases import Freeze, Plan, midnight
from ghapp.core.working_time import WorkingTime

POLICY_PATH = pack_files.POLICY
# The layers, the topmost last, and how problems name an organisation's file, whose repository is
# `.github` of the same owner.
ORGANISATION, REPOSITORY = "organisation", "repository"
LAYERS = ("builtin", ORGANISATION, REPOSITORY)
ORGANISATION_PATH = f"{ORGANISATION}: {POLICY_PATH}"
STANDINGS = ("good", "bridged", "unreadable")  # the worst last

NOBODY_NAMED = Reviewers()

DEFAULT_LABELS: Mapping[str, str] = {
    "waiting": "nfr: needs sign-off",
    "hold": "nfr: on hold",
    "signed_off": "nfr: signed off",
    "waived": "nfr: waived",
    "follow_ups": "nfr: follow-ups",
    "follow_up": "nfr: follow-up",
    "configuration": "nfr: configuration",
}

# Between a key of a policy file and the end of its value; bounded, because anybody may write it.
_BEFORE, _AFTER = r""":\s{0,20}['"]?""", r"""['"]?\s{0,20}(?:[,}#\n]|\Z)"""


def may_be_label(name: str, texts: Iterable[str]) -> bool:
    """Whether a policy file with one of these texts may call a label of ghapp so.

    True for the default names, whatever the file says, and for every value in it.
    """
    folded = name.casefold()
    defaults = (*DEFAULT_LABELS.values(), Projects().label)
    if folded in {default.casefold() for default in defaults}:
        return True
    value = re.compile(_BEFORE + re.escape(folded) + _AFTER)
    return bool(folded) and any(value.search(text.casefold()) for text in texts)


# Policies are cached, by their texts. Those whose packs have more than LARGE characters together
# take megabytes each, so that only a few are kept: (small ones, large ones).
KEPT, LARGE = (256, 8), 512 << 10


# Paths of all kinds: globs that match each of them match every file.
ANY_PATHS = ("x", ".x", "x.y", "x/y", ".x/y.z", "x/y/.z", "x y/z-1/Z_2.X3")


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """The defaults that a policy builds on; one value for the life of the process.

    packs: the built-in areas, including those that are shipped switched off. While the policy of a
    repository is read, its own areas are added. references: what packs may name. timezone: of
    working hours. details_base: where others find the pages, for links to them; "" for no links.
    """

    packs: tuple[Area, ...]
    default_mode: str
    references: References = field(default_factory=References)
    timezone: tzinfo = UTC
    details_base: str = ""

    def details(self, key: PullKey | ProjectKey | ConfigurationKey) -> str:
        """The address of the page about it; "" for no link to it."""
        return self.details_base + key.page if self.details_base else ""


@dataclass(frozen=True, slots=True)
class Features:
    """What makes a pull a new feature; any of them is enough. added_lines: 0 is unset."""

    labels: tuple[str, ...] = ("feature", "enhancement")
    titles: tuple[str, ...] = (r"^feat(\(.+\))?!?:", "新機能")
    branches: tuple[str, ...] = ("feature/**", "feat/**")
    added_lines: int = 0


@dataclass(frozen=True, slots=True)
class Defer:
    """How long an item may be deferred, in days. never: ids of items that may not.

    remind: whether the issue of a follow-up gets a comment when it is due, and when it is overdue.
    """

    default_days: int = 30
    max_days: int = 90
    never: frozenset[str] = frozenset()
    remind: bool = True


@dataclass(frozen=True, slots=True)
class Projects:
    """Which issues are projects, and what pull requests have from them.

    ways: command | trailer | parent | milestone, how the project of a pull is found. inherit: none
    | answers. max_age_days: after which an answer is asked for again. new_area: quiet | ask.
    """

    label: str = "nfr: project"
    ways: frozenset[str] = frozenset({"command", "trailer", "parent", "milestone"})
    inherit: str = "answers"
    max_age_days: int = 90
    new_area: str = "ask"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from. layer: one of LAYERS. line: of its key, from 1; 0 if built in."""

    layer: str
    line: int = 0


BUILT_IN = Origin(LAYERS[0])


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force for one repository, all layers joined.

    standing: good | bridged (a file is invalid, its last good version holds) | unreadable
    (invalid and no good version is known: nothing may be green). The worst of all layers.
    problems: of the files and their packs as they are now; not empty when bridged or unreadable.
    refused: what the repository's file says and a lock of its organisation does not allow. The rest
    of that file is in force.
    locked: what the organisation locks. kept: what else follows from that.
    words: of questions, by placeholder.
    origins: of the values that files set, by key as in `strictness.Change`; others are built in.
    remind_after: as in WorkingTime.amount; "" for never.
    dialect: any | mysql | postgres; hazards of the other dialect are off.
    labels: our label names by state: waiting, hold, signed_off, waived, follow_ups, follow_up; and
    that of the issue about configuration.
    scan: weekly | off, of the configuration of the default branch.
    areas: those enabled, heaviest first, then by id. observed: those among them that are only
    observed, once `on` has set them apart.
    enforce_from: the day on which `mode` begins to be enforce, "2027-01-15"; "" if it is in force.
    mode_when: rules before `mode`, of which the first that holds counts. mode_why: what of the pull
    request settled the mode. general: what holds for all pull requests, if this is a policy for one
    of them, see `scan/pull_conditions.py`.
    asks: kinds of the facts that conditions are about. teams: slugs that conditions name.
    """

    mode: str = "advise"
    enforce_from: str = ""
    language: str = "en"
    reviewers: Reviewers = NOBODY_NAMED
    waivers: Reviewers = NOBODY_NAMED
    sign_off_by: frozenset[str] = frozenset({"command", "label", "button"})
    stale_on: str = "area-change"
    allow_author: bool = False
    require_answers: str = "none"
    pending: str = "in_progress"
    comment: str = "features"
    features: Features = Features()
    max_items: int = 7
    request_review: bool = False
    remind_after: str = ""
    preview: bool = True
    scan: str = "off"
    working_time: WorkingTime = WorkingTime()
    release: Plan = Plan()
    digest: DigestTo = DigestTo()
    retro: Retro = Retro()
    ignore_authors: frozenset[str] = frozenset({"dependabot[bot]", "renovate[bot]"})
    ignore_paths: tuple[str, ...] = ("docs/**", "**/*.md")
    large_tables: tuple[str, ...] = ()
    dialect: str = "any"
    defer: Defer = Defer()
    projects: Projects = Projects()
    labels: Mapping[str, str] = field(default_factory=lambda: DEFAULT_LABELS)
    areas: tuple[Area, ...] = ()
    observed: tuple[Area, ...] = ()
    words: Vocabulary = field(default_factory=lambda: DEFAULT)
    locked: tuple[str, ...] = ()
    kept: Kept = Kept()
    standing: str = "good"
    problems: tuple[Problem, ...] = ()
    refused: tuple[Problem, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)
    mode_when: tuple[ModeRule, ...] = ()
    mode_why: tuple[Reason, ...] = ()
    general: Policy | None = None
    asks: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()

    @property
    def modes(self) -> frozenset[str]:
        """All modes that something may have."""
        rules = (*self.mode_when, *(rule for area in self.areas for rule in area.mode_when))
        areas = (area.mode for area in self.areas)
        return frozenset([self.mode, *areas, *(rule.mode for rule in rules)])

    @property
    def is_ruled(self) -> bool:
        """Whether areas or modes depend on the facts of the pull request."""
        return bool(self.mode_when or any(one.when or one.mode_when for one in self.areas))

    @property
    def unread_reviewers(self) -> Reviewers:
        """Who signs off what nobody could read."""
        return self.reviewers if self.kept.reviewers is None else self.kept.reviewers

    @property
    def enforces(self) -> bool:
        """Whether anything is enforced, on this pull request or on others."""
        return "enforce" in (self.general or self).modes

    @property
    def searched(self) -> tuple[Area, ...]:
        """The areas that any pull request may be searched for, except those only observed."""
        observed = {area.id for area in self.observed}
        areas = (self.general or self).areas
        return tuple([area for area in areas if area.id not in observed]) if observed else areas

    @property
    def writes(self) -> bool:
        """Whether anything goes to GitHub: not if everything is only observed."""
        return self.modes != {"observe"}

    @property
    def begins_at(self) -> datetime | None:
        """When something more begins to be enforced, if this is `on` a moment; None if nothing."""
        days = (self.enforce_from, *(area.enforce_from for area in self.areas))
        first = min(filter(None, days), default="")
        return midnight(date.fromisoformat(first), self.working_time.zone) if first else None

    def on(self, now: datetime) -> Policy:
        """The policy as it holds at a moment; a day begins at midnight by the clock of its zone.

        What is enforced from a later day on is only advice, and keeps its `enforce_from`. Areas
        that are only observed are in `observed`, so that nothing about them is shown or asked.
        """
        general = self.general
        days = self.begins_at or (general and general.begins_at)
        if not days and all(area.mode != "observe" for area in self.areas):
            return self
        day = now.astimezone(self.working_time.zone).date().isoformat()
        found = tuple(_on(day, area) for area in self.areas)
        if general:
            areas = tuple(_on(day, area) for area in general.areas)
            general = replace(_on(day, general), areas=areas)
        # A rule may give an area another mode, as long as it is not settled for a pull request.
        observed = {area.id for area in found if area.mode == "observe" and not area.mode_when}
        return replace(
            _on(day, self),
            areas=tuple(area for area in found if area.id not in observed),
            observed=tuple(area for area in found if area.id in observed),
            general=general,
        )

    @property
    def shown(self) -> Policy:
        """The policy if what is only observed were shown as advice."""
        if self.mode != "observe" and not self.observed:
            return self
        shown = (replace(area, mode="advise") for area in self.observed)
        areas = sorted((*self.areas, *shown), key=lambda area: (-area.weight, area.id))
        mode = "advise" if self.mode == "observe" else self.mode
        return replace(self, mode=mode, areas=tuple(areas), observed=(), general=None)


T = TypeVar("T", Area, Policy)


def _on(day: str, one: T) -> T:
    """An area's or a policy's own mode on a day."""
    if not one.enforce_from:
        return one
    if one.enforce_from <= day:
        return replace(one, enforce_from="")
    return replace(one, mode="advise")


def effective(source: PolicySource, rules: Rules) -> Policy:
    """The policy in force: the repository's file over its organisation's over the built-in areas.

    A layer without a file says nothing. If a file or one of its packs is broken, the last good
    version of all of them applies; without one, what is below it. `standing` and `problems` say so.
    An organisation's file that is gone is treated as broken, so that its locks cannot vanish.
    """
    now, good = _Version(source.text, source.packs), _Version(source.good, source.good_packs)
    large = now.is_large or good.is_large
    below = _below(source.organisation, rules)
    return (_effective_large if large else _effective_small)(now, good, below)


def problems_of(
    text: str | bytes,
    rules: Rules,
    path: str = POLICY_PATH,
    packs: tuple[PackFile, ...] = (),
    *,
    layer: str = REPOSITORY,
    organisation: PolicySource | None = None,
) -> tuple[Problem, ...]:
    """What is wrong with a policy file and its packs, in the order of the places; () means good.

    packs: as `pack_files.chosen` gives them, with their texts. layer: whose file it is. Only an
    organisation's has locks. organisation: for a repository's file, the layer below, whose areas it
    may name. What a lock refuses is no problem here: `Policy.refused` has it.
    """
    found = _read(_Version(text, packs), _below(organisation, rules), path, layer)
    return () if isinstance(found, Sound) else found


@dataclass(frozen=True, slots=True)
class _Version:
    """A policy file and its packs as they were at one time. text: None if there was no file."""

    text: str | bytes | None
    packs: tuple[PackFile, ...]

    @property
    def is_large(self) -> bool:
        return sum(len(one.text or "") for one in self.packs) > LARGE


@dataclass(frozen=True, slots=True, eq=False)
class Below:
    """What a file builds on: the built-in areas, with or without an organisation's file.

    layers: the files. rules: with their packs. areas: as the next layer finds them, also those
    switched off. policy: in force without a next layer. One value for each version, as for `Rules`.
    """

    rules: Rules
    layers: tuple[PolicyFile, ...]
    areas: tuple[Area, ...]
    policy: Policy
    floor: Floor


def _below(organisation: PolicySource | None, rules: Rules) -> Below:
    if organisation is None or (organisation.text is None and organisation.good is None):
        return _builtin(rules)
    now = _Version(organisation.text, organisation.packs)
    good = _Version(organisation.good, organisation.good_packs)
    large = now.is_large or good.is_large
    return (_organisation_large if large else _organisation_small)(now, good, rules)


def _builtin_below(rules: Rules) -> Below:
    """The built-in areas. `_builtin` caches this."""
    policy = merged((), rules)
    return Below(rules, (), rules.packs, policy, floor(policy))


def _organisation_below(now: _Version, good: _Version, rules: Rules) -> Below:
    """An organisation's file over the built-in areas. `_below` caches this.

    good: its last good version; the file is gone if only this one has a text.
    """
    builtin = _builtin(rules)
    path = ORGANISATION_PATH
    gone = (
        "the file is gone, and its last good version holds, so that no lock vanishes: restore the "
        "file, or commit an empty one to end it"
    )
    found: Sound | tuple[Problem, ...] = (Problem(path, 0, 0, gone),)
    if now.text is not None:
        found = _read(now, builtin, path, ORGANISATION)
    sound, problems = (found, ()) if isinstance(found, Sound) else (None, found)
    if sound is None and good.text is not None:
        last = _read(good, builtin, path, ORGANISATION)
        sound = last if isinstance(last, Sound) else None
    if sound is None:
        policy = replace(builtin.policy, standing="unreadable", problems=problems)
        return replace(builtin, policy=policy)
    own = replace(rules, packs=sound.packs, references=sound.references)
    origins = {key: Origin(ORGANISATION, place[0]) for key, place in sound.places.items()}
    policy = replace(
        merged((sound.file,), own),
        standing="bridged" if problems else "good",
        problems=problems,
        origins=origins,
    )
    areas = left_by((sound.file,), sound.packs, sound.references)
    return Below(own, (sound.file,), areas, policy, floor(policy))


def _effective(now: _Version, good: _Version, below: Below) -> Policy:
    """As `effective`, which caches this. good: the last good version."""
    if now.text is None:
        return below.policy
    found = _read(now, below, POLICY_PATH, REPOSITORY)
    if isinstance(found, Sound):
        return found.in_force(below)
    last: object = () if good.text is None else _read(good, below, POLICY_PATH, REPOSITORY)
    over_a_file = below.layers or below.policy.problems
    if over_a_file and good.text is not None and not isinstance(last, Sound):
        last = _fitting(good, below)
    problems = (*below.policy.problems, *found)
    if isinstance(last, Sound):
        policy = last.in_force(below)
        standing = worst(policy.standing, "bridged")
        return replace(policy, standing=standing, problems=problems, refused=())
    return replace(below.policy, standing="unreadable", problems=problems)


def _fitting(version: _Version, below: Below) -> Sound | None:
    """A file that was good over another version of its organisation's, as far as it fits this one.

    What it says of areas, questions and hazards that are gone is left out, and a text may lack the
    language of the organisation. None if anything else is wrong.
    """
    tree = yaml.read(version.text or "", POLICY_PATH)
    if not isinstance(tree, yaml.Tree) or not isinstance(tree.value, dict):
        return None
    value: dict[str, Any] = tree.value
    try:
        file = PolicyFile.model_validate(value)
    except ValidationError:
        return None
    own = own_packs.read(file.packs or (), version.packs, below.areas, below.rules.references)
    joined = (*below.areas, *own.areas)
    if own.faults or own.problems or [*_unfit(file, below.policy)]:
        return None
    areas = value.get("areas") or {}
    found = (
        *faults(file, joined, own.references, below.policy.language),
        *unknown_never(file, joined, areas),
    )
    gone = {loc for loc, _ in found}
    for loc in gone:
        match loc:
            case ("areas", area):
                areas.pop(area)
            case ("areas", area, "items" | "hazards" as kind, str() as id):
                areas.get(area, {}).get(kind, {}).pop(id, None)
            case ("areas", _, "title") | ("areas", _, "items", int()) | ("defer", _, int()):
                pass
            case _:
                return None
    for key in ("never", "never_add"):
        if listed := (value.get("defer") or {}).get(key):
            kept = [one for at, one in enumerate(listed) if ("defer", key, at) not in gone]
            value["defer"][key] = kept
    fitting = PolicyFile.model_validate(value)
    return Sound(fitting, (*below.rules.packs, *own.areas), own.references, _places(tree))


def worst(*standings: str) -> str:
    """The one of them that trusts a policy least."""
    return max(standings, key=STANDINGS.index)


def _read(version: _Version, below: Below, path: str, layer: str) -> Sound | tuple[Problem, ...]:
    """As `read`, from the cache if the same version was read before."""
    cached = _read_large if version.is_large else _read_small
    return cached(version.text or "", path, version.packs, below, layer)


@dataclass(frozen=True, slots=True)
class Sound:
    """A file without problems.

    packs, references: those of the layers below and its own. places: of its keys, by their names.
    """

    file: PolicyFile
    packs: tuple[Area, ...]
    references: References
    places: Mapping[str, yaml.Place]

    def in_force(self, below: Below) -> Policy:
        """The policy that the file of a repository puts in force, within the locks."""
        own = replace(below.rules, packs=self.packs, references=self.references)
        policy, refused = _joined((*below.layers, self.file), own, below.floor)
        return replace(
            policy,
            standing=below.policy.standing,
            problems=below.policy.problems,
            refused=_named(refused, self.places, self.packs),
            origins=self._origins(refused, below.policy.origins),
        )

    def _origins(
        self, refused: Iterable[Refused], below: Mapping[str, Origin]
    ) -> Mapping[str, Origin]:
        """Where each value comes from; what a lock keeps has the origin that it has below."""
        own = {key: Origin(REPOSITORY, place[0]) for key, place in self.places.items()}
        kept: dict[str, Origin] = {}
        for one in refused:
            names = said_by(one.change.key)
            own.pop(next((name for name in names if name in own), ""), None)
            if any(name in own for name in names):  # which may add to it
                continue
            general = ("reviewers",) if names == ("waivers",) else (names[0].rpartition(".")[2],)
            said = [below[name] for name in (*names, *general) if name in below]
            kept[names[0]] = said[0] if said else BUILT_IN
        return {**below, **own, **kept}


def read(
    text: str | bytes, path: str, files: Sequence[PackFile], below: Below, layer: str
) -> Sound | tuple[Problem, ...]:
    """The file, or the problems in the order of its places, then those of its packs.

    files: as `pack_files.chosen` gives them, with their texts. layer: whose file it is.
    """
    rules = below.rules
    tree = yaml.read(text, path)
    if not isinstance(tree, yaml.Tree):
        return tree
    value = tree.value
    if value is None:
        return Sound(PolicyFile(), rules.packs, rules.references, {})
    problems = [
        Problem(path, *tree.key_at(("areas",)), f"the file has {count}, {why}")
        for count, why in limits.crowded(value)
    ]
    if problems:  # reported before any of the patterns is compiled
        return tuple(problems)
    try:
        file = PolicyFile.model_validate(value)
    except ValidationError as error:
        problems += mistakes(error, PolicyFile, tree, path)
        # The well-formed rest is checked further, so that all problems are reported at once.
        file = PolicyFile.model_validate(_well_formed(value, error))
    own = own_packs.read(file.packs or (), files, below.areas, rules.references)
    joined = (*below.areas, *own.areas)
    written = value if isinstance(value, dict) else {}
    malformed_packs = file.packs is None and written.get("packs")
    all_packs = not (malformed_packs or own.faults or own.problems)
    laborious = limits.laborious(value)
    found = (
        *_unfit(file, below.policy),
        *_days(file, below.policy),
        *_avoidable(file, below),
        *([(("areas",), f"the file's {laborious}")] if laborious else []),
        *own.faults,
        *faults(file, joined, own.references, below.policy.language, all_packs=all_packs),
        *(unknown_never(file, joined, written.get("areas")) if all_packs else ()),
        *_locks(file, joined, layer, all_packs=all_packs),
    )
    some = found[: yaml.MAX_PROBLEMS]
    problems += [Problem(path, *tree.key_at(loc), words) for loc, words in some]
    problems.sort(key=lambda one: (one.line, one.column))
    if problems or own.problems:
        return (*problems, *own.problems)
    return Sound(file, (*rules.packs, *own.areas), own.references, _places(tree))


def _places(tree: yaml.Tree) -> Mapping[str, yaml.Place]:
    """The places of the keys, by their names: "sign_off.by", "areas.ranking.items.rank-latency"."""
    found: dict[str, yaml.Place] = {}
    for loc, place in tree.keys.items():
        within = {"areas": 4, "release": 3}.get(str(loc[0]), 2)
        if len(loc) <= within and all(isinstance(step, str) for step in loc):
            found[".".join(map(str, loc))] = place
    for loc, place in tree.values.items():
        match loc:
            case ("areas", area, "items", int(), "id"):
                value: Any = tree.value
                for step in loc:
                    value = value[step]
                found[f"areas.{area}.items.{value}"] = place
    return found


def _named(
    refused: Iterable[Refused], places: Mapping[str, yaml.Place], packs: tuple[Area, ...]
) -> tuple[Problem, ...]:
    """What a file says and a lock refuses, by place; not what merely follows from what it says.

    So a general mode is not named because of a locked area, which keeps its own mode.
    """
    retired = {
        f"areas.{area.id}.items.{new}": f"areas.{area.id}.items.{old}"
        for area in packs
        for old, successors in area.retired
        for new in successors
    }
    found: dict[yaml.Place, Problem] = {}
    for one in refused:
        key = one.change.key
        names = said_by(key)
        names += tuple(retired[name] for name in names if name in retired)
        place = next((places[name] for name in names if name in places), None)
        if place:
            what = "is weaker than what" if one.change.direction == WEAKER else "differs from what"
            held = as_written(one.change.before)
            text = f"`{key}` {what} the organisation locks (`{one.lock}`): `{held}` holds"
            found.setdefault(place, Problem(POLICY_PATH, *place, f"{text}, take it out"))
    return tuple(found[place] for place in sorted(found))


def _locks(
    file: PolicyFile, areas: Iterable[Area], layer: str, *, all_packs: bool
) -> Iterator[tuple[yaml.Loc, str]]:
    """What is wrong with `locked`. areas: of the layers below and of packs."""
    if file.locked is not None and layer != ORGANISATION:
        text = (
            "`locked` belongs in the organisation's file, in its repository `.github`: take it "
            "out of this one"
        )
        yield ("locked",), text
    elif all_packs:
        known = {*(area.id for area in areas), *(file.areas or {})}
        yield from ((("locked", place), text) for place, text in unknown(file.locked or (), known))


def _well_formed(value: object, error: ValidationError) -> dict[str, Any]:
    """The keys and areas of the file in which the validation found nothing."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    broken = {one["loc"][: 2 if one["loc"][:1] == ("areas",) else 1] for one in details}
    if not isinstance(value, dict) or () in broken:
        return {}
    sound = {key: inside for key, inside in value.items() if (key,) not in broken}
    if isinstance(sound.get("areas"), dict):
        inside = sound["areas"].items()
        sound["areas"] = {name: area for name, area in inside if ("areas", name) not in broken}
    return sound


def _unfit(file: PolicyFile, below: Policy) -> Iterator[tuple[yaml.Loc, str]]:
    """Values that do not go together, with those of the layers below."""
    parts = [one for one in (file.areas or {}).values() if isinstance(one, AreaPart)]
    rows = (*(file.mode_when or ()), *(one for part in parts for one in part.mode_when or ()))
    modes = {file.mode or below.mode, *(part.mode for part in parts), *(one.mode for one in rows)}
    modes |= {area.mode for area in below.areas if area.mode != below.mode}
    modes |= {rule.mode for area in below.areas for rule in area.mode_when}
    by = (file.sign_off.by if file.sign_off else None) or below.sign_off_by
    pending = file.pending or below.pending
    if set(by) == {"button"} and "enforce" in modes and pending != "action_required":
        text = (
            "`sign_off.by` is only `button`, and GitHub shows no buttons while a check run is in "
            "progress, so that `enforce` could never be signed off: add "
            "`pending: action_required`, or another channel such as `command`"
        )
        yield ("sign_off", "by"), text
    states: dict[str, str] = {}
    for state, default in below.labels.items():
        name = getattr(file.labels, state, None) or default
        other = states.setdefault(name.casefold(), state)
        if other != state:
            both = f"`labels.{other}` and `labels.{state}`"
            written = state if getattr(file.labels, state) else other
            yield ("labels", written), f"{both} are the same label on GitHub: rename one"
    ignored = (file.ignore.paths if file.ignore else None) or ()
    if all(globs.matches(ignored, path) for path in ANY_PATHS):
        alone = [one for one in ignored if all(globs.matches((one,), path) for path in ANY_PATHS)]
        which = f"`{alone[0]}` matches" if alone else "these globs together match"
        text = (
            f"{which} every file, so that ghapp would review nothing: name what to leave out, or "
            "write `mode: observe` to review without a trace on GitHub"
        )
        yield ("ignore", "paths", *([ignored.index(alone[0])] if alone else [])), text
    defer = file.defer
    # A maximum below the usual 30 days alone lowers them as well.
    requests = below.request_review if file.request_review is None else file.request_review
    if file.remind and not requests:
        text = "`remind` requests a review once more, and needs `request_review: true`: add that"
        yield ("remind",), text
    if defer and (defer.default_days or 0) > (defer.max_days or below.defer.max_days):
        text = "`defer.default_days` is more than `defer.max_days`: lower it"
        yield ("defer", "default_days"), text


def _days(file: PolicyFile, below: Policy) -> Iterator[tuple[yaml.Loc, str]]:
    """Days from which something that is not enforced would be."""
    own = {area.id: area.mode for area in below.areas if area.mode != below.mode}
    places: list[tuple[yaml.Loc, PolicyFile | AreaPart, str | None]] = [((), file, None)]
    for name, value in (file.areas or {}).items():
        if isinstance(value, AreaPart):
            places.append((("areas", name), value, own.get(name)))
    for loc, part, inherited in places:
        mode = part.mode or inherited or file.mode or below.mode
        if part.enforce_from and mode != "enforce":
            text = (
                "`enforce_from` is the day on which `mode: enforce` begins, and the mode is "
                f"`{mode}` here: write `mode: enforce` beside it, or take it out"
            )
            yield (*loc, "enforce_from"), text


def merged(layers: Sequence[PolicyFile], rules: Rules) -> Policy:
    """The layers joined over the defaults, the last one on top; areas and items join by id."""
    return _joined(layers, rules, Floor(Policy()))[0]


def _joined(
    layers: Sequence[PolicyFile], rules: Rules, floor: Floor
) -> tuple[Policy, list[Refused]]:
    """As `merged`, but nowhere weaker than `floor`; and what is refused for that."""

    def setting(*keys: str) -> Any:
        """The value in the topmost layer that has the key; None if none has it."""
        for layer in reversed(layers):
            value: Any = layer
            for key in keys:
                value = getattr(value, key, None)
            if value is not None:
                return value
        return None

    def given(**values: Any) -> dict[str, Any]:
        return {name: value for name, value in values.items() if value is not None}

    def named(*keys: str) -> frozenset[str] | None:
        values = setting(*keys)
        return None if values is None else frozenset(values)

    def people(key: str, default: Reviewers) -> Reviewers:
        part: PeoplePart | None = setting(key)
        return Reviewers(part.teams, part.users) if part else default

    reviewers = people("reviewers", NOBODY_NAMED)
    words = {
        key: Text(
            setting("words", key, "en") or default.en, setting("words", key, "ja") or default.ja
        )
        for key, default in DEFAULT.items()
    }
    mode_when = tuple(
        rule
        for layer in reversed(_upto_mode(layers))
        for rule in pull_schema.rules(layer.mode_when)
    )
    most = setting("defer", "max_days") or Defer().max_days
    usual = setting("defer", "default_days") or Defer().default_days
    features = {one.name: setting("features", one.name) for one in fields(Features)}
    projects = {one.name: setting("projects", one.name) for one in fields(Projects)}
    projects["ways"] = named("projects", "ways")
    keys = ("days", "hours", "holidays", "days_off")
    times = {key: setting("working_time", key) for key in keys}
    teams: Mapping[str, Any] = setting("digest", "teams") or {}
    digest = DigestTo(
        setting("digest", "slack") or "",
        setting("digest", "issue") or "",
        {slug: Destination(one.slack or "", one.issue or "") for slug, one in teams.items()},
    )
    retro = {one.name: setting("retro", one.name) for one in fields(Retro)}
    working_time = replace(WorkingTime(zone=rules.timezone), **given(**times))
    periods = setting("release", "freeze", "periods")
    plan = given(
        sources=setting("release", "sources"),
        calendar=setting("release", "calendar"),
        freeze=setting("release", "freeze", "mode"),
    )
    freezes = tuple(Freeze(one.first, one.last, one.name or "") for one in periods or ())
    mode = Mode(rules.default_mode)
    for layer in layers:
        mode = mode.under(layer.mode, layer.enforce_from)
    policy = replace(
        Policy(),
        mode=mode.mode,
        enforce_from=mode.enforce_from,
        reviewers=reviewers,
        waivers=people("waivers", reviewers),
        remind_after=setting("remind", "after") or "",
        working_time=working_time,
        release=replace(Plan(freezes=freezes), **plan),
        digest=digest,
        retro=replace(Retro(), **given(**retro)),
        features=replace(Features(), **given(**features)),
        defer=Defer(min(usual, most), most, remind=setting("defer", "remind") is not False),
        projects=replace(Projects(), **given(**projects)),
        labels={key: setting("labels", key) or name for key, name in DEFAULT_LABELS.items()},
        mode_when=mode_when,
        words=words,
        **given(
            language=setting("language"),
            stale_on=setting("sign_off", "stale_on"),
            allow_author=setting("sign_off", "allow_author"),
            require_answers=setting("sign_off", "require_answers"),
            pending=setting("pending"),
            comment=setting("comment"),
            max_items=setting("max_items"),
            request_review=setting("request_review"),
            preview=setting("preview"),
            scan=setting("configuration", "scan"),
            sign_off_by=named("sign_off", "by"),
            ignore_authors=named("ignore", "authors"),
            ignore_paths=setting("ignore", "paths"),
            large_tables=setting("large_tables"),
            dialect=setting("database", "dialect"),
            locked=setting("locked"),
        ),
    )
    # The areas inherit from what holds; which questions nobody may defer depends on the areas.
    policy, refused = floor.hold(policy, KEYS.keys() - {"defer.never"})
    in_force = areas(
        layers,
        rules.packs,
        rules.references,
        Mode(policy.mode, policy.enforce_from),
        policy.mode_when,
        policy.reviewers,
        policy.words,
    )
    in_force, refused_inside = floor.hold_areas(in_force)
    never = never_deferred(layers, rules.packs)
    if setting("defer", "never") != ():
        never |= {item.id for area in in_force for item in area.items if item.never_defer}
    asked = [one for one in _conditions(in_force, policy.mode_when) if isinstance(one, Clause)]
    policy = replace(
        policy,
        areas=in_force,
        asks=frozenset(one.kind for one in asked if one.kind in pull_schema.KINDS),
        teams=frozenset(team for one in asked if one.kind == "team" for team in one.values),
        defer=replace(policy.defer, never=never),
        kept=floor.kept,
    )
    policy, refused_at_last = floor.hold(policy, ("defer.never",))
    return policy, [*refused, *refused_inside, *refused_at_last]


def _avoidable(file: PolicyFile, below: Below) -> Iterator[tuple[yaml.Loc, str]]:
    policy = below.policy
    general = policy.mode, policy.mode_when
    own = [area for area in policy.areas if (area.mode, area.mode_when) != general]
    return avoidable(file, *general, own)


def _upto_mode(layers: Sequence[PolicyFile]) -> Sequence[PolicyFile]:
    """The layers from the topmost one that has a mode: it replaces the rules below."""
    places = [place for place, layer in enumerate(layers) if layer.mode]
    return layers[max(places, default=0) :]


def _conditions(areas: Sequence[Area], rules: Sequence[ModeRule]) -> Iterator[Leaf]:
    """All conditions of a policy, without those that join others."""
    whens: list[When | None] = [rule.when for rule in rules]
    for area in areas:
        whens += [area.when, area.detect.pull, *(rule.when for rule in area.mode_when)]
        whens += [when for item in area.items for when in (item.when, item.must_when)]
    for when in whens:
        yield from leaves(when)


_builtin = lru_cache(maxsize=8)(_builtin_below)
_read_small, _read_large = (lru_cache(maxsize=many)(read) for many in KEPT)
_organisation_small, _organisation_large = (
    lru_cache(maxsize=many)(_organisation_below) for many in KEPT
)
_effective_small, _effective_large = (lru_cache(maxsize=many)(_effective) for many in KEPT)
