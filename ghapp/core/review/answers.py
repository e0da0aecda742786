"""Answers to items: ticked, with evidence or without, not applicable, and taken back."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import date, timedelta

from ghapp.core.areas import Item
from ghapp.core.ledger import Entry, Verb, answers
from ghapp.core.records import FollowUp
from ghapp.core.review.case import MOST_SHOWN, Case, Judged, Refusal, known, merged
from ghapp.core.review.commands import Command, laid_bare


def answer(case: Case, part: Command) -> tuple[Judged, ...]:
    """One answer to each item named, bound to what the item is about as the speaker saw it."""
    if not case.by_author and not case.rights.write:
        return (case.no_right("no_write"),)
    asked, strange = known(part.subjects, case.items, "unknown_item")
    return (*merged(_answered(case, part, item) for item in asked), *strange)


def _answered(case: Case, part: Command, name: str) -> Judged:
    area, item = case.items[name]
    right = "author" if case.by_author else "write"
    entry = case.done(part.verb, name, right, part.note, case.mark(area, name))
    if part.verb is not Verb.CHECK:
        return entry
    evidence = accepted(item, part.note)
    return evidence if isinstance(evidence, Refusal) else replace(entry, note=evidence)


# An address with a host and nobody's name before it, which could pass for the host.
_URL = re.compile(
    r"https?://(?:\w(?:[\w.-]*\w)?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:[/?#]\S*)?", re.IGNORECASE
)
_NUMBER = re.compile(r"(?:[<>=~≈≤≥≦≧]=?\s*)?[+-]?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)")
# Shown as the right way; a choice's are its own.
_EXAMPLES = {"url": "https://example.com/report", "number": "72 ms", "text": ""}


def accepted(item: Item, note: str) -> str | Refusal:
    """The evidence as the ledger keeps it: a choice as its item spells it, all else as said."""
    if not item.kind:
        return note
    if not note:
        return _refusal(item, "missing")
    if item.kind == "choice":
        choices = {_folded(one): one for one in item.choices}
        return choices.get(_folded(note)) or _refusal(item, item.kind)
    fits = {"url": _has_address, "number": _begins_with_number}.get(item.kind, bool)(note)
    return note if fits else _refusal(item, item.kind)


def _refusal(item: Item, reason: str) -> Refusal:
    example = _EXAMPLES.get(item.kind, " | ".join(item.choices))
    return Refusal(f"evidence_{reason}", f"{item.id} {example}")


def _has_address(note: str) -> bool:
    """Words may stand beside it, as those of a link do."""
    return any(_URL.fullmatch(word.strip("<>()[]（）「」、。,.")) for word in note.split())


def _begins_with_number(note: str) -> bool:
    return _NUMBER.match(unicodedata.normalize("NFKC", note).lstrip()) is not None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOGIN = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}")
# Where on earth a day ends last: twelve hours after it does in UTC.
_LAST_ZONE = timedelta(hours=12)


def defer(case: Case, part: Command) -> tuple[Judged, ...]:
    """One deferral for each item named that may be put off; all until one day, by one person."""
    until = _until(case, part.until)
    if isinstance(until, Refusal):
        return (until,)
    if part.owner and not _LOGIN.fullmatch(part.owner):
        return (Refusal("owner_unreadable", laid_bare(part.owner, MOST_SHOWN)),)
    owner = part.owner or case.facts.pull.author
    asked, strange = known(part.subjects, case.items, "unknown_item")
    outcomes = (_deferred(case, item, part.note, until) for item in asked)
    owned = (replace(one, owner=owner) if isinstance(one, Entry) else one for one in outcomes)
    return (*merged(owned), *strange)


def _deferred(case: Case, item: str, reason: str, until: str) -> Judged:
    area, _ = case.items[item]
    right = "author" if case.by_author else case.right(area)
    if not right:
        return case.no_right("defer_not_allowed", item)
    if item in case.policy.defer.never:
        return Refusal("never_deferred", item)
    made = next((one for one in case.facts.follow_ups if one.item == item), None)
    if made:
        refused = _not_extended(case, made, until)
        if refused:
            return refused
        right = case.right(area)
    entry = case.done(Verb.DEFER, item, right, reason, case.mark(area, item))
    return replace(entry, until=until)


def _not_extended(case: Case, made: FollowUp, until: str) -> Refusal | None:
    """Why the follow-up that was made is not put off further: that is once, and a reviewer's."""
    if not made.is_open:
        return Refusal("follow_up_closed", made.item)
    area, _ = case.items[made.item]
    if not case.right(area):
        return case.no_right("extension_by_reviewer", made.item)
    last = answers(case.before).get(made.item)
    extended = last is not None and last.verb is Verb.DEFER and last.until > made.due
    if made.extended or extended:
        return Refusal("extended_already", made.item)
    return None if until > made.due else Refusal("extension_not_later", made.due)


def _until(case: Case, said: str) -> str | Refusal:
    """The day it is put off to, as "2026-12-31"."""
    policy, today = case.policy.defer, case.said.said_at.date()
    if not said:
        return (today + timedelta(days=policy.default_days)).isoformat()
    day = _day(said)
    if day is None:
        return Refusal("date_unreadable", laid_bare(said, MOST_SHOWN))
    if day < (case.said.said_at - _LAST_ZONE).date():
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


def hold(case: Case, part: Command) -> tuple[Judged, ...]:
    """The areas named, or the whole pull; it is bound to no diff, and so outlives every push."""
    if not part.subjects:
        return (_held(case, "", part.note),)
    areas = dict.fromkeys([*case.flagged, *case.seen])
    meant, strange = known(part.subjects, areas, "unknown_area")
    return (*merged(_held(case, area, part.note) for area in meant), *strange)


def concern(case: Case, part: Command) -> tuple[Judged, ...]:
    """One more area of this pull alone; its number is never given again, withdrawn or not."""
    right = case.right_to_pull()
    if not right:
        return (case.no_right("concern_not_reviewer"),)
    number = 1 + sum(one.verb is Verb.CONCERN for one in case.ledger)
    return (case.done(Verb.CONCERN, f"concern-{number}", right, part.note),)


def _held(case: Case, area: str, reason: str) -> Judged:
    right = case.right(area) if area else case.right_to_pull()
    if not right:
        return case.no_right("hold_not_reviewer", area)
    return case.done(Verb.HOLD, area, right, reason)
