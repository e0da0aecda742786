"""Policy layers -> the rules in force for one repository, or the Problems of its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from ghapp.core.areas import Area, Reviewers, Text
from ghapp.core.model import Problem
from ghapp.core.policy import own_packs, pack_files, yaml
from ghapp.core.policy.areas import DEFAULT, Vocabulary, areas
from ghapp.core.policy.limits import crowded, faults, laborious
from ghapp.core.policy.own_packs import Own
from ghapp.core.policy.pack_schema import References
from ghapp.core.policy.policy_schema import ELSEWHERE, PeoplePart, PolicyFile
from ghapp.core.policy.problems import mistakes
from ghapp.core.records import PackFile, PolicySource

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

# How many policies are remembered once worked out: of those with packs of more than LARGE
# characters together, which take megabytes each, but a few.
KEPT, LARGE = (256, 8), 512 << 10


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
class Defer:
    """How long an item may be put off, in days. never: ids of items that may not.

    Those by default are where a gap loses data or money, or opens what has to stay closed.
    """

    default_days: int = 30
    max_days: int = 90
    never: frozenset[str] = frozenset(
        {
            "api-authz-object",
            "cache-isolation",
            "cfg-no-secrets",
            "dbm-rollback",
            "mail-recipient-safety",
            "pay-card-data-scope",
            "pay-exactly-once",
        }
    )


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
    max_items: int = 7
    ignore_authors: frozenset[str] = frozenset({"dependabot[bot]", "renovate[bot]"})
    ignore_paths: tuple[str, ...] = ("docs/**", "**/*.md")
    large_tables: tuple[str, ...] = ()
    dialect: str = "any"
    defer: Defer = Defer()
    labels: Mapping[str, str] = field(default_factory=lambda: DEFAULT_LABELS)
    areas: tuple[Area, ...] = ()
    standing: str = "good"
    problems: tuple[Problem, ...] = ()


def effective(source: PolicySource, rules: Rules) -> Policy:
    """The policy that the file of a repository and the packs it names put in force.

    No file: the built-in areas in the default mode. Any of them broken: the last good version of
    all of them, else the built-in areas, with `standing` and `problems` saying so.
    """
    now, good = _Version(source.text, source.packs), _Version(source.good, source.good_packs)
    large = now.is_large or good.is_large
    return (_worked_out_large if large else _worked_out_small)(now, good, rules)


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
    read = _read(_Version(text, packs), rules, path)
    return () if isinstance(read, Sound) else read


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
        defer=_defer(layers),
        labels=_labels(layers),
        areas=areas(layers, rules.packs, rules.references, mode, reviewers, _vocabulary(layers)),
        **{name: value for name, value in said.items() if value is not None},
    )


@dataclass(frozen=True, slots=True)
class _Version:
    """A policy file and its packs as they were at one time. text: None where there was no file."""

    text: str | bytes | None
    packs: tuple[PackFile, ...]

    @property
    def is_large(self) -> bool:
        return sum(len(one.text or "") for one in self.packs) > LARGE


def _work_out(now: _Version, good: _Version, rules: Rules) -> Policy:
    if now.text is None:
        return merged((), rules)
    read = _read(now, rules, POLICY_PATH)
    if isinstance(read, Sound):
        return _joined(read, rules)
    bridge = () if good.text is None else _read(good, rules, POLICY_PATH)
    if isinstance(bridge, Sound):
        return replace(_joined(bridge, rules), standing="bridged", problems=read)
    return replace(merged((), rules), standing="unreadable", problems=read)


def _joined(sound: Sound, rules: Rules) -> Policy:
    own = replace(rules, packs=sound.packs, references=sound.references)
    return merged((sound.file,), own)


def _read(version: _Version, rules: Rules, path: str) -> Sound | tuple[Problem, ...]:
    read = _read_large if version.is_large else _read_small
    return read(version, rules, path)


def _read_anew(version: _Version, rules: Rules, path: str) -> Sound | tuple[Problem, ...]:
    return read(version.text or "", path, version.packs, rules.packs, rules.references)


_read_small, _read_large = (lru_cache(maxsize=many)(_read_anew) for many in KEPT)
_worked_out_small, _worked_out_large = (lru_cache(maxsize=many)(_work_out) for many in KEPT)


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


def _vocabulary(layers: Sequence[PolicyFile]) -> Vocabulary:
    return {key: _word(layers, key, default) for key, default in DEFAULT.items()}


def _word(layers: Sequence[PolicyFile], key: str, default: Text) -> Text:
    return Text(
        _said(layers, "words", key, "en") or default.en,
        _said(layers, "words", key, "ja") or default.ja,
    )


def _defer(layers: Sequence[PolicyFile]) -> Defer:
    most = _said(layers, "defer", "max_days") or Defer().max_days
    usual = _said(layers, "defer", "default_days") or Defer().default_days
    never = _set(_said(layers, "defer", "never"))
    return Defer(min(usual, most), most, Defer().never if never is None else never)


def _labels(layers: Sequence[PolicyFile]) -> Mapping[str, str]:
    return {
        state: _said(layers, "labels", state) or DEFAULT_LABELS[state] for state in DEFAULT_LABELS
    }


@dataclass(frozen=True, slots=True)
class Sound:
    """A file without problems. packs, references: the built-in ones and the repository's own."""

    file: PolicyFile
    packs: tuple[Area, ...]
    references: References


def read(
    text: str | bytes,
    path: str,
    files: Sequence[PackFile],
    packs: tuple[Area, ...],
    references: References,
) -> Sound | tuple[Problem, ...]:
    """The file, or the problems in the order of its places, then those of its packs.

    files: as `packfiles.chosen` gives them, with their texts. packs, references: the built-in ones.
    """
    tree = yaml.read(text, path)
    if not isinstance(tree, yaml.Tree):
        return tree
    if tree.value is None:
        return Sound(PolicyFile(), packs, references)
    value = tree.value
    found = tuple(Problem(path, *tree.key_at(loc), text) for loc, text in crowded(value))
    if found:
        return found
    try:
        file = PolicyFile.model_validate(value)
    except ValidationError as error:
        found = mistakes(error, PolicyFile, tree, path, ELSEWHERE)
        # What is well-formed is looked at too, so that all problems are told at once.
        file = PolicyFile.model_validate(_well_formed(value, error))
    own = own_packs.read(file.packs or (), files, packs, references)
    joined = (*packs, *own.areas)
    names = faults(file, joined, own.references, all_packs=_all_packs(value, file, own))
    faulty = [*_unfit(file), *laborious(value), *own.faults, *names][: yaml.MAX_PROBLEMS]
    found += tuple(Problem(path, *tree.key_at(loc), text) for loc, text in faulty)
    found = tuple(sorted(found, key=lambda one: (one.line, one.column)))
    return (*found, *own.problems) or Sound(file, joined, own.references)


def _all_packs(value: object, file: PolicyFile, own: Own) -> bool:
    """Whether all areas are known that the file's packs have."""
    looked_at = file.packs is not None or not (isinstance(value, dict) and value.get("packs"))
    return looked_at and not own.faults and not own.problems


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


def _unfit(file: PolicyFile) -> Iterator[tuple[yaml.Loc, str]]:
    """Values that do not go together."""
    seen: dict[str, str] = {}
    for state, default in DEFAULT_LABELS.items():
        name = getattr(file.labels, state, None) or default
        other = seen.setdefault(name.casefold(), state)
        if other != state:
            both = f"`labels.{other}` and `labels.{state}`"
            written = state if getattr(file.labels, state) else other
            yield ("labels", written), f"{both} are the same label on GitHub: rename one"
    defer = file.defer
    # A maximum below the usual 30 days alone lowers them as well.
    if defer and (defer.default_days or 0) > (defer.max_days or 90):
        text = "`defer.default_days` is more than `defer.max_days`: lower it"
        yield ("defer", "default_days"), text
