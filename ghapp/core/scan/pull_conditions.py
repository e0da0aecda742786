"""A condition on a pull request and its facts -> whether it holds, and what decides that.

A fact may be unknown, for example because GitHub does not show a team. A condition that depends on
it is unknown, too, and whoever asks takes that for the stricter of the two answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeGuard, TypeVar

from ghapp.core.areas import (
    MODES,
    Area,
    AtLeast,
    Clause,
    Combined,
    Leaf,
    Mode,
    ModeRule,
    Reason,
    When,
    globs_of,
    holds,
)
from ghapp.core.model import File, Pull
from ghapp.core.patterns import globs, regexes
from ghapp.core.policy.policy import Policy

MOST_NAMED = 3  # values of a condition, in a reason
PATTERNS = ("base", "branch", "adds", "deletes", "renames")  # whose values say nothing to readers

# By kind of condition, the files that it is about; both paths of a file count.
CHANGES: Mapping[str, tuple[str, ...]] = {
    "adds": ("added", "copied"),
    "deletes": ("removed",),
    "renames": ("renamed",),
}


Matches = Callable[[tuple[str, ...], str], object]


def _alike(values: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that are among the values; GitHub ignores their case."""
    folded = {value.casefold() for value in values}
    return tuple(sorted(name for name in names if name.casefold() in folded))


# By kind of condition, what of the pull request it matches; nothing if it does not hold. Those in
# CHANGES are conditions, too.
FACTS: Mapping[str, Callable[[tuple[str, ...], Pull], tuple[str, ...]]] = {
    "title": lambda values, pull: (pull.title,) if regexes.first(values, pull.title) else (),
    "label": lambda values, pull: _alike(values, pull.labels),
    "base": lambda values, pull: (pull.base_ref,) if globs.matches(values, pull.base_ref) else (),
    "branch": lambda values, pull: (pull.head_ref,) if globs.matches(values, pull.head_ref) else (),
    "author": lambda values, pull: _alike(values, (pull.author,)),
    "team": lambda values, pull: _alike(values, pull.teams),
    "draft": lambda values, pull: _alike(values, (str(pull.is_draft).lower(),)),
    "topic": lambda values, pull: _alike(values, pull.topics),
    "property": lambda values, pull: _alike(values, pull.properties),
}
SIZES: Mapping[str, Callable[[Pull], int]] = {
    "pull_files_gte": lambda pull: len(pull.files),
    "pull_added_gte": lambda pull: sum(file.additions for file in pull.files),
}


def is_of_pull(one: Leaf) -> TypeGuard[Clause | AtLeast]:
    """Whether it is a condition on the pull as a whole."""
    kinds = (FACTS, SIZES, CHANGES)
    return isinstance(one, Clause | AtLeast) and any(one.kind in some for some in kinds)


def matched(
    one: Clause | AtLeast, pull: Pull, matches: Matches = globs.matches
) -> tuple[str, ...] | None:
    """What of the pull the condition matches; () if it does not hold, None if that is unknown.

    one: for which `is_of_pull` holds. matches: tells whether one of several globs matches a path.
    """
    if one.kind in pull.unknown:
        return None
    found: tuple[str, ...]
    if isinstance(one, AtLeast):
        count = SIZES[one.kind](pull)
        found = (str(count),) if count >= one.count else ()
    elif one.kind in CHANGES:  # by their new paths
        found = tuple(
            file.path
            for file in pull.files
            if file.status in CHANGES[one.kind]
            and any(matches(one.values, path) for path in (file.path, file.previous_path) if path)
        )
    else:
        found = FACTS[one.kind](one.values, pull)
    # What is found stands, even if not all is known.
    return found or (None if _may_be_more(one, pull) else ())


def _may_be_more(one: Clause | AtLeast, pull: Pull) -> bool:
    if isinstance(one, AtLeast) or one.kind in CHANGES:
        return not pull.complete
    return one.kind == "team" and any(f"team {slug}" in pull.unknown for slug in one.values)


@dataclass(frozen=True, slots=True)
class Weighed:
    """Whether a condition holds, None if that is unknown; and the facts that decide it."""

    value: bool | None
    reasons: tuple[Reason, ...] = ()


def weighed(when: When, pull: Pull, matches: Matches = globs.matches) -> Weighed:
    """The condition, weighed for the pull.

    when: for whose leaves `is_of_pull` holds. matches: as for `matched`.
    """
    if isinstance(when, Clause | AtLeast):
        found = matched(when, pull, matches)
        value = None if found is None else bool(found)
        return Weighed(value, (_reason(when, found, pull),))
    assert isinstance(when, Combined)
    if when.how == "not":
        part = weighed(when.of[0], pull, matches)
        return replace(part, value=None if part.value is None else not part.value)
    decisive = when.how == "any"  # one part with this value decides for all
    parts: list[Weighed] = []
    for one in when.of:
        part = weighed(one, pull, matches)
        if part.value is decisive:
            return part
        parts.append(part)
    unknown = [part for part in parts if part.value is None]
    reasons = dict.fromkeys(one for part in unknown or parts for one in part.reasons)
    return Weighed(None if unknown else not decisive, tuple(reasons))


def _reason(one: Clause | AtLeast, found: tuple[str, ...] | None, pull: Pull) -> Reason:
    """The fact that the condition is about, as it is."""
    if isinstance(one, AtLeast):
        words = "files" if one.kind == "pull_files_gte" else "lines"
        return Reason(words, count=SIZES[one.kind](pull))
    left = len(one.values) - MOST_NAMED
    names = ", ".join([*one.values[:MOST_NAMED], *(["…"] if left > 0 else [])])
    names = "" if one.kind in PATTERNS else names
    if found is None:
        return Reason(f"{one.kind}_unknown", names)
    if one.kind == "draft":
        return Reason("draft" if pull.is_draft else "ready")
    whole = {"title": pull.title, "base": pull.base_ref, "branch": pull.head_ref}
    whole["author"] = pull.author
    if one.kind in whole:
        return Reason(one.kind, whole[one.kind])
    return Reason(one.kind, found[0]) if found else Reason(f"no_{one.kind}", names)


def in_force(policy: Policy, pull: Pull) -> Policy:
    """The policy for one pull: with the areas that may be flagged, and their modes settled.

    What cannot be known leads to the stricter answer: the area is flagged, and of all modes that
    the rules may give, the strictest applies.
    """
    general = policy.general or policy
    if not general.is_ruled:
        return policy
    pull, matches = counting(pull, general), _together(general)
    mode, why = _mode(general, pull, matches)
    areas = []
    for area in general.areas:
        if _may_be_flagged(area, pull, matches):
            own, own_why = _mode(area, pull, matches)
            areas.append(_settled(area, own, own_why))
    return replace(_settled(general, mode, why), areas=tuple(areas), general=general)


T = TypeVar("T", Area, Policy)


def _settled(one: T, mode: Mode, why: tuple[Reason, ...]) -> T:
    return replace(one, mode=mode.mode, enforce_from=mode.enforce_from, mode_when=(), mode_why=why)


def counting(pull: Pull, policy: Policy) -> Pull:
    """The pull without the files and labels that do not count: ignored ones, and ghapp's own."""
    own = {name.casefold() for name in policy.labels.values()}
    ignored = globs.index(policy.ignore_paths)

    def is_ignored(file: File) -> bool:
        return all(ignored.matching(path) for path in (file.path, file.previous_path) if path)

    return replace(
        pull,
        labels=frozenset(name for name in pull.labels if name.casefold() not in own),
        files=tuple(file for file in pull.files if not is_ignored(file)),
    )


def _together(policy: Policy) -> Matches:
    """Tells whether globs match a path; those of all rules at once, since each costs a search."""
    whens = [area.when for area in policy.areas]
    rules = (*policy.mode_when, *(rule for area in policy.areas for rule in area.mode_when))
    whens += [rule.when for rule in rules]
    all_globs = globs.index(tuple(dict.fromkeys(glob for when in whens for glob in globs_of(when))))
    return lambda some, path: not all_globs.matching(path).isdisjoint(some)


def _may_be_flagged(area: Area, pull: Pull, matches: Matches) -> bool:
    """Whether the area's `when` lets this pull be flagged; somebody's label for it always does."""
    if area.when is None or _alike((f"nfr/area: {area.id}",), pull.labels):
        return True
    return weighed(area.when, pull, matches).value is not False


def _mode(one: Area | Policy, pull: Pull, matches: Matches) -> tuple[Mode, tuple[Reason, ...]]:
    """The mode by the first rule that holds, and why; the strictest of those that may apply."""
    possible: list[tuple[Mode, tuple[Reason, ...]]] = []
    for rule in one.mode_when:
        found = weighed(rule.when, pull, matches)
        if found.value is not False:
            possible.append((Mode(rule.mode), found.reasons))
        if found.value:
            break
    else:
        possible.append((Mode(one.mode, one.enforce_from), ()))
    # One that is enforced from a later day on is laxer than one that is enforced now.
    return max(possible, key=lambda it: (MODES.index(it[0].mode), not it[0].enforce_from))


def modes_into(base_ref: str, otherwise: str, rules: tuple[ModeRule, ...]) -> frozenset[str]:
    """The modes that a pull request into this branch may have, whatever else its facts are."""

    def leaf(one: Leaf, unknown: bool) -> bool:
        if isinstance(one, Clause) and one.kind == "base":
            return bool(globs.matches(one.values, base_ref))
        return unknown

    found: set[str] = set()
    for rule in rules:
        if holds(rule.when, leaf):
            found.add(rule.mode)
        if holds(rule.when, leaf, unknown=False):
            return frozenset(found)
    return frozenset({*found, otherwise})
