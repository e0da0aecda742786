"""What a team asks itself about its work, in numbers: early, built in, incidents, toil."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class SelfReview:
    """The numbers of some time; None where they are not kept for as long.

    consultations: areas about which the reviewers were asked on the issue of a project. answered,
    worded: answers to questions, and those of them in words. closed, in_time: follow-ups, and those
    of them that were closed on their day or before it. kept, stale: sign-offs that outlived a push,
    and that did not.
    """

    consultations: int = 0
    answered: int | None = None
    worded: int | None = None
    closed: int = 0
    in_time: int = 0
    incidents: int = 0
    kept: int | None = None
    stale: int | None = None


# By group, the numbers in it.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "early": ("consultations",),
    "built_in": ("answered", "worded"),
    "incidents": ("incidents", "closed", "in_time"),
    "toil": ("kept", "stale"),
}


def numbers(one: SelfReview) -> Mapping[str, int | None]:
    """By name."""
    return {each.name: getattr(one, each.name) for each in fields(one)}
