"""A condition on a pull request and its facts -> whether it holds, and what decides that.

A fact may be unknown, for example because GitHub does not show a team. A condition that depends on
it is unknown, too, and whoever asks takes that for the stricter of the two answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeGuard

from ghapp.core.areas import (
    MODES,
    Area,
    AtLeast,
    Clause,
    Combined,
    Leaf,
    ModeRule,
    Reason,
    When,
    holds,
)
from ghapp.core.model import Pull
from ghapp.core.patterns import globs, regexes
from ghapp.core.policy.policy import Policy

MOST_NAMED = 3  # values of a condition, in a reason
PATTERNS = ("base", "branch", "adds", "deletes", "renames")  # whose values say nothing to readers

# Of a renamed file both paths count.
CHANGES: Mapping[str, tuple[str, ...]] = {
    "adds": ("added", "copied"),
    "deletes": ("removed",),
    "renames": ("renamed",),
}


def _alike(values: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that are among the values; GitHub ignores their case."""
    folded = {value.casefold() for value in values}
    return tuple(sorted(name for name in names if name.casefold() in folded))


def _files(kind: str, values: tuple[str, ...], pull: Pull) -> tuple[str, ...]:
    """The present paths of the files that changed so and match."""
    return tuple(
        one.path
        for one in pull.files
        if one.status in CHANGES[kind]
        and any(globs.matches(values, path) for path in (one.path, one.previous_path) if path)
    )


# By kind of condition, what of the pull request it matches; nothing if it does not hold.
FACTS: Mapping[str, Callable[[tuple[str, ...], Pull], tuple[str, ...]]] = {
    "title": lambda values, pull: (pull.title,) if regexes.first(values, pull.title) else (),
    "label": lambda values, pull: _alike(values, pull.labels),
    "base": lambda values, pull: (pull.base_ref,) if globs.matches(values, pull.base_ref) else (),
    "branch": lambda values, pull: (pull.head_ref,) if globs.matches(values, pull.head_ref) else (),
    "author": lambda values, pull: _alike(values, (pull.author,)),
    "team": lambda values, pull: _alike(values, pull.teams),
    "draft": lambda values, pull: _alike(values, (str(pull.is_draft).lower(),)),
    **{kind: partial(_files, kind) for kind in CHANGES},
    "topic": lambda values, pull: _alike(values, pull.topics),
    "property": lambda values, pull: _alike(values, pull.properties),
}
SIZES: Mapping[str, Callable[[Pull], int]] = {
    "pull_files_gte": lambda pull: len(pull.files),
    "pull_added_gte": lambda pull: sum(file.additions for file in pull.files),
}


def is_of_pull(one: Leaf) -> TypeGuard[Clause | AtLeast]:
    """Whether it is a condition on the pull as a whole."""
    return isinstance(one, Clause | AtLeast) and (one.kind in FACTS or one.kind in SIZES)


def matched(one: Clause | AtLeast, pull: Pull) -> tuple[str, ...] | None:
    """What of the pull the condition matches; () if it does not hold, None if that is unknown.

    one: of a kind in FACTS or SIZES.
    """
    if one.kind in pull.unknown:
        return None
    found: tuple[str, ...]
    if isinstance(one, AtLeast):
        count = SIZES[one.kind](pull)
        found = (str(count),) if count >= one.count else ()
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


def weighed(when: When, pull: Pull) -> Weighed:
    """The condition, weighed for the pull. when: of kinds in FACTS and SIZES only."""
    if isinstance(when, Clause | AtLeast):
        found = matched(when, pull)
        value = None if found is None else bool(found)
        return Weighed(value, (_reason(when, found, pull),))
    assert isinstance(when, Combined)
    parts = [weighed(one, pull) for one in when.of]
    if when.how == "not":
        (part,) = parts
        return replace(part, value=None if part.value is None else not part.value)
    decisive = when.how == "any"  # one part with this value decides for all
    for part in parts:
        if part.value is decisive:
            return part
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
    if not (general.mode_when or any(one.when or one.mode_when for one in general.areas)):
        return policy
    pull = counting(pull, general)
    mode, why = _mode(general.mode, general.mode_when, pull)
    areas = []
    for area in general.areas:
        if may_be_flagged(area, pull):
            own, own_why = _mode(area.mode, area.mode_when, pull)
            areas.append(replace(area, mode=own, mode_when=(), mode_why=own_why))
    return replace(
        general, mode=mode, mode_when=(), mode_why=why, areas=tuple(areas), general=general
    )


def counting(pull: Pull, policy: Policy) -> Pull:
    """The pull without the files and labels that do not count: ignored ones, and ghapp's own."""
    own = {name.casefold() for name in policy.labels.values()}
    ignored = policy.ignore_paths
    return replace(
        pull,
        labels=frozenset(name for name in pull.labels if name.casefold() not in own),
        files=tuple(
            file
            for file in pull.files
            if not ignored
            or not all(
                globs.matches(ignored, path) for path in (file.path, file.previous_path) if path
            )
        ),
    )


def may_be_flagged(area: Area, pull: Pull) -> bool:
    """Whether the area's `when` lets this pull be flagged; somebody's label for it always does."""
    if area.when is None or forced(area, pull):
        return True
    return weighed(area.when, pull).value is not False


def forced(area: Area, pull: Pull) -> bool:
    """Whether somebody added the label that forces the area in."""
    return bool(_alike((f"nfr/area: {area.id}",), pull.labels))


def _mode(
    otherwise: str, rules: tuple[ModeRule, ...], pull: Pull
) -> tuple[str, tuple[Reason, ...]]:
    """The mode by the first rule that holds, and why; the strictest of those that may apply."""
    possible: list[tuple[str, tuple[Reason, ...]]] = []
    for rule in rules:
        found = weighed(rule.when, pull)
        if found.value is not False:
            possible.append((rule.mode, found.reasons))
        if found.value:
            break
    else:
        possible.append((otherwise, ()))
    return max(possible, key=lambda one: MODES.index(one[0]))


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
