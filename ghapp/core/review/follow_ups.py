"""Deferred questions -> the follow-ups of a pull, and those of other pulls that are due here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from ghapp.core.ledger import Verb, answers
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp
from ghapp.core.review.facts import Facts
from ghapp.core.review.review import AreaReview, PullState, Review

SOON = timedelta(days=7)
OVERDUE_DAYS = 5  # working days after which a follow-up is brought up once more


def follow_ups(review: Review) -> tuple[FollowUp, ...]:
    """All follow-ups of this pull: the existing ones, and those to be made now.

    One is made for each deferred item once the pull is signed off, waived or merged, and it stays.
    A pull that was closed without a merge gets none. A later deferral to a later day extends it,
    once.
    """
    pull = review.facts.pull
    settled = review.state in (PullState.SIGNED_OFF, PullState.WAIVED, PullState.FROZEN)
    found = {one.item: one for one in review.follow_ups}
    for area in review.areas:
        for item, entry in area.deferred.items():
            made = found.get(item)
            if made is None and (pull.is_merged or (settled and pull.is_open)):
                number, due, owner = pull.key.number, entry.until, entry.owner
                found[item] = FollowUp(
                    *(number, item, area.id, due, owner, entry.note),
                    asked_by=entry.speaker,
                    asked_at=entry.said_at,
                )
            elif made and made.is_open and not made.extended and entry.until > made.due:
                found[item] = replace(made, due=entry.until, reason=entry.note, extended=True)
    for entry in review.ledger:
        made = found.get(entry.subject)
        if entry.verb is Verb.CLOSE and made and made.issue:
            found[made.item] = replace(made, done=entry.id)
    # Whoever reopens the issue by hand after that reopens the follow-up.
    before = {one.item: one.done for one in review.follow_ups}
    closed = {item for item, one in found.items() if one.done != before.get(item, "")}
    # A follow-up without an issue is closed by an answer to its question.
    done = {item for item, one in answers(review.ledger).items() if one.verb is not Verb.DEFER}
    policy = review.facts.policy
    found = {item: _in_working_time(one, policy) for item, one in found.items()}
    return tuple(
        replace(one, is_open=False)
        if one.item in closed or (one.item in done and not one.issue)
        else one
        for one in found.values()
    )


def _in_working_time(one: FollowUp, policy: Policy) -> FollowUp:
    """The follow-up with the working day on which it is due by the policy in force."""
    day = policy.working_time.day_from(date.fromisoformat(one.due)).isoformat()
    return replace(one, counts_on="" if day == one.due else day)


@dataclass(frozen=True, slots=True)
class Reminder:
    """One more comment on a follow-up's issue. stage: due | overdue."""

    follow_up: FollowUp
    stage: str


def reminders(
    found: tuple[FollowUp, ...], facts: Facts
) -> tuple[tuple[Reminder, ...], tuple[datetime, ...]]:
    """The reminders called for by now, at most one of a follow-up, and when others will be.

    One comes when the working day begins on which the follow-up is due, and one five working days
    later. found: the follow-ups of the pull.
    """
    working = facts.policy.working_time
    called, coming = list[Reminder](), list[datetime]()
    for one in found if facts.policy.defer.remind else ():
        if not one.is_open:
            continue
        day = date.fromisoformat(one.last_day)
        late = working.days_later(day, OVERDUE_DAYS)
        times = {working.opens_on(day): "due", working.opens_on(late): "overdue"}
        coming += [at for at in times if at > facts.now]
        past = [Reminder(one, stage) for at, stage in times.items() if at <= facts.now]
        called += past[-1:] if one.issue else ()
    return tuple(called), tuple(coming)


def has_open(review: Review) -> bool:
    """Whether anything is deferred here: an open follow-up, or a question without one yet."""
    made = {one.item for one in review.follow_ups}
    deferred = {item for area in review.areas for item in area.deferred}
    return any(one.is_open for one in review.follow_ups) or not deferred <= made


def pressing(area: AreaReview, review: Review) -> tuple[FollowUp, ...]:
    """Other pulls' follow-ups in this area that are due within a week or overdue; soonest first."""
    policy = review.facts.policy
    last = (_today(review) + SOON).isoformat()
    here = (_in_working_time(one, policy) for one in review.debts if one.area == area.id)
    return tuple(one for one in here if one.last_day <= last)


def is_overdue(one: FollowUp, review: Review) -> bool:
    """Whether the working day on which it was due is over. one: of `pressing`."""
    return one.last_day < _today(review).isoformat()


def _today(review: Review) -> date:
    return review.facts.now.astimezone(review.facts.policy.working_time.zone).date()
