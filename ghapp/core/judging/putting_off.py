"""Deferrals: which items may be put off, until when, and once more."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

from ghapp.core.commands import Command, laid_bare
from ghapp.core.judging.bench import MOST_SHOWN, Bench, Judged, Refusal, known, merged
from ghapp.core.memory import Entry, FollowUp, Verb
from ghapp.core.standing import answers

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOGIN = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}")
# Where on earth a day ends last: twelve hours after it does in UTC.
_LAST_ZONE = timedelta(hours=12)


def defer(bench: Bench, part: Command) -> tuple[Judged, ...]:
    """One deferral for each item named that may be put off; all until one day, by one person."""
    until = _until(bench, part.until)
    if isinstance(until, Refusal):
        return (until,)
    if part.owner and not _LOGIN.fullmatch(part.owner):
        return (Refusal("owner_unreadable", laid_bare(part.owner, MOST_SHOWN)),)
    owner = part.owner or bench.facts.pull.author
    asked, strange = known(part.subjects, bench.items, "unknown_item")
    outcomes = (_deferred(bench, item, part.note, until) for item in asked)
    owned = (replace(one, owner=owner) if isinstance(one, Entry) else one for one in outcomes)
    return (*merged(owned), *strange)


def _deferred(bench: Bench, item: str, reason: str, until: str) -> Judged:
    area, _ = bench.items[item]
    right = "author" if bench.by_author else bench.right(area)
    if not right:
        return bench.no_right("defer_not_allowed", item)
    if item in bench.policy.defer.never:
        return Refusal("never_deferred", item)
    made = next((one for one in bench.facts.follow_ups if one.item == item), None)
    if made:
        refused = _not_extended(bench, made, until)
        if refused:
            return refused
        right = bench.right(area)
    entry = bench.done(Verb.DEFER, item, right, reason, bench.mark(area, item))
    return replace(entry, until=until)


def _not_extended(bench: Bench, made: FollowUp, until: str) -> Refusal | None:
    """Why the follow-up that was made is not put off further: that is once, and a reviewer's."""
    if not made.is_open:
        return Refusal("follow_up_closed", made.item)
    area, _ = bench.items[made.item]
    if not bench.right(area):
        return bench.no_right("extension_by_reviewer", made.item)
    last = answers(bench.before).get(made.item)
    extended = last is not None and last.verb is Verb.DEFER and last.until > made.due
    if made.extended or extended:
        return Refusal("extended_already", made.item)
    return None if until > made.due else Refusal("extension_not_later", made.due)


def _until(bench: Bench, said: str) -> str | Refusal:
    """The day it is put off to, as "2026-12-31"."""
    policy, today = bench.policy.defer, bench.said.said_at.date()
    if not said:
        return (today + timedelta(days=policy.default_days)).isoformat()
    day = _day(said)
    if day is None:
        return Refusal("date_unreadable", laid_bare(said, MOST_SHOWN))
    if day < (bench.said.said_at - _LAST_ZONE).date():
        return Refusal("date_past", day.isoformat())
    last = today + timedelta(days=policy.max_days)
    return day.isoformat() if day <= last else Refusal("date_too_far", last.isoformat())


def _day(said: str) -> date | None:
    if not _DAY.fullmatch(said):
        return None
    try:
        return date.fromisoformat(said)
    except ValueError:  # the 30th of February
        return None
