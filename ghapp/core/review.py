"""Facts, checklist and ledger joined: where the review of a pull request stands. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ghapp.core.areas import Area, Detect, Hit, Item, Reviewers, Text
from ghapp.core.checklist import Checklist, Flagged
from ghapp.core.facts import Facts
from ghapp.core.memory import Entry, Past
from ghapp.core.standing import Standing, State, answers, standing
from ghapp.core.texts import say

# Above GitHub's limit of listed files the pull is an area of its own: somebody has to look.
TOO_MANY_FILES = "too-many-files"


class PullState(StrEnum):
    """Where the review of a pull request is."""

    CLEAR = "clear"
    WAITING_AUTHOR = "waiting_author"
    WAITING_REVIEWERS = "waiting_reviewers"
    SIGNED_OFF = "signed_off"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class AreaReview:
    """One flagged area and what has been said about it.

    answered: item id -> the answer that holds. changed_by: for a stale sign-off the first head
    SHA seen whose diff of this area is another one, else "".
    """

    flagged: Flagged
    standing: Standing
    answered: Mapping[str, Entry]
    changed_by: str = ""

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
    def hits(self) -> tuple[Hit, ...]:
        return self.flagged.hits

    @property
    def items(self) -> tuple[Item, ...]:
        return self.flagged.items

    @property
    def signed_off(self) -> bool:
        return self.standing.state is State.SIGNED_OFF

    @property
    def open_musts(self) -> tuple[Item, ...]:
        return tuple(
            item for item in self.items if item.severity == "must" and item.id not in self.answered
        )


@dataclass(frozen=True, slots=True)
class Review:
    """The review as it stands. areas: those shown, heaviest first (observed ones are not)."""

    state: PullState
    areas: tuple[AreaReview, ...]
    facts: Facts
    checklist: Checklist
    ledger: tuple[Entry, ...]

    @property
    def waiting(self) -> tuple[AreaReview, ...]:
        return tuple(area for area in self.areas if not area.signed_off)


def review(facts: Facts, past: Past, checklist: Checklist, ledger: tuple[Entry, ...]) -> Review:
    """Where the review stands. ledger: oldest first."""
    flagged = [*checklist.flagged]
    if not checklist.complete and not checklist.ignored:
        flagged.insert(0, _too_many_files(facts))
    areas = tuple(_area(one, facts, past, ledger) for one in flagged if one.area.mode != "observe")
    return Review(_state(areas, facts), areas, facts, checklist, ledger)


def _area(flagged: Flagged, facts: Facts, past: Past, ledger: tuple[Entry, ...]) -> AreaReview:
    prints = {item.id: flagged.fingerprint for item in flagged.items}
    stood = standing(
        ledger,
        flagged.area.id,
        flagged.fingerprint,
        facts.pull.head_sha,
        facts.policy.stale_on,
    )
    changed_by = _changed_by(flagged, facts, past, stood.signed) if stood.signed else ""
    return AreaReview(flagged, stood, answers(ledger, prints), changed_by)


def _changed_by(flagged: Flagged, facts: Facts, past: Past, signed: Entry) -> str:
    """The first head after the signed one whose diff of the area differs from it."""
    for shown in past.shown:
        later = shown.accepted_at > signed.said_at
        if later and shown.fingerprints.get(flagged.area.id) != signed.fingerprint:
            return shown.head_sha
    return facts.pull.head_sha


def _state(areas: tuple[AreaReview, ...], facts: Facts) -> PullState:
    if facts.policy.standing == "unreadable":
        return PullState.UNREADABLE
    if not areas:
        return PullState.CLEAR
    waiting = [area for area in areas if not area.signed_off]
    if not waiting:
        return PullState.SIGNED_OFF
    asked = any(area.open_musts for area in waiting)
    return PullState.WAITING_AUTHOR if asked else PullState.WAITING_REVIEWERS


def _too_many_files(facts: Facts) -> Flagged:
    """An area without questions that any push reopens; the general reviewers sign it off."""
    policy, pull = facts.policy, facts.pull
    title = Text(say("en", "too_many_files"), say("ja", "too_many_files"))
    area = Area(TOO_MANY_FILES, title, 9, Detect(), (), True, policy.mode, policy.reviewers)
    hit = Hit("size", str(pull.changed_files))
    return Flagged(area, (hit,), pull.files, (), pull.head_sha)
