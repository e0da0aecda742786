"""Policy layers -> the rules in force for one repository, or the Problems of its file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from ghapp.core.areas import Area, Clause, Leaf, ModeRule, Reason, Reviewers, Text, When, leaves
from ghapp.core.model import Problem
from ghapp.core.patterns import globs
from ghapp.core.policy import limits, own_packs, pack_files, pull_schema, yaml
from ghapp.core.policy.areas import (
    DEFAULT,
    areas,
    avoidable,
    faults,
    never_deferred,
    unknown_never,
)
from ghapp.core.policy.pack_schema import References
from ghapp.core.policy.policy_schema import ELSEWHERE, AreaPart, PeoplePart, PolicyFile
from ghapp.core.policy.problems import mistakes
from ghapp.core.records import PackFile, PolicySource
from ghapp.core.working_time import DAYS, WorkingTime

POLICY_PATH = pack_files.POLICY

NOBODY_NAMED = Reviewers()

DEFAULT_LABELS: Mapping[str, str] = {
    "waiting": "nfr: needs sign-off",
    "hold": "nfr: on hold",
    "signed_off": "nfr: signed off",
    "waived": "nfr: waived",
    "follow_ups": "nfr: follow-ups",
    "follow_up": "nfr: follow-up",
}

# Between a key of a policy file and the end of its value; bounded, because anybody may write it.
_BEFORE, _AFTER = r""":\s{0,20}['"]?""", r"""['"]?\s{0,20}(?:[,}#\n]|\Z)"""


def may_be_label(name: str, texts: Iterable[str]) -> bool:
    """Whether a policy file with one of these texts may call a label of ghapp so.

    True for the default names, whatever the file says, and for every value in it.
    """
    folded = name.casefold()
    if folded in {default.casefold() for default in DEFAULT_LABELS.values()}:
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
    working hours.
    """

    packs: tuple[Area, ...]
    default_mode: str
    references: References = field(default_factory=References)
    timezone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Features:
    """What makes a pull a new feature; any of them is enough. added_lines: 0 is unset."""

    labels: tuple[str, ...] = ("feature", "enhancement")
    titles: tuple[str, ...] = (r"^feat(\(.+\))?!?:", "新機能")
    branches: tuple[str, ...] = ("feature/**", "feat/**")
    added_lines: int = 0


@dataclass(frozen=True, slots=True)
class Defer:
    """How long an item may be deferred, in days. never: ids of items that may not."""

    default_days: int = 30
    max_days: int = 90
    never: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force for one repository, all layers joined.

    standing: good | bridged (the file is invalid, its last good version holds) | unreadable
    (invalid and no good version is known: nothing may be green).
    problems: of the file and its packs as they are now; not empty when bridged or unreadable.
    remind_after: in working time; None for never.
    dialect: any | mysql | postgres; hazards of the other dialect are off.
    labels: our label names by state: waiting, hold, signed_off, waived, follow_ups, follow_up.
    areas: those enabled, heaviest first, then by id.
    mode_when: rules before `mode`, of which the first that holds counts. mode_why: what of the pull
    request settled the mode. general: what holds for all pull requests, if this is a policy for one
    of them, see `scan/pull_conditions.py`.
    asks: kinds of the facts that conditions are about. teams: slugs that conditions name.
    """

    mode: str = "advise"
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
    remind_after: timedelta | None = None
    working_time: WorkingTime = WorkingTime()
    ignore_authors: frozenset[str] = frozenset({"dependabot[bot]", "renovate[bot]"})
    ignore_paths: tuple[str, ...] = ("docs/**", "**/*.md")
    large_tables: tuple[str, ...] = ()
    dialect: str = "any"
    defer: Defer = Defer()
    labels: Mapping[str, str] = field(default_factory=lambda: DEFAULT_LABELS)
    areas: tuple[Area, ...] = ()
    standing: str = "good"
    problems: tuple[Problem, ...] = ()
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
    def enforces(self) -> bool:
        """Whether anything is enforced, on this pull request or on others."""
        return "enforce" in (self.general or self).modes

    @property
    def searched(self) -> tuple[Area, ...]:
        """The areas that any pull request may be searched for."""
        return (self.general or self).areas


def effective(source: PolicySource, rules: Rules) -> Policy:
    """The policy that the file of a repository and the packs it names put in force.

    No file: the built-in areas in the default mode. If the file or a pack is broken: the last good
    version of all of them, else the built-in areas; `standing` and `problems` say so.
    """
    now, good = _Version(source.text, source.packs), _Version(source.good, source.good_packs)
    large = now.is_large or good.is_large
    return (_effective_large if large else _effective_small)(now, good, rules)


def problems_of(
    text: str | bytes,
    rules: Rules,
    path: str = POLICY_PATH,
    packs: tuple[PackFile, ...] = (),
) -> tuple[Problem, ...]:
    """What is wrong with a policy file and its packs, in the order of the places; () means good.

    packs: as `pack_files.chosen` gives them, with their texts.
    """
    found = _read(_Version(text, packs), rules, path)
    return () if isinstance(found, Sound) else found


@dataclass(frozen=True, slots=True)
class _Version:
    """A policy file and its packs as they were at one time. text: None if there was no file."""

    text: str | bytes | None
    packs: tuple[PackFile, ...]

    @property
    def is_large(self) -> bool:
        return sum(len(one.text or "") for one in self.packs) > LARGE


def _effective(now: _Version, good: _Version, rules: Rules) -> Policy:
    """As `effective`, which caches this. good: the last good version."""
    if now.text is None:
        return merged((), rules)
    found = _read(now, rules, POLICY_PATH)
    if isinstance(found, Sound):
        return found.in_force(rules)
    last = () if good.text is None else _read(good, rules, POLICY_PATH)
    if isinstance(last, Sound):
        return replace(last.in_force(rules), standing="bridged", problems=found)
    return replace(merged((), rules), standing="unreadable", problems=found)


def _read(version: _Version, rules: Rules, path: str) -> Sound | tuple[Problem, ...]:
    """As `read`, from the cache if the same version was read before."""
    cached = _read_large if version.is_large else _read_small
    return cached(version.text or "", path, version.packs, rules)


@dataclass(frozen=True, slots=True)
class Sound:
    """A file without problems. packs, references: the built-in ones and the repository's own."""

    file: PolicyFile
    packs: tuple[Area, ...]
    references: References

    def in_force(self, rules: Rules) -> Policy:
        """The policy that the file puts in force."""
        own = replace(rules, packs=self.packs, references=self.references)
        return merged((self.file,), own)


def read(
    text: str | bytes, path: str, files: Sequence[PackFile], rules: Rules
) -> Sound | tuple[Problem, ...]:
    """The file, or the problems in the order of its places, then those of its packs.

    files: as `pack_files.chosen` gives them, with their texts.
    """
    tree = yaml.read(text, path)
    if not isinstance(tree, yaml.Tree):
        return tree
    value = tree.value
    if value is None:
        return Sound(PolicyFile(), rules.packs, rules.references)
    problems = [
        Problem(path, *tree.key_at(("areas",)), f"the file has {count}, {why}")
        for count, why in limits.crowded(value)
    ]
    if problems:  # reported before any of the patterns is compiled
        return tuple(problems)
    try:
        file = PolicyFile.model_validate(value)
    except ValidationError as error:
        problems += mistakes(error, PolicyFile, tree, path, ELSEWHERE)
        # The well-formed rest is checked further, so that all problems are reported at once.
        file = PolicyFile.model_validate(_well_formed(value, error))
    own = own_packs.read(file.packs or (), files, rules.packs, rules.references)
    joined = (*rules.packs, *own.areas)
    written = value if isinstance(value, dict) else {}
    malformed_packs = file.packs is None and written.get("packs")
    all_packs = not (malformed_packs or own.faults or own.problems)
    laborious = limits.laborious(value)
    found = (
        *_unfit(file, rules),
        *avoidable(file, rules.default_mode),
        *([(("areas",), f"the file's {laborious}")] if laborious else []),
        *own.faults,
        *faults(file, joined, own.references, all_packs=all_packs),
        *(unknown_never(file, joined, written.get("areas")) if all_packs else ()),
    )
    some = found[: yaml.MAX_PROBLEMS]
    problems += [Problem(path, *tree.key_at(loc), words) for loc, words in some]
    problems.sort(key=lambda one: (one.line, one.column))
    return (*problems, *own.problems) or Sound(file, joined, own.references)


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


def _unfit(file: PolicyFile, rules: Rules) -> Iterator[tuple[yaml.Loc, str]]:
    """Values that do not go together."""
    parts = [one for one in (file.areas or {}).values() if isinstance(one, AreaPart)]
    rows = (*(file.mode_when or ()), *(one for part in parts for one in part.mode_when or ()))
    modes = {file.mode or rules.default_mode}.union(
        (part.mode for part in parts if part.mode), (row.mode for row in rows)
    )
    by = file.sign_off.by if file.sign_off else None
    if set(by or ()) == {"button"} and "enforce" in modes and file.pending != "action_required":
        text = (
            "`sign_off.by` is only `button`, and GitHub shows no buttons while a check run is in "
            "progress, so that `enforce` could never be signed off: add "
            "`pending: action_required`, or another channel such as `command`"
        )
        yield ("sign_off", "by"), text
    states: dict[str, str] = {}
    for state, default in DEFAULT_LABELS.items():
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
    if file.remind and not file.request_review:
        text = "`remind` requests a review once more, and needs `request_review: true`: add that"
        yield ("remind",), text
    if defer and (defer.default_days or 0) > (defer.max_days or 90):
        text = "`defer.default_days` is more than `defer.max_days`: lower it"
        yield ("defer", "default_days"), text


def _working_time(
    days: Iterable[str] | None,
    hours: str | None,
    holidays: str | None,
    off: Iterable[str] | None,
    zone: tzinfo,
) -> WorkingTime:
    """As a policy writes it; None is the default."""
    opens, closes = (
        int(hour) * 60 + int(minute)
        for hour, _, minute in (at.partition(":") for at in (hours or "09:00-18:00").split("-"))
    )
    ranges = []
    for one in off or ():
        first, _, last = one.partition("..")
        ranges.append((date.fromisoformat(first), date.fromisoformat(last or first)))
    working = frozenset(map(DAYS.index, DAYS[:5] if days is None else days))
    return WorkingTime(working, opens, closes, zone, holidays or "", tuple(ranges))


def merged(layers: Sequence[PolicyFile], rules: Rules) -> Policy:
    """The layers joined over the defaults, the last one on top; areas and items join by id."""

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

    mode = setting("mode") or rules.default_mode
    reviewers = people("reviewers", NOBODY_NAMED)
    vocabulary = {
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
    in_force = areas(layers, rules.packs, rules.references, mode, mode_when, reviewers, vocabulary)
    asked = [one for one in _conditions(in_force, mode_when) if isinstance(one, Clause)]
    most = setting("defer", "max_days") or Defer().max_days
    usual = setting("defer", "default_days") or Defer().default_days
    never = never_deferred(layers, rules.packs)
    if setting("defer", "never") != ():
        never |= {item.id for area in in_force for item in area.items if item.never_defer}
    features = {one.name: setting("features", one.name) for one in fields(Features)}
    days, hours, holidays, off = (
        setting("working_time", key) for key in ("days", "hours", "holidays", "days_off")
    )
    working_time = _working_time(days, hours, holidays, off, rules.timezone)
    after = setting("remind", "after")
    hour_or_day = {"h": timedelta(hours=1), "d": working_time.day}
    return replace(
        Policy(),
        mode=mode,
        reviewers=reviewers,
        waivers=people("waivers", reviewers),
        remind_after=int(after[:-1]) * hour_or_day[after[-1]] if after else None,
        working_time=working_time,
        features=replace(Features(), **given(**features)),
        defer=Defer(min(usual, most), most, never),
        labels={key: setting("labels", key) or name for key, name in DEFAULT_LABELS.items()},
        areas=in_force,
        mode_when=mode_when,
        asks=frozenset(one.kind for one in asked if one.kind in pull_schema.KINDS),
        teams=frozenset(team for one in asked if one.kind == "team" for team in one.values),
        **given(
            language=setting("language"),
            stale_on=setting("sign_off", "stale_on"),
            allow_author=setting("sign_off", "allow_author"),
            require_answers=setting("sign_off", "require_answers"),
            pending=setting("pending"),
            comment=setting("comment"),
            max_items=setting("max_items"),
            request_review=setting("request_review"),
            sign_off_by=named("sign_off", "by"),
            ignore_authors=named("ignore", "authors"),
            ignore_paths=setting("ignore", "paths"),
            large_tables=setting("large_tables"),
            dialect=setting("database", "dialect"),
        ),
    )


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


_read_small, _read_large = (lru_cache(maxsize=many)(read) for many in KEPT)
_effective_small, _effective_large = (lru_cache(maxsize=many)(_effective) for many in KEPT)
