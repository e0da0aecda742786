"""One message before the judge: what its speaker saw, may do, and what was said until then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ghapp.core.areas import Item, Reviewers
from ghapp.core.ledger import Entry, Verb, when
from ghapp.core.model import Message, Rights
from ghapp.core.policy.policy import Policy
from ghapp.core.records import History, Shown
from ghapp.core.review.commands import laid_bare, nearest, resolved
from ghapp.core.review.facts import Facts
from ghapp.core.review.permissions import owner_of, right_to_review, same_login
from ghapp.core.review.special_areas import (
    WITHOUT_PACK,
    concern_areas,
    strictest,
    too_many_files,
    unread_files,
)
from ghapp.core.scan.checklist import Checklist, Flagged


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a part of a message is not done. reason: key of a text; detail: what it names."""

    reason: str
    detail: str = ""


Judged = Entry | Refusal

# Said once of all that one command names: their details are joined.
JOINED = frozenset(
    {
        "author",
        "defer_not_allowed",
        "extended_already",
        "extension_by_reviewer",
        "follow_up_closed",
        "hold_not_reviewer",
        "never_deferred",
        "not_reviewer",
        "open_musts",
        "pushed",
        "pusher_unknown",
    }
)
MOST_SHOWN = 60  # characters of a word that is not known


@dataclass(frozen=True, slots=True)
class Case:
    """One message, with all that decides about it.

    ledger: all that was judged until now, oldest first; before: what of it was said before.
    shown: the check run the speaker speaks of; None where GitHub had accepted none by then.
    flagged: the areas shown now and the concerns in force, by id.
    reviewers: by area in force; an area that the policy has switched off meanwhile has none.
    seen: area -> digest, of those the speaker saw; a concern in force is seen where it was said.
    """

    facts: Facts
    history: History
    said: Message
    ledger: tuple[Entry, ...]
    before: tuple[Entry, ...]
    shown: Shown | None
    flagged: Mapping[str, Flagged]
    reviewers: Mapping[str, Reviewers]
    seen: Mapping[str, str]

    @property
    def policy(self) -> Policy:
        return self.facts.policy

    @property
    def rights(self) -> Rights:
        return self.facts.rights.get(self.said.speaker, Rights())

    @property
    def by_author(self) -> bool:
        return same_login(self.said.speaker, self.facts.pull.author)

    @property
    def items(self) -> Mapping[str, tuple[str, Item]]:
        """Item id -> its area and itself, of all that may be asked in the areas seen."""
        areas = (*self.policy.areas, *(one.area for one in self.flagged.values()))
        return {
            item.id: (one.id, item) for one in areas if one.id in self.seen for item in one.items
        }

    def mark(self, area: str, item: str) -> str:
        """The digest of what the item is about, as the speaker saw it."""
        marks = self.shown.items if self.shown else {}
        return marks.get(item, self.seen.get(area, ""))

    def right(self, area: str) -> str:
        """By which right the speaker reviews the area, or ""."""
        return self.right_of(self.reviewers[area]) if area in self.reviewers else ""

    def right_of(self, people: Reviewers) -> str:
        """By which right the speaker is one of these, or ""."""
        return right_to_review(self.said.speaker, people, self.rights, owner_of(self.facts.pull))

    def right_to_pull(self) -> str:
        """By which right the speaker reviews anything here, or ""."""
        areas = dict.fromkeys([*self.flagged, *self.seen])
        rights = (self.right_of(self.policy.reviewers), *(self.right(area) for area in areas))
        return next(filter(None, rights), "")

    def no_right(self, reason: str, detail: str = "") -> Refusal:
        """The speaker is not heard; where a right could not be found out, that is why."""
        unclear = self.rights.unclear
        return Refusal("unclear", unclear[0]) if unclear else Refusal(reason, detail)

    def done(
        self, verb: Verb, subject: str = "", right: str = "", note: str = "", mark: str = ""
    ) -> Entry:
        """What is done, as an entry that has no id yet. mark: the digest it is bound to."""
        return Entry(
            id="",
            verb=verb,
            speaker=self.said.speaker,
            said_at=self.said.said_at,
            channel=self.said.channel,
            subject=subject,
            head_sha=self.shown.head_sha if self.shown else "",
            fingerprint=mark,
            right=right,
            note=note,
            comment_id=self.said.comment_id,
            node_id=self.said.node_id,
        )

    def entry(self, number: int, outcome: Judged) -> Entry:
        """An outcome as the `number`-th entry of its message, from 0."""
        identity = f"{self.said.id}#{number}"
        if isinstance(outcome, Entry):
            return replace(outcome, id=identity)
        refused = self.done(Verb.REFUSED, note=outcome.reason)
        return replace(refused, id=identity, detail=outcome.detail, replied=not self.flagged)


def case(
    facts: Facts, history: History, checklist: Checklist, ledger: tuple[Entry, ...], said: Message
) -> Case:
    """The message with what decides about it; what was said later has no say, however it came."""
    before = tuple(one for one in ledger if _was_before(one, said))
    flagged = {one.area.id: one for one in _flagged(facts, checklist, before)}
    raised = {one.subject for one in before if one.verb is Verb.CONCERN}
    in_force = {area: one for area, one in flagged.items() if area in raised}
    shown = _shown(history.shown, said)
    prints = shown.fingerprints if shown else {}
    policy = facts.policy
    return Case(
        facts,
        history,
        said,
        ledger,
        before,
        shown,
        flagged,
        {area.id: area.reviewers for area in policy.areas}
        | dict.fromkeys(WITHOUT_PACK, policy.reviewers)  # whatever else may bear their names
        | {area: one.area.reviewers for area, one in in_force.items()},
        {area: one.fingerprint for area, one in in_force.items()}
        | {area: mark for area, mark in prints.items() if area not in raised or area in in_force},
    )


def merged(outcomes: Iterable[Judged]) -> tuple[Judged, ...]:
    """What one command comes to: what is done, then each reason why something is not, once."""
    done: list[Judged] = []
    refused: dict[Refusal, list[str]] = {}
    for one in outcomes:
        if isinstance(one, Entry):
            done.append(one)
        else:
            key = Refusal(one.reason) if one.reason in JOINED else one
            refused.setdefault(key, []).append(one.detail)
    joined = (
        replace(key, detail=", ".join(dict.fromkeys(details))) for key, details in refused.items()
    )
    return (*done, *joined)


def known(
    words: tuple[str, ...], ids: Iterable[str], reason: str
) -> tuple[tuple[str, ...], tuple[Refusal, ...]]:
    """The ids that the words mean, each once, and one refusal for all that mean none.

    It names the first of those, and what it may mean.
    """
    ids = tuple(ids)
    meant = {word: resolved(word, ids) for word in words}
    found = tuple(dict.fromkeys(filter(None, meant.values())))
    strange = [word for word, one in meant.items() if not one]
    refused = (
        Refusal(reason, f"{laid_bare(word, MOST_SHOWN)} {nearest(word, ids)}")
        for word in strange[:1]
    )
    return found, tuple(refused)


def _was_before(entry: Entry, said: Message) -> bool:
    """Whether the entry has a say about what is said now; a review's words about its verdict do."""
    if when(entry) <= (said.said_at, said.comment_id):
        return True
    return said.id.startswith(f"{entry.id.partition('#')[0]}:")


def _shown(shown: tuple[Shown, ...], said: Message) -> Shown | None:
    """The newest check run GitHub had accepted before; of the very head, where one is named."""
    seen = [
        one
        for one in shown
        if one.accepted_at < said.said_at and said.head_sha in ("", one.head_sha)
    ]
    return seen[-1] if seen else None


def _flagged(facts: Facts, checklist: Checklist, before: tuple[Entry, ...]) -> list[Flagged]:
    here = list(checklist.flagged)
    if not checklist.complete and not checklist.ignored:
        here.append(too_many_files(facts))
    if checklist.unread:
        here.append(unread_files(facts, checklist.unread))
    here = [one for one in here if one.area.mode != "observe"]
    return [*here, *concern_areas(before, facts, strictest(here, facts.policy))]
