"""Policy layers -> the rules in force for one repository, or the Problems of its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from ghapp.core import ownpacks, packfiles, yaml
from ghapp.core.areas import Area, Reviewers
from ghapp.core.memory import PackFile, PolicySource
from ghapp.core.mistakes import mistakes
from ghapp.core.model import Problem
from ghapp.core.packfile import References
from ghapp.core.policyareas import areas
from ghapp.core.policyfaults import crowded, faults, laborious
from ghapp.core.policyfile import ELSEWHERE, PeoplePart, PolicyFile

POLICY_PATH = packfiles.POLICY

OPEN_DOORS = frozenset({"command", "label"})  # the others of `sign_off.by` are to follow

NOBODY_NAMED = Reviewers()

DEFAULT_LABELS: Mapping[str, str] = {
    "waiting": "nfr: needs sign-off",
    "hold": "nfr: on hold",
    "signed_off": "nfr: signed off",
    "waived": "nfr: waived",
    "follow_ups": "nfr: follow-ups",
    "follow_up": "nfr: follow-up",
}


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What holds where no policy says otherwise; one value for the life of the process.

    packs: the built-in areas, those included that are shipped switched off. Those of a repository
    join them while its policy is worked out.
    references: what the items of packs may refer to.
    """

    packs: tuple[Area, ...]
    default_mode: str
    references: References = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Features:
    """What makes a pull a new feature; any rule will do. added_lines: 0 is unset."""

    labels: tuple[str, ...] = ("feature", "enhancement")
    titles: tuple[str, ...] = (r"^feat(\(.+\))?!?:", "新機能")
    branches: tuple[str, ...] = ("feature/**", "feat/**")
    added_lines: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force for one repository, all layers joined.

    standing: good | bridged (the file is invalid, its last good version holds) | unreadable
    (invalid and no good version is known: nothing may be green).
    problems: of the file and its packs as they are now; not empty when bridged or unreadable.
    dialect: any | mysql | postgres; hazards of the other dialect are off.
    labels: our label names by state: waiting, hold, signed_off, waived, follow_ups, follow_up.
    areas: those enabled, heaviest first, then by id.
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
    max_items: int = 12
    ignore_authors: frozenset[str] = frozenset({"dependabot[bot]", "renovate[bot]"})
    ignore_paths: tuple[str, ...] = ("docs/**", "**/*.md")
    large_tables: tuple[str, ...] = ()
    dialect: str = "any"
    labels: Mapping[str, str] = field(default_factory=lambda: DEFAULT_LABELS)
    areas: tuple[Area, ...] = ()
    standing: str = "good"
    problems: tuple[Problem, ...] = ()


def effective(source: PolicySource, rules: Rules) -> Policy:
    """The policy that the file of a repository and the packs it names put in force.

    No file: the built-in areas in the default mode. Any of them broken: the last good version of
    all of them, else the built-in areas, with `standing` and `problems` saying so.
    """
    now = _Version(source.text, source.packs)
    return _effective(now, _Version(source.good, source.good_packs), rules)


def problems_of(
    text: str | bytes,
    rules: Rules,
    path: str = POLICY_PATH,
    packs: tuple[PackFile, ...] = (),
) -> tuple[Problem, ...]:
    """What is wrong with a policy file and its packs, in the order of the places; () means good.

    Values are looked at where YAML and its shape are sound, the first 50 mistakes of shape.
    packs: as `packfiles.chosen` gives them, with their texts.
    """
    parsed = _parsed(text, packs, rules, path)
    return parsed if isinstance(parsed, tuple) else ()


def merged(layers: Sequence[PolicyFile], rules: Rules) -> Policy:
    """The layers joined over the defaults, the last one on top; areas and items by their id."""
    mode = _said(layers, "mode") or rules.default_mode
    reviewers = _people(layers, "reviewers", NOBODY_NAMED)
    said = {
        "language": _said(layers, "language"),
        "stale_on": _said(layers, "sign_off", "stale_on"),
        "allow_author": _said(layers, "sign_off", "allow_author"),
        "require_answers": _said(layers, "sign_off", "require_answers"),
        "pending": _said(layers, "pending"),
        "comment": _said(layers, "comment"),
        "max_items": _said(layers, "max_items"),
        "sign_off_by": _set(_said(layers, "sign_off", "by")),
        "ignore_authors": _set(_said(layers, "ignore", "authors")),
        "ignore_paths": _said(layers, "ignore", "paths"),
        "large_tables": _said(layers, "large_tables"),
        "dialect": _said(layers, "database", "dialect"),
    }
    return replace(
        Policy(),
        mode=mode,
        reviewers=reviewers,
        waivers=_people(layers, "waivers", reviewers),
        features=_features(layers),
        labels=_labels(layers),
        areas=areas(layers, rules.packs, rules.references, mode, reviewers),
        **{name: value for name, value in said.items() if value is not None},
    )


@dataclass(frozen=True, slots=True)
class _Version:
    """A policy file and its packs as they were at one time. text: None where there was no file."""

    text: str | None
    packs: tuple[PackFile, ...]


@dataclass(frozen=True, slots=True)
class _Good:
    """A file without problems. rules: those it stands on, with the repository's own packs."""

    file: PolicyFile
    rules: Rules

    @property
    def policy(self) -> Policy:
        return merged((self.file,), self.rules)


@lru_cache(maxsize=256)
def _effective(now: _Version, good: _Version, rules: Rules) -> Policy:
    if now.text is None:
        return merged((), rules)
    parsed = _parsed(now.text, now.packs, rules, POLICY_PATH)
    if isinstance(parsed, _Good):
        return parsed.policy
    bridge = () if good.text is None else _parsed(good.text, good.packs, rules, POLICY_PATH)
    if isinstance(bridge, _Good):
        return replace(bridge.policy, standing="bridged", problems=parsed)
    return replace(merged((), rules), standing="unreadable", problems=parsed)


@lru_cache(maxsize=256)
def _parsed(
    text: str | bytes, packs: tuple[PackFile, ...], rules: Rules, path: str
) -> _Good | tuple[Problem, ...]:
    tree = yaml.read(text, path)
    if not isinstance(tree, yaml.Tree):
        return tree
    if tree.value is None:
        return _Good(PolicyFile(), rules)
    value = tree.value
    found = tuple(Problem(path, *tree.key_at(loc), text) for loc, text in crowded(value))
    if found:
        return found
    try:
        file = PolicyFile.model_validate(value)
    except ValidationError as error:
        found = mistakes(error, PolicyFile, tree, path, ELSEWHERE)
        # What is well-formed is looked at too, so that all problems are told at once.
        file = PolicyFile.model_validate(_sound(value, error))
    own = ownpacks.read(file.packs or (), packs, rules.packs, rules.references)
    joined = replace(rules, packs=(*rules.packs, *own.areas), references=own.references)
    names = faults(file, joined.packs, own.references, all_packs=_all_packs(value, file, own))
    faulty = [*_unfit(file), *laborious(value), *own.faults, *names][: yaml.MAX_PROBLEMS]
    found += tuple(Problem(path, *tree.key_at(loc), text) for loc, text in faulty)
    found = tuple(sorted(found, key=lambda one: (one.line, one.column)))
    return (*found, *own.problems) or _Good(file, joined)


def _all_packs(value: object, file: PolicyFile, own: ownpacks.Own) -> bool:
    """Whether all areas are known that the file's packs have."""
    looked_at = file.packs is not None or not (isinstance(value, dict) and value.get("packs"))
    return looked_at and not own.faults and not own.problems


def _sound(value: object, error: ValidationError) -> dict[str, Any]:
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


def _unfit(file: PolicyFile) -> Iterable[tuple[yaml.Loc, str]]:
    """Values that do not go together."""
    seen: dict[str, str] = {}
    for state, name in _labels((file,)).items():
        other = seen.setdefault(name.casefold(), state)
        if other != state:
            both = f"`labels.{other}` and `labels.{state}`"
            written = state if getattr(file.labels, state) else other
            yield ("labels", written), f"{both} are the same label on GitHub: rename one"
    defer, doors = file.defer, file.sign_off.by if file.sign_off else None
    # A maximum below the usual 30 days alone lowers them as well.
    if defer and (defer.default_days or 0) > (defer.max_days or 90):
        text = "`defer.default_days` is more than `defer.max_days`: lower it"
        yield ("defer", "default_days"), text
    if doors and OPEN_DOORS.isdisjoint(doors):
        text = "`sign_off.by` leaves no way of signing off in this version: add `command`"
        yield ("sign_off", "by"), text


def _said(layers: Sequence[PolicyFile], *keys: str) -> Any:
    """What the topmost layer that speaks of the key says; None where none does."""
    for layer in reversed(layers):
        value: Any = layer
        for key in keys:
            value = getattr(value, key, None)
        if value is not None:
            return value
    return None


def _set(values: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _people(layers: Sequence[PolicyFile], key: str, default: Reviewers) -> Reviewers:
    people: PeoplePart | None = _said(layers, key)
    return default if people is None else Reviewers(people.teams, people.users)


def _features(layers: Sequence[PolicyFile]) -> Features:
    said = {key: _said(layers, "features", key) for key in Features.__dataclass_fields__}
    return replace(Features(), **{key: value for key, value in said.items() if value is not None})


def _labels(layers: Sequence[PolicyFile]) -> Mapping[str, str]:
    return {
        state: _said(layers, "labels", state) or DEFAULT_LABELS[state] for state in DEFAULT_LABELS
    }
