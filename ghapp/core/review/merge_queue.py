"""Pulls in a merge queue + their verdicts -> whether the commit that the queue tests may be merged.

That commit, the queue's head, holds the base branch with the first pulls of the queue merged in. So
each of these pulls has to pass, not only the last one, after which the commit is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ghapp.core.marks import CheckRun
from ghapp.core.policy.policy import Policy
from ghapp.core.records import PolicySource, Verdict
from ghapp.core.review.review import PASSING
from ghapp.core.scan.pull_conditions import modes_into

ENFORCED = frozenset({"enforce"})  # all modes that an area may have
# GitHub will not merge the pull, so it is about to leave the queue.
LEAVING = "UNMERGEABLE"

Verdicts = Mapping[int, Verdict]  # by number of the pull; each has one, on one head


class MemberState(StrEnum):
    """Whether one pull of the queue passes."""

    PASSES = "passes"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"  # no verdict on its present head


@dataclass(frozen=True, slots=True)
class Member:
    """A pull in a merge queue.

    number: 0 if GitHub does not show the pull. head_sha: of the pull. queue_sha: the commit
    with this pull and all before it merged in; "" while there is none.
    state: AWAITING_CHECKS | LOCKED | MERGEABLE | QUEUED | UNMERGEABLE. url: of the pull's page.
    Source: https://docs.github.com/graphql/reference/objects#mergequeueentry
    """

    position: int
    number: int
    head_sha: str
    queue_sha: str = ""
    state: str = "AWAITING_CHECKS"
    url: str = ""


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What GitHub has of a queue's head.

    members: of the whole queue. refused: why GitHub does not list them; "" if it does.
    check_run, run_id: our newest run on the head; None and 0 if there is none.
    """

    members: tuple[Member, ...] = ()
    refused: str = ""
    check_run: CheckRun | None = None
    run_id: int = 0

    def upto(self, head_sha: str) -> tuple[Member, ...]:
        """The members whose changes the head holds, in order; () if none ends in it."""
        inside: list[Member] = []
        for one in sorted(self.members, key=lambda member: member.position):
            inside.append(one)
            if one.queue_sha == head_sha:
                return tuple(inside)
        return ()


@dataclass(frozen=True, slots=True)
class QueueHistory:
    """What is recorded about a queue's head when a run begins.

    behind: pulls whose verdicts are out of date: a run of theirs is pending or in progress.
    unresolved: whether a check run may have been written without a record. touched: whether a fresh
    one was requested.
    waited: how often in a row the key was deferred. policy: None if it was never read.
    now: the database's clock.
    """

    verdicts: Verdicts
    now: datetime
    behind: frozenset[int] = frozenset()
    policy: PolicySource | None = None
    unresolved: bool = False
    touched: bool = False
    waited: int = 0


def believed(history: QueueHistory, base_ref: str, policy: Policy) -> Verdicts:
    """The verdicts that still hold: for this base, not out of date, and under this policy.

    A verdict that was neutral under an older policy does not hold if this policy enforces an area
    that the pull still waits for, whatever the facts of the pull are.
    """
    general = modes_into(base_ref, policy.mode, policy.mode_when)
    modes = {
        area.id: modes_into(base_ref, area.mode, area.mode_when)
        for area in (*policy.areas, *policy.observed)
    }

    def holds(verdict: Verdict) -> bool:
        waiting = (modes.get(one.area, general) for one in verdict.waiting)
        return verdict.conclusion != "neutral" or ENFORCED not in waiting

    return {
        number: one
        for number, one in history.verdicts.items()
        if one.base_ref == base_ref and number not in history.behind and holds(one)
    }


def state_of(member: Member, verdicts: Verdicts) -> MemberState:
    """Whether the pull passes; unknown without a verdict on the head that is in the queue."""
    known = verdicts.get(member.number)
    if known is None or known.head_sha != member.head_sha:
        return MemberState.UNKNOWN
    return MemberState.PASSES if known.conclusion in PASSING else MemberState.BLOCKED


def unknown(inside: tuple[Member, ...], verdicts: Verdicts) -> tuple[int, ...]:
    """The numbers of the pulls that have to be checked before anything can be said."""
    missing = (one for one in inside if state_of(one, verdicts) is MemberState.UNKNOWN)
    return tuple(one.number for one in missing if one.number)


def leaving(inside: tuple[Member, ...], verdicts: Verdicts) -> tuple[int, ...]:
    """The numbers of blocked pulls ahead that are about to leave the queue.

    GitHub then tests another head.
    """
    ahead = (one for one in inside[:-1] if one.state == LEAVING)
    return tuple(one.number for one in ahead if state_of(one, verdicts) is MemberState.BLOCKED)


def conclusion(inside: tuple[Member, ...], verdicts: Verdicts, policy: Policy | None) -> str:
    """success | failure | neutral. inside: () if it is not known which pulls are in the head.

    If nothing is enforced, an unknown pull gives neutral: it blocks nothing, and is not a success.
    policy: None if it is not known; then it counts as enforcing.
    """
    found = {state_of(one, verdicts) for one in inside} or {MemberState.UNKNOWN}
    if MemberState.BLOCKED in found:  # only what is enforced blocks
        return "failure"
    if MemberState.UNKNOWN in found:
        return "failure" if enforced(policy) else "neutral"
    return "success"


def enforced(policy: Policy | None) -> bool:
    """Whether the policy enforces anything; None counts as enforcing."""
    return policy is None or policy.enforces
