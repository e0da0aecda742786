"""Answers to items: check, uncheck, not applicable, and defer."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import date, timedelta

from ghapp.core.areas import Item
from ghapp.core.ledger import Entry, Refusal, Verb, answers
from ghapp.core.records import FollowUp
from ghapp.core.review.case import (
    MOST_SHOWN,
    Case,
    Command,
    Judged,
    known,
    laid_bare,
    merged,
    resolved,
)


def answer(case: Case, command: Command) -> tuple[Judged, ...]:
    """One answer to each item named. It is bound to the diff of the item that the speaker saw."""
    if not case.by_author and not case.rights.write:
        return (case.no_right("no_write"),)
    right, items = "author" if case.by_author else "write", case.items
    named, strange = known(_subjects(case, command), items, "unknown_item")
    outcomes: list[Judged] = []
    for id in named:
        area, item = items[id]
        checks = command.verb is Verb.CHECK
        note = accepted(item, command.note) if checks else command.note
        if isinstance(note, Refusal):
            outcomes.append(note)
        else:
            outcomes.append(case.done(command.verb, id, right, note, case.mark(area, id)))
    return (*merged(outcomes), *strange)


def _subjects(case: Case, command: Command) -> tuple[str, ...]:
    """The words that name items: `all` and areas stand for each of theirs."""
    found: list[str] = []
    for word in command.subjects:
        area = resolved(word, tuple(case.flagged))
        if word in case.items or not (area or word == "all"):
            found.append(word)
            continue
        found += [id for id, (of, _) in case.items.items() if area in ("", of)]
    return tuple(dict.fromkeys(found))


# An address with a host. No user name may precede it, because that could pass for the host.
_URL = re.compile(
    r"https?://(?:\w(?:[\w.-]*\w)?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:[/?#]\S*)?", re.IGNORECASE
)
_NUMBER = re.compile(r"(?:[<>=~≈≤≥≦≧]=?\s*)?[+-]?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)")
# By kind of evidence, what a refusal shows as an example; for a choice it shows the choices.
_EXAMPLES = {"url": "https://example.com/report", "number": "72 ms", "text": ""}


def accepted(item: Item, note: str) -> str | Refusal:
    """The evidence as the ledger keeps it, or why it is refused.

    A choice is kept as its item spells it, anything else as written.
    """
    if not item.kind:
        return note
    example = _EXAMPLES.get(item.kind, " | ".join(item.choices))
    if not note:
        return Refusal("evidence_missing", item.id, example)
    fits = note
    if item.kind == "choice":
        choices = {_plain(one).casefold(): one for one in item.choices}
        fits = choices.get(_plain(note).casefold(), "")
    elif item.kind == "url":  # words may stand beside it, as those of a link do
        words = (word.strip("<>()[]（）「」、。,.") for word in note.split())
        fits = note if any(map(_URL.fullmatch, words)) else ""
    elif item.kind == "number":
        fits = note if _NUMBER.match(_plain(note)) else ""
    return fits or Refusal(f"evidence_{item.kind}", item.id, example)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


# An address that is safe to show anywhere: it has no user name, and nothing that is markup.
_INCIDENT = re.compile(
    r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:[/?#][\w./?#&=%~:+@!;-]*)?",
    re.ASCII,
)
MOST_URL = 300  # characters
INCIDENT_URL = "https://status.example.com/incidents/42"
UNDO = "undo"  # in the place of an address
UNDO_USAGE = f"incident {UNDO} ITEM"


def incident(case: Case, command: Command) -> tuple[Judged, ...]:
    """The incident is linked to the questions that would have prevented it.

    Any question of the policy will do: that it was not asked here may be the point. With `undo` in
    the place of an address, what was linked to the questions here is undone, whoever linked it.
    """
    if not case.rights.write:
        return (case.no_right("incident_no_write"),)
    url = command.url
    if not url and command.subjects[0] == UNDO:
        return _unlinked(case, command.subjects[1:])
    if len(url) > MOST_URL or not _INCIDENT.fullmatch(url):
        return (Refusal("incident_url", laid_bare(url, MOST_SHOWN), INCIDENT_URL),)
    areas = (*case.policy.areas, *(one.area for one in case.flagged.values()))
    items = dict.fromkeys(item.id for area in areas for item in area.items)
    named, strange = known(command.subjects, items, "unknown_policy_item")
    note = f"{url} {command.note}".strip()
    linked = (case.done(Verb.INCIDENT, id, "write", note) for id in named)
    return (*merged(linked), *strange)


def _unlinked(case: Case, subjects: tuple[str, ...]) -> tuple[Judged, ...]:
    linked: dict[str, Entry] = {}
    for entry in case.before:
        if entry.verb is Verb.INCIDENT:
            linked[entry.subject] = entry
        elif entry.verb is Verb.UNLINK:
            linked.pop(entry.subject, None)
    named, strange = known(subjects, linked, "no_incident")
    undone = tuple(case.done(Verb.UNLINK, id, "write") for id in named)
    return (*undone, *strange) or (Refusal("subjects_missing", UNDO_USAGE),)


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SPAN = re.compile(r"\+?([0-9]{1,3})([dw])")
_LOGIN = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}")
# In the last time zone a day ends twelve hours later than in UTC.
_LAST_ZONE = timedelta(hours=12)


def defer(case: Case, command: Command) -> tuple[Judged, ...]:
    """One deferral for each item named that may be deferred, all with the same day and owner."""
    until = _until(case, command.until)
    if isinstance(until, Refusal):
        return (until,)
    if command.owner and not _LOGIN.fullmatch(command.owner):
        return (Refusal("owner_unreadable", laid_bare(command.owner, MOST_SHOWN)),)
    owner = command.owner or case.facts.pull.author or case.message.speaker
    may = case.by_author or (case.facts.on_issue and case.rights.write)
    named, strange = known(command.subjects, case.items, "unknown_item")
    outcomes: list[Judged] = []
    for id in named:
        area, _ = case.items[id]
        right = case.right(area)
        made = next((one for one in case.facts.follow_ups if one.item == id), None)
        refusal = _not_extended(case, made, right, until) if made else None
        if not (right or may):
            outcomes.append(case.no_right("defer_not_allowed", id))
        elif id in case.policy.defer.never:
            outcomes.append(Refusal("never_deferred", names=(id,)))
        elif refusal:
            outcomes.append(refusal)
        else:
            by = "author" if case.by_author and not made else right or "write"
            deferred = case.done(Verb.DEFER, id, by, command.note, case.mark(area, id))
            outcomes.append(replace(deferred, until=until, owner=owner))
    return (*merged(outcomes), *strange)


def close(case: Case, command: Command) -> tuple[Judged, ...]:
    """The follow-up whose issue this is said on is done; the note is its evidence.

    A reviewer of its area says so, and not the author of the pull, as for a sign-off.
    """
    made = case.follow_up
    if made is None or not {*command.subjects} <= {made.item, made.area}:
        return (_another(made),)
    # An area that the policy has switched off since has the reviewers of everything else.
    known = made.area in case.reviewers
    right = case.right(made.area) if known else case.right_of(case.policy.reviewers)
    if not right:
        return (case.no_right("close_not_reviewer", *([made.area] if known else [])),)
    if case.by_author and not case.policy.allow_author:
        return (Refusal("close_author", names=(made.area,) if known else ()),)
    return (case.done(Verb.CLOSE, made.item, right, command.note),)


def extend(case: Case, command: Command) -> tuple[Judged, ...]:
    """Another day for the follow-up whose issue this is said on."""
    made = case.follow_up
    if made is None or command.subjects != (made.item,):
        return (_another(made),)
    return defer(case, command)


def _another(made: FollowUp | None) -> Refusal:
    return Refusal("another_follow_up", made.item if made else "")


def _not_extended(case: Case, made: FollowUp, right: str, until: str) -> Refusal | None:
    """Why a follow-up that exists already is not extended; a reviewer may do that once."""
    if not made.is_open:
        return Refusal("follow_up_closed", names=(made.item,))
    if not right:
        return case.no_right("extension_by_reviewer", made.item)
    last = answers(case.before).get(made.item)
    extended = last is not None and last.verb is Verb.DEFER and last.until > made.due
    if made.extended or extended:
        return Refusal("extended_already", names=(made.item,))
    return None if until > made.due else Refusal("extension_not_later", made.due)


def _day(written: str, today: date) -> date | None:
    """The day that is meant by a date, "tomorrow", "+30d" or "2w"; None for anything else."""
    if written.lower() in ("tomorrow", "明日"):
        return today + timedelta(days=1)
    if span := _SPAN.fullmatch(written.lower()):
        return today + timedelta(days=int(span[1]) * (7 if span[2] == "w" else 1))
    try:
        return date.fromisoformat(written) if _DAY.fullmatch(written) else None
    except ValueError:  # the 30th of February
        return None


def _until(case: Case, written: str) -> str | Refusal:
    """The day until which it is deferred, as "2026-12-31"."""
    policy, said_at = case.policy.defer, case.message.said_at
    today = said_at.date()
    if not written:
        return (today + timedelta(days=policy.default_days)).isoformat()
    day = _day(written, today)
    if day is None:
        return Refusal("date_unreadable", laid_bare(written, MOST_SHOWN))
    if day < (said_at - _LAST_ZONE).date():
        return Refusal("date_past", day.isoformat())
    last = today + timedelta(days=policy.max_days)
    return day.isoformat() if day <= last else Refusal("date_too_far", last.isoformat())
