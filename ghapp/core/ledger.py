"""The ledger -> where areas and items stand, what is on hold, and which concerns are in force.

Each kind of state has a table of its moves; docs/review.md draws the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from ghapp.core.model import Account, Channel


class Verb(StrEnum):
    """What an entry of the ledger did."""

    SIGN_OFF = "sign_off"
    WAIVE = "waive"
    UNDO = "undo"  # of a sign-off or a waiver
    HOLD = "hold"
    RELEASE = "release"  # of a hold
    CONCERN = "concern"
    WITHDRAW = "withdraw"  # of a concern
    CHECK = "check"
    UNCHECK = "uncheck"
    NA = "na"
    DEFER = "defer"
    REFRESH = "refresh"
    EXPLAIN = "explain"
    HELP = "help"
    PROJECT = "project"  # of a pull: join the one named, or leave; of an issue: be one
    CONSULT = "consult"
    CLOSE = "close"  # of a follow-up, on its own issue
    INCIDENT = "incident"  # that the question would have prevented
    UNLINK = "unlink"  # of all incidents from a question
    ACCEPT = "accept"  # of a finding in the configuration; UNDO opens it again
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a part of a message is not done, and what the sentence about it names.

    reason: the sentence is the text `refused_REASON`. subject: the word, item, day or number that
    it is about. instead: what to write in its place: the most similar known word, or an example.
    names: the areas, items or heads it concerns; refusals that differ in nothing else are merged.
    """

    reason: str
    subject: str = ""
    instead: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One judged message, or one part of it; the ledger only ever grows.

    part: counts the entries of one message, from 0.
    subject: the area signed off, waived, held or undone, the concern ("concern-1"), or the item
    answered. "" for a hold on the whole pull, and for an UNDO that is kept for an approval whose
    delivery comes later.
    head_sha, fingerprint: what the speaker saw; "" if it does not matter. The fingerprint is that
    of the area, or for an answer that of the item.
    right: the right by which the speaker did this ("team acme/sre", "user ann", "maintain").
    note: the speaker's own words.
    refusal: only in REFUSED. open_musts: only in SIGN_OFF: the must items that were still open.
    comment_id, node_id: what to acknowledge, as in Message.
    replied: whether it gets a reply of its own: it asks for one, or no comment shows its refusal.
    until, owner: only in DEFER: the day it is due ("2026-12-31"), and the owner's login.
    whose, whose_id: only in RELEASE: the account whose hold is undone.
    speaker_id: of the speaker's account; 0 if it is not known.
    pending: of REFUSED: what counts in its place once it is known who pushed, if it was not them.
    own_allowed: whether the policy let people sign off what they had pushed.
    issue: as in Message.
    """

    message_id: str
    part: int
    verb: Verb
    speaker: str
    said_at: datetime
    channel: Channel
    subject: str = ""
    head_sha: str = ""
    fingerprint: str = ""
    right: str = ""
    note: str = ""
    refusal: Refusal | None = None
    open_musts: tuple[str, ...] = ()
    comment_id: int = 0
    replied: bool = False
    node_id: str = ""
    until: str = ""
    owner: str = ""
    whose: str = ""
    speaker_id: int = 0
    whose_id: int = 0
    pending: Verb | None = None
    own_allowed: bool = False
    issue: int = 0

    @property
    def account(self) -> Account:
        return Account(self.speaker, self.speaker_id)

    @property
    def id(self) -> str:
        """Unique in the ledger."""
        return f"{self.message_id}#{self.part}"


S = TypeVar("S", bound=StrEnum)
K = TypeVar("K")


class State(StrEnum):
    """Where the sign-off of one area is."""

    WAITING = "waiting"
    SIGNED_OFF = "signed_off"
    WAIVED = "waived"
    STALE = "stale"  # signed off or waived for a diff that is not the present one


class ItemState(StrEnum):
    """Whether and how one item is answered."""

    OPEN = "open"
    ANSWERED = "answered"
    NOT_APPLICABLE = "not_applicable"
    DEFERRED = "deferred"


class HoldState(StrEnum):
    """Whether one person keeps an area, or the whole pull, on hold."""

    FREE = "free"
    ON_HOLD = "on_hold"


class ConcernState(StrEnum):
    """Whether a concern is in force."""

    WITHDRAWN = "withdrawn"
    RAISED = "raised"


# In all tables a pair that is absent changes nothing. No table leads to STALE: it is SIGNED_OFF or
# WAIVED with another diff, so a push that restores the signed diff restores the sign-off.
AREA: Mapping[tuple[State, Verb], State] = {
    (State.WAITING, Verb.SIGN_OFF): State.SIGNED_OFF,
    (State.SIGNED_OFF, Verb.SIGN_OFF): State.SIGNED_OFF,
    (State.WAIVED, Verb.SIGN_OFF): State.SIGNED_OFF,
    (State.WAITING, Verb.WAIVE): State.WAIVED,
    (State.SIGNED_OFF, Verb.WAIVE): State.WAIVED,
    (State.WAIVED, Verb.WAIVE): State.WAIVED,
    (State.SIGNED_OFF, Verb.UNDO): State.WAITING,
    (State.WAIVED, Verb.UNDO): State.WAITING,
}
ITEM: Mapping[tuple[ItemState, Verb], ItemState] = {
    (state, verb): to
    for state in ItemState
    for verb, to in (
        (Verb.CHECK, ItemState.ANSWERED),
        (Verb.NA, ItemState.NOT_APPLICABLE),
        (Verb.DEFER, ItemState.DEFERRED),
        (Verb.UNCHECK, ItemState.OPEN),
    )
    if (state, verb) != (ItemState.OPEN, Verb.UNCHECK)
}
HOLD: Mapping[tuple[HoldState, Verb], HoldState] = {
    (HoldState.FREE, Verb.HOLD): HoldState.ON_HOLD,
    (HoldState.ON_HOLD, Verb.HOLD): HoldState.ON_HOLD,
    (HoldState.ON_HOLD, Verb.RELEASE): HoldState.FREE,
}
CONCERN: Mapping[tuple[ConcernState, Verb], ConcernState] = {
    (ConcernState.WITHDRAWN, Verb.CONCERN): ConcernState.RAISED,
    (ConcernState.RAISED, Verb.WITHDRAW): ConcernState.WITHDRAWN,
}


@dataclass(frozen=True, slots=True)
class SignOff:
    """The sign-off of one area.

    signed: the sign-off or waiver that `state` rests on (also when stale), None while waiting.
    undone: what undid the last one.
    """

    state: State
    signed: Entry | None = None
    undone: Entry | None = None


def standing(
    ledger: Iterable[Entry], area: str, fingerprint: str, head_sha: str, stale_on: str
) -> SignOff:
    """The sign-off of one area, now that its diff has this fingerprint.

    ledger: over all heads of the pull, in any order: what counts is when each message was sent.
    stale_on: area-change | any-push | never.

    The newest sign-off since the last undo that fits this diff counts. So a push that restores an
    earlier diff also restores its sign-off.
    """
    moves = _moves(AREA, State.WAITING, (one for one in ledger if one.subject == area))
    state, last = moves[-1] if moves else (State.WAITING, None)
    if state is State.WAITING or last is None:
        return SignOff(State.WAITING, undone=last)
    undone = max((at for at, (to, _) in enumerate(moves) if to is State.WAITING), default=-1)
    for to, entry in reversed(moves[undone + 1 :]):
        same_diff = entry.fingerprint == fingerprint
        fits = {
            "area-change": same_diff,
            "any-push": same_diff and entry.head_sha == head_sha,
            "never": True,
        }[stale_on]
        if fits:
            return SignOff(to, signed=entry)
    return SignOff(State.STALE, signed=last)


def answers(ledger: Iterable[Entry]) -> Mapping[str, Entry]:
    """Item id -> its last answer unless undone: a CHECK, an NA or a DEFER, given to any diff."""
    return _in_force(ITEM, ItemState.OPEN, ledger, lambda entry: entry.subject)


def holds(ledger: Iterable[Entry]) -> tuple[Entry, ...]:
    """The holds in force, oldest first: at most one for each person and subject."""

    def whose(entry: Entry) -> tuple[str, str]:
        holder = Account(entry.whose, entry.whose_id) if entry.whose else entry.account
        return entry.subject, str(holder.id or holder.login.casefold())

    return tuple(sorted(_in_force(HOLD, HoldState.FREE, ledger, whose).values(), key=when))


def concerns(ledger: Iterable[Entry]) -> tuple[Entry, ...]:
    """The concerns in force, oldest first. The subject of each is its id, such as "concern-1"."""
    raised = _in_force(CONCERN, ConcernState.WITHDRAWN, ledger, lambda entry: entry.subject)
    return tuple(sorted(raised.values(), key=when))


def when(entry: Entry) -> tuple[datetime, int]:
    """The order of speaking. GitHub's times have whole seconds; comment ids decide ties."""
    return entry.said_at, entry.comment_id


def _in_force(
    table: Mapping[tuple[S, Verb], S], start: S, ledger: Iterable[Entry], of: Callable[[Entry], K]
) -> Mapping[K, Entry]:
    """By key, the entry that its state rests on, without the keys whose state is `start`.

    of: the key whose state an entry may move.
    """
    verbs = {verb for _, verb in table}
    entries: dict[K, list[Entry]] = {}
    for entry in ledger:
        if entry.verb in verbs:
            entries.setdefault(of(entry), []).append(entry)
    moves = {key: _moves(table, start, found) for key, found in entries.items()}
    return {key: found[-1][1] for key, found in moves.items() if found and found[-1][0] != start}


def _moves(
    table: Mapping[tuple[S, Verb], S], start: S, entries: Iterable[Entry]
) -> list[tuple[S, Entry]]:
    """Each entry that changes the state, in the order of speaking, with the state it leads to."""
    state, moves = start, []
    for entry in sorted(entries, key=when):
        moved = table.get((state, entry.verb))
        if moved is not None:
            state = moved
            moves.append((moved, entry))
    return moves
