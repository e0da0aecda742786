"""The ledger -> where the sign-off of an area stands, and which answers were given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ghapp.core.memory import Entry, Verb


class State(StrEnum):
    """Where the sign-off of one area is."""

    WAITING = "waiting"
    SIGNED_OFF = "signed_off"
    STALE = "stale"  # signed off for a diff that is not the present one


# A pair that is absent changes nothing. STALE is never stored: it is SIGNED_OFF seen from
# another diff, so a push that is taken back brings the sign-off back.
NEXT: Mapping[tuple[State, Verb], State] = {
    (State.WAITING, Verb.SIGN_OFF): State.SIGNED_OFF,
    (State.SIGNED_OFF, Verb.SIGN_OFF): State.SIGNED_OFF,
    (State.SIGNED_OFF, Verb.UNDO): State.WAITING,
}
MOVING = frozenset(verb for _, verb in NEXT)


@dataclass(frozen=True, slots=True)
class Standing:
    """state, and what it rests on.

    signed: the sign-off (also when stale), None while waiting. undone: who took the last one back.
    """

    state: State
    signed: Entry | None = None
    undone: Entry | None = None


def standing(
    ledger: Iterable[Entry], area: str, fingerprint: str, head_sha: str, stale_on: str
) -> Standing:
    """Where the sign-off of one area stands, now that its diff has this fingerprint.

    ledger: over all heads of the pull; what was said later counts later, however late it arrived.
    stale_on: area-change | any-push | never.
    """
    state, last = State.WAITING, None
    said = [one for one in ledger if one.subject == area and one.verb in MOVING]
    for entry in sorted(said, key=_when):
        moved = NEXT.get((state, entry.verb))
        if moved:
            state, last = moved, entry
    if state is State.WAITING or last is None:
        return Standing(State.WAITING, undone=last)
    same_diff = last.fingerprint == fingerprint
    holds = {
        "area-change": same_diff,
        "any-push": same_diff and last.head_sha == head_sha,
        "never": True,
    }[stale_on]
    return Standing(State.SIGNED_OFF if holds else State.STALE, signed=last)


def answers(ledger: Iterable[Entry]) -> Mapping[str, Entry]:
    """Item id -> the last answer to it that was not taken back, to whatever diff it was given."""
    given: dict[str, Entry] = {}
    for entry in sorted(ledger, key=_when):
        if entry.verb is Verb.CHECK:
            given[entry.subject] = entry
        elif entry.verb is Verb.UNCHECK:
            given.pop(entry.subject, None)
    return given


def _when(entry: Entry) -> tuple[datetime, int]:
    """The order of speaking: GitHub's times have whole seconds, and its comments count up."""
    return entry.said_at, entry.comment_id
