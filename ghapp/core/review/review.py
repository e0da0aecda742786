"""Facts, checklist and ledger joined: where the review of a pull request stands. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from ghapp.core.areas import Finding, Hit, Item, Reviewers, Text
from ghapp.core.ledger import Entry, Standing, State, Verb, answers, holds, standing
from ghapp.core.model import Channel
from ghapp.core.records import FollowUp, History
from ghapp.core.review.facts import Facts
from ghapp.core.review.special_areas import (
    CONCERN,
    concern_areas,
    strictest,
    too_many_files,
    unread_files,
)
from ghapp.core.scan.checklist import Checklist, Flagged


class PullState(StrEnum):
    """Where the review of a pull request is."""

    CLEAR = "clear"
    WAITING_AUTHOR = "waiting_author"
    WAITING_REVIEWERS = "waiting_reviewers"
    ON_HOLD = "on_hold"
    SIGNED_OFF = "signed_off"
    WAIVED = "waived"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class AreaReview:
    """One flagged area and what has been said about it.

    given: item id -> its last answer, to whatever diff. told: the same, but behind a tick of the
    present diff what stood there before it: a tick adds no words.
    changed_by: for a stale sign-off the first other head SHA seen whose diff of this area is
    another one; "" where the same head has another diff (its base or the policy changed).
    holds: those in force that name this area, oldest first.
    """

    flagged: Flagged
    standing: Standing
    given: Mapping[str, Entry]
    told: Mapping[str, Entry]
    changed_by: str = ""
    holds: tuple[Entry, ...] = ()

    @property
    def id(self) -> str:
        return self.flagged.area.id

    @property
    def title(self) -> Text:
        return self.flagged.area.title

    @property
    def mode(self) -> str:
        return self.flagged.area.mode

    @property
    def reviewers(self) -> Reviewers:
        return self.flagged.area.reviewers

    @property
    def fingerprint(self) -> str:
        return self.flagged.fingerprint

    @property
    def marks(self) -> Mapping[str, str]:
        """Item id -> digest of what it is about: of the whole area where no more is known."""
        return {item.id: mark_of(self.flagged, item.id) for item in self.items}

    @property
    def hits(self) -> tuple[Hit, ...]:
        return self.flagged.hits

    @property
    def items(self) -> tuple[Item, ...]:
        return self.flagged.items

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.flagged.findings

    @property
    def is_concern(self) -> bool:
        """Whether a reviewer raised it: nothing of the diff flagged it."""
        return any(hit.kind == CONCERN for hit in self.hits)

    @property
    def signed_off(self) -> bool:
        return self.standing.state is State.SIGNED_OFF

    @property
    def waived(self) -> bool:
        return self.standing.state is State.WAIVED

    @property
    def settled(self) -> bool:
        return self.signed_off or self.waived

    def is_present(self, entry: Entry) -> bool:
        """Whether an answer was given to the present diff."""
        return entry.fingerprint == mark_of(self.flagged, entry.subject)

    @property
    def answered(self) -> Mapping[str, Entry]:
        """The answers that hold: to a must item only those to the present diff."""
        if not self.given:
            return self.given
        musts = {item.id for item in self.items if item.severity == "must"}
        return {k: one for k, one in self.given.items() if k not in musts or self.is_present(one)}

    @property
    def deferred(self) -> Mapping[str, Entry]:
        """The items put off, by the entry that did it."""
        return {k: one for k, one in self.answered.items() if one.verb is Verb.DEFER}

    @property
    def open_musts(self) -> tuple[Item, ...]:
        answered = self.answered
        return tuple(
            item for item in self.items if item.severity == "must" and item.id not in answered
        )


@dataclass(frozen=True, slots=True)
class Review:
    """The review as it stands.

    areas: those shown, heaviest first (observed ones are not). mode: of what is said about the
    pull as a whole: the strictest of its areas, the policy's where there are none.
    holds: those in force, oldest first; where the pull is waived they are overridden.
    follow_ups: of this pull, as far as they were made. debts: open ones of other pulls.
    """

    state: PullState
    areas: tuple[AreaReview, ...]
    facts: Facts
    checklist: Checklist
    ledger: tuple[Entry, ...]
    mode: str = "advise"
    holds: tuple[Entry, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    debts: tuple[FollowUp, ...] = ()

    @property
    def waiting(self) -> tuple[AreaReview, ...]:
        return tuple(area for area in self.areas if not area.settled)


def review(
    facts: Facts, history: History, checklist: Checklist, ledger: tuple[Entry, ...]
) -> Review:
    """Where the review stands. ledger: oldest first."""
    flagged = [*checklist.flagged]
    if not checklist.complete and not checklist.ignored:
        flagged.insert(0, too_many_files(facts))
    if checklist.unread:
        flagged.insert(0, unread_files(facts, checklist.unread))
    mode = strictest(flagged, facts.policy)
    raised = concern_areas(ledger, facts, mode)
    held = holds(ledger) if mode != "observe" else ()
    seen = [one for one in (*raised, *flagged) if one.area.mode != "observe"]
    areas = tuple(_area(one, facts, history, ledger, held) for one in seen)
    made = {one.item: one for one in (*history.follow_ups, *facts.follow_ups)}
    asked = frozenset(item.id for one in raised for item in one.items)
    return Review(
        state=_state(areas, facts, held),
        areas=areas,
        facts=facts,
        checklist=replace(checklist, shown=checklist.shown | asked),
        ledger=ledger,
        mode=mode,
        holds=held,
        follow_ups=tuple(made.values()),
        debts=history.debts,
    )


def mark_of(flagged: Flagged, item: str) -> str:
    """The digest of what an item is about; of its whole area where no more is known."""
    return flagged.marks.get(item, flagged.fingerprint)


def _area(
    flagged: Flagged,
    facts: Facts,
    history: History,
    ledger: tuple[Entry, ...],
    held: tuple[Entry, ...],
) -> AreaReview:
    name = flagged.area.id
    stood = standing(ledger, name, flagged.fingerprint, facts.pull.head_sha, facts.policy.stale_on)
    asked = {item.id for item in flagged.items}
    mine = tuple(entry for entry in ledger if entry.subject in asked)
    return AreaReview(
        flagged,
        stood,
        given=answers(mine),
        told=_told(mine, flagged),
        changed_by=_changed_by(flagged, facts, history, stood.signed) if stood.signed else "",
        holds=tuple(one for one in held if one.subject == name),
    )


def _told(ledger: tuple[Entry, ...], flagged: Flagged) -> Mapping[str, Entry]:
    """The answers without the ticks of the present diff that came last."""
    while True:
        told = answers(ledger)
        ticks = [
            one
            for item, one in told.items()
            if one.channel is Channel.TICK and one.fingerprint == mark_of(flagged, item)
        ]
        if not ticks:
            return told
        ledger = tuple(one for one in ledger if one not in ticks)


def _changed_by(flagged: Flagged, facts: Facts, history: History, signed: Entry) -> str:
    """The first head after the signed one whose diff of the area differs from it."""
    for shown in history.shown:
        later = shown.accepted_at > signed.said_at and shown.head_sha != signed.head_sha
        if later and shown.fingerprints.get(flagged.area.id) != signed.fingerprint:
            return shown.head_sha
    head_sha = facts.pull.head_sha
    return head_sha if head_sha != signed.head_sha else ""


def _state(areas: tuple[AreaReview, ...], facts: Facts, held: tuple[Entry, ...]) -> PullState:
    if facts.policy.standing == "unreadable":
        return PullState.UNREADABLE
    if held and not _overridden(areas, held):
        return PullState.ON_HOLD
    if not areas:
        return PullState.CLEAR
    waiting = [area for area in areas if not area.settled]
    if not waiting:
        waived = any(area.waived for area in areas)
        return PullState.WAIVED if waived else PullState.SIGNED_OFF
    asked = any(area.open_musts for area in waiting)
    return PullState.WAITING_AUTHOR if asked else PullState.WAITING_REVIEWERS


def _overridden(areas: Iterable[AreaReview], held: tuple[Entry, ...]) -> bool:
    """Whether nothing waits and a waiver in force was said after every hold.

    Of one second the hold counts as later: the ids of reviews and comments tell no order.
    """
    waivers = [area.standing.signed for area in areas if area.waived]
    last = max((one.said_at for one in waivers if one), default=None)
    settled = all(area.settled for area in areas)
    return settled and last is not None and last > max(one.said_at for one in held)


# Worst first: what a head shows when several areas or several pulls ask different things of it.
RANK = ("action_required", "", "cancelled", "neutral", "success")


def worst(conclusions: Iterable[str]) -> str:
    """The conclusion that decides; "success" where there is none."""
    return min(conclusions, key=RANK.index, default="success")


def conclusion(seen: Review) -> str:
    """The worst over the areas and the holds, each in its own mode; "" is in progress."""
    policy = seen.facts.policy
    if seen.state is PullState.UNREADABLE:
        return _blocked(policy.mode)
    areas = [_area_conclusion(area, policy.pending) for area in seen.areas]
    if seen.state is not PullState.ON_HOLD:
        return worst(areas)
    shown = {area.id: area.mode for area in seen.areas}
    held = [_blocked(shown.get(one.subject, seen.mode)) for one in seen.holds]
    return worst((*areas, *held))


def _area_conclusion(area: AreaReview, pending: str) -> str:
    if area.signed_off:
        return "success"
    if area.waived or area.mode != "enforce":
        return "neutral"
    return "" if pending == "in_progress" else "action_required"


def _blocked(mode: str) -> str:
    return "action_required" if mode == "enforce" else "neutral"
