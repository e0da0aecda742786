"""The ledger -> where the sign-off of an area stands, and which answers hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Standing:
    """state, and the sign-off entry it rests on (also when stale); None while waiting."""

    state: State
    signed: Entry | None = None


def standing(
    ledger: Iterable[Entry], area: str, fingerprint: str, head_sha: str, stale_on: str
) -> Standing:
    """Where the sign-off of one area stands, now that its diff has this fingerprint.

    ledger: oldest first, over all heads of the pull. stale_on: area-change | any-push | never.
    """
    state, signed = State.WAITING, None
    for entry in ledger:
        if entry.subject != area:
            continue
        state = NEXT.get((state, entry.verb), state)
        if entry.verb is Verb.SIGN_OFF:
            signed = entry
    if state is State.WAITING or signed is None:
        return Standing(State.WAITING)
    holds = {
        "area-change": signed.fingerprint == fingerprint,
        "any-push": signed.head_sha == head_sha,
        "never": True,
    }[stale_on]
    return Standing(State.SIGNED_OFF if holds else State.STALE, signed)


def answers(ledger: Iterable[Entry], fingerprints: Mapping[str, str]) -> Mapping[str, Entry]:
    """Item id -> the answer that holds.

    fingerprints: item id -> of its area now; an answer given to another diff no longer holds.
    """
    given: dict[str, Entry] = {}
    for entry in ledger:
        if entry.verb is Verb.CHECK:
            given[entry.subject] = entry
        elif entry.verb is Verb.UNCHECK:
            given.pop(entry.subject, None)
    return {
        item: entry
        for item, entry in given.items()
        if item in fingerprints and fingerprints[item] == entry.fingerprint
    }
