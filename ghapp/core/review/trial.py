"""What would have blocked a pull if all its areas were enforced: the record of observe and advise.

`ghapp report` lists it. Nothing of it is shown on GitHub.
"""

from __future__ import annotations

from dataclasses import replace

from ghapp.core.policy.policy import Policy
from ghapp.core.records import Trial, TrialArea
from ghapp.core.review.review import PullState, Review

MOST_TITLE = 200  # characters


def trial(review: Review, policy: Policy, before: Trial | None) -> Trial | None:
    """The record after a run; None if nothing would ever have blocked the pull.

    review: with what is only observed as if it were advice (`Policy.shown`). policy: in force.
    before: the record after the last run.
    """
    if review.state is PullState.UNREADABLE:  # which areas are in force is not known
        return before
    pull, now = review.facts.pull, review.facts.now
    areas = _blocking(review, policy)
    if pull.is_open and areas:
        since, seconds = now, 0.0
        if before and before.until is None:
            since, seconds = before.since, before.seconds
        elif before:
            seconds = before.blocked_seconds(now)
        title = pull.title[:MOST_TITLE]
        return Trial(pull.head_sha, pull.author, title, pull.url, areas, since, seconds=seconds)
    if before is None or before.until:
        return before
    return replace(before, until=now, ended=_ended(review, before))


def _blocking(review: Review, policy: Policy) -> tuple[TrialArea, ...]:
    """The areas that wait or are on hold, and do not block as they are; the whole pull as ""."""
    held = {one.subject for one in review.holds} if review.state is PullState.ON_HOLD else set()
    shown = {area.id for area in review.areas}
    observed = {area.id for area in policy.observed}
    found = [
        TrialArea(
            area.id,
            "observe" if area.id in observed or not policy.writes else area.mode,
            tuple(item.id for item in area.open_musts),
            tuple(dict.fromkeys(one.hazard for one in area.findings if not one.accepted)),
        )
        for area in review.areas
        if area.mode != "enforce" and (not area.settled or area.id in held)
    ]
    if held - shown and review.mode != "enforce":
        found.append(TrialArea("", review.mode))
    return tuple(found)


def _ended(review: Review, before: Trial) -> str:
    """Why a pull would no longer have been blocked, as in Trial."""
    pull = review.facts.pull
    if not pull.is_open:
        return "merged" if pull.is_merged else "closed"
    ids = {one.id for one in before.areas}
    areas = [area for area in review.areas if area.id in ids]
    if any(not area.settled for area in areas):
        return "enforced"
    if any(area.waived for area in areas):
        return "waived"
    return "signed_off" if areas else "cleared"
