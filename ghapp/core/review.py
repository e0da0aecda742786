"""Facts, checklist and ledger joined: where the review of a pull request stands. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ghapp.core.areas import Area, Detect, Hit, Item, Reviewers, Text
from ghapp.core.checklist import Checklist, Flagged
from ghapp.core.facts import Facts
from ghapp.core.findings import Finding
from ghapp.core.fingerprint import fingerprint
from ghapp.core.matching.diff import change
from ghapp.core.memory import Entry, Past
from ghapp.core.standing import Standing, State, answers, standing
from ghapp.core.words.texts import say

# What cannot be read is an area of its own, for somebody has to look: files beyond GitHub's limit
# of listed ones, and files whose diff GitHub does not show.
TOO_MANY_FILES, UNREAD_FILES = "too-many-files", "unread-files"
WITHOUT_PACK = (TOO_MANY_FILES, UNREAD_FILES)


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

    given: item id -> its last answer, which holds only while its fingerprint is the present one.
    changed_by: for a stale sign-off the first other head SHA seen whose diff of this area is
    another one; "" where the same head has another diff (its base or the policy changed).
    """

    flagged: Flagged
    standing: Standing
    given: Mapping[str, Entry]
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
    def findings(self) -> tuple[Finding, ...]:
        return self.flagged.findings

    @property
    def signed_off(self) -> bool:
        return self.standing.state is State.SIGNED_OFF

    @property
    def answered(self) -> Mapping[str, Entry]:
        """The answers that hold."""
        return {k: one for k, one in self.given.items() if one.fingerprint == self.fingerprint}

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
    if checklist.unread:
        flagged.insert(0, _unread_files(facts, checklist.unread))
    areas = tuple(_area(one, facts, past, ledger) for one in flagged if one.area.mode != "observe")
    return Review(_state(areas, facts), areas, facts, checklist, ledger)


def _area(flagged: Flagged, facts: Facts, past: Past, ledger: tuple[Entry, ...]) -> AreaReview:
    asked = {item.id for item in flagged.items}
    stood = standing(
        ledger,
        flagged.area.id,
        flagged.fingerprint,
        facts.pull.head_sha,
        facts.policy.stale_on,
    )
    changed_by = _changed_by(flagged, facts, past, stood.signed) if stood.signed else ""
    given = {item: one for item, one in answers(ledger).items() if item in asked}
    return AreaReview(flagged, stood, given, changed_by)


def _changed_by(flagged: Flagged, facts: Facts, past: Past, signed: Entry) -> str:
    """The first head after the signed one whose diff of the area differs from it."""
    for shown in past.shown:
        later = shown.accepted_at > signed.said_at and shown.head_sha != signed.head_sha
        if later and shown.fingerprints.get(flagged.area.id) != signed.fingerprint:
            return shown.head_sha
    head_sha = facts.pull.head_sha
    return head_sha if head_sha != signed.head_sha else ""


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
    """Any push and any other base reopens it: what changed beyond the limit is not known."""
    pull = facts.pull
    hit = Hit("size", str(pull.changed_files))
    return _without_pack(TOO_MANY_FILES, (hit,), facts, f"{pull.head_sha} {pull.base_ref}")


def _unread_files(facts: Facts, unread: tuple[str, ...]) -> Flagged:
    """The files' blobs tell whether they have changed."""
    files = tuple(file for file in facts.pull.files if file.path in unread)
    hits = tuple(Hit("unread", "", path) for path in unread)
    mark = fingerprint(tuple(change(file) for file in files))
    return _without_pack(UNREAD_FILES, hits, facts, mark)


def _without_pack(name: str, hits: tuple[Hit, ...], facts: Facts, mark: str) -> Flagged:
    """An area without questions, signed off by the general reviewers."""
    key, policy = name.replace("-", "_"), facts.policy
    title = Text(say("en", key), say("ja", key))
    area = Area(name, title, 9, Detect(), (), True, policy.mode, policy.reviewers)
    return Flagged(area, hits, (), (), mark)
