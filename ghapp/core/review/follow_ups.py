"""Questions put off -> the follow-ups of a pull, and those of others that press on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from ghapp.core.ledger import Entry, Verb, answers
from ghapp.core.records import FollowUp
from ghapp.core.review.review import AreaReview, PullState, Review

SOON = timedelta(days=7)


def follow_ups(seen: Review) -> tuple[FollowUp, ...]:
    """All of this pull: those made before, and one for each item that is put off now.

    They are made once the pull is signed off, waived or merged; one that is made stays. Its one
    extension is a later day said afterwards.
    """
    found = {one.item: one for one in seen.follow_ups}
    for area, entry in _deferred(seen.areas):
        made = found.get(entry.subject)
        if made is not None:
            found[entry.subject] = _extended(made, entry)
        elif _is_due(seen):
            found[entry.subject] = _made(seen, area, entry)
    given = answers(seen.ledger)
    return tuple(_closed(one, given.get(one.item)) for one in found.values())


def has_open(seen: Review) -> bool:
    """Whether anything is put off here: an open follow-up, or a question without one yet."""
    made = {one.item for one in seen.follow_ups}
    return any(one.is_open for one in seen.follow_ups) or any(
        entry.subject not in made for _, entry in _deferred(seen.areas)
    )


def pressing(area: AreaReview, seen: Review) -> tuple[FollowUp, ...]:
    """The follow-ups of other pulls in this area that are due in a week, or were; soonest first."""
    last = (seen.facts.now + SOON).date().isoformat()
    return tuple(one for one in seen.debts if one.area == area.id and one.due <= last)


def is_overdue(one: FollowUp, seen: Review) -> bool:
    return one.due < seen.facts.now.date().isoformat()


def _deferred(areas: Iterable[AreaReview]) -> Iterable[tuple[AreaReview, Entry]]:
    return ((area, entry) for area in areas for entry in area.deferred.values())


def _is_due(seen: Review) -> bool:
    """Nothing is followed up of a pull that was closed without a merge."""
    pull = seen.facts.pull
    settled = seen.state in (PullState.SIGNED_OFF, PullState.WAIVED)
    return pull.is_merged or (settled and pull.is_open)


def _made(seen: Review, area: AreaReview, entry: Entry) -> FollowUp:
    return FollowUp(
        number=seen.facts.pull.key.number,
        item=entry.subject,
        area=area.id,
        due=entry.until,
        owner=entry.owner,
        reason=entry.note,
    )


def _closed(one: FollowUp, given: Entry | None) -> FollowUp:
    """Without an issue that could be closed, an answer to the question closes the follow-up."""
    answered = given is not None and given.verb in (Verb.CHECK, Verb.NA)
    return replace(one, is_open=False) if answered and not one.issue else one


def _extended(made: FollowUp, entry: Entry) -> FollowUp:
    if not made.is_open or made.extended or entry.until <= made.due:
        return made
    return replace(made, due=entry.until, reason=entry.note, extended=True)
