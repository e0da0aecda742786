"""Which messages may be left unjudged until it is known who pushed what they are about.

The delivery of a push may fail, and is asked for again; a sign-off said meanwhile would be refused
although all is in order. Nothing is green by one that is left: it is not in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from ghapp.core.ledger import Entry, Verb
from ghapp.core.model import Channel, Message
from ghapp.core.review.commands import Command, Misread

Parts = tuple[Command | Misread, ...]

# Failed deliveries are asked for every 5 minutes, by processes that look at the clock every 30
# seconds: whatever had failed by the first look comes again within that, and half a minute.
LEFT_FOR = timedelta(minutes=6)
SIGNING = frozenset({Verb.SIGN_OFF, Verb.WAIVE})
# What may wait in one comment: it puts nothing in the way, and what is said after it comes to the
# same without it, for answers count in the order of speaking, however late they are judged. Only
# whether a question may be put off once more depends on what was said before, and is refused.
PATIENT = SIGNING | {Verb.CHECK, Verb.NA, Verb.REFRESH, Verb.EXPLAIN, Verb.HELP}


def may_be_left(said: Message, parts: Parts, now: datetime) -> bool:
    """Whether nothing in it is urgent, and it has not been left for long enough already.

    What else it says may have to stop a review at once. A label is put right in this very run,
    after which nobody would find it again.
    """
    young = said.left_at is None or now - said.left_at < LEFT_FOR
    return young and said.channel is not Channel.LABEL and _verbs(parts) <= PATIENT


def reads_signatures(parts: Parts) -> bool:
    """Whether what becomes of it depends on what was signed, or waived, before.

    Signing asks what waits and who pushed since, taking back what was last done. Nothing else
    reads such entries: holds, concerns and answers come to the same without them.
    """
    return bool(_verbs(parts) & (SIGNING | {Verb.UNDO}))


def first_to_leave(said: Sequence[tuple[Message, Parts]], now: datetime) -> int:
    """From which on they may be left, in the order of speaking.

    All that is said before one that reads signatures and cannot be left is judged with it, as if
    nothing could be left: an undo that was meant for a sign-off would else take back the hold
    before it. So what reads signatures is never judged while an earlier one is left.
    """
    fixed = (
        number
        for number, (one, parts) in enumerate(said, 1)
        if reads_signatures(parts) and not may_be_left(one, parts, now)
    )
    return max(fixed, default=0)


def asks_who_pushed(entries: Iterable[Entry]) -> bool:
    """Whether something was refused only because that is not known."""
    return any(one.verb is Verb.REFUSED and one.note == "pusher_unknown" for one in entries)


def _verbs(parts: Parts) -> set[Verb | None]:
    return {part.verb if isinstance(part, Command) else None for part in parts}
