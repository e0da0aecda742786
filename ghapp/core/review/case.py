"""One message with all that its judgement depends on: rights, the head seen, the ledger before."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ghapp.core.areas import Item, Reviewers
from ghapp.core.ledger import Entry, Refusal, Verb, when
from ghapp.core.markdown import seen
from ghapp.core.model import Channel, Message, Rights
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp, History, Shown
from ghapp.core.review.facts import Facts
from ghapp.core.review.permissions import owner_of, right_to_review
from ghapp.core.review.projects import concerns_here
from ghapp.core.review.special_areas import REVIEW_POLICY, WITHOUT_PACK, flagged_areas
from ghapp.core.scan.checklist import Checklist, Flagged

Judged = Entry | Refusal
MOST_SHOWN = 60  # characters of an unknown word


@dataclass(frozen=True, slots=True)
class Command:
    """A command as written. subjects: area or item ids in lower case, each once.

    until, owner: of a deferral, as written but for full-width letters and the owner's "@".
    url: of an incident.
    """

    verb: Verb
    subjects: tuple[str, ...] = ()
    note: str = ""
    until: str = ""
    owner: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One message, with all that its judgement depends on.

    ledger: all entries so far, oldest first. before: those of messages sent before this one.
    shown: the check run that the message is about; None if GitHub had accepted none by then.
    flagged: the areas shown now and the concerns in force, by id.
    reviewers: by area in force; an area that the policy has switched off since is missing.
    fingerprints: by area that the speaker saw. A concern in force counts as seen if it was raised
    before.
    """

    facts: Facts
    history: History
    message: Message
    ledger: tuple[Entry, ...]
    before: tuple[Entry, ...]
    shown: Shown | None
    flagged: Mapping[str, Flagged]
    reviewers: Mapping[str, Reviewers]
    fingerprints: Mapping[str, str]

    @property
    def policy(self) -> Policy:
        return self.facts.policy

    @property
    def rights(self) -> Rights:
        held, account = self.facts.rights.get(self.message.speaker, Rights()), self.message.account
        # Two accounts may have had the same name, one after the other.
        return Rights() if held.account and not account.among((held.account,)) else held

    @property
    def by_author(self) -> bool:
        return self.message.account.among((self.facts.pull.by,))

    @property
    def areas(self) -> tuple[str, ...]:
        """The ids of all areas that are flagged now or that the speaker saw."""
        return tuple(dict.fromkeys([*self.flagged, *self.fingerprints]))

    @property
    def items(self) -> Mapping[str, tuple[str, Item]]:
        """Item id -> its area's id and the item, of all that may be asked in the areas seen."""
        areas = (*self.policy.areas, *(one.area for one in self.flagged.values()))
        return {
            item.id: (area.id, item)
            for area in areas
            if area.id in self.fingerprints
            for item in area.items
        }

    @property
    def follow_up(self) -> FollowUp | None:
        """The follow-up whose issue this was said on, by our record; None if there is none."""
        number = self.message.issue
        return next((one for one in self.facts.follow_ups if number and one.issue == number), None)

    def mark(self, area: str, item: str) -> str:
        """The digest of what the item is about, as the speaker saw it."""
        marks = self.shown.items if self.shown else {}
        return marks.get(item, self.fingerprints.get(area, ""))

    def right(self, area: str) -> str:
        """By which right the speaker reviews the area, or ""."""
        return self.right_of(self.reviewers[area]) if area in self.reviewers else ""

    def right_of(self, people: Reviewers) -> str:
        """By which right the speaker is one of these, or ""."""
        owner = owner_of(self.facts.pull)
        rights = self.rights
        speaker = rights.account.login if rights.account else self.message.speaker
        return right_to_review(speaker, people, rights, owner)

    def right_to_pull(self) -> str:
        """By which right the speaker reviews anything here, or ""."""
        rights = (self.right_of(self.policy.reviewers), *(self.right(area) for area in self.areas))
        return next(filter(None, rights), "")

    def no_right(self, reason: str, *names: str) -> Refusal:
        """The refusal to a speaker without the right; `unclear` if it could not be found out."""
        unclear = self.rights.unclear
        return Refusal("unclear", unclear[0]) if unclear else Refusal(reason, names=names)

    def done(
        self, verb: Verb, subject: str = "", right: str = "", note: str = "", mark: str = ""
    ) -> Entry:
        """The entry for something that the message does. mark: the digest that it is bound to."""
        return Entry(
            message_id=self.message.id,
            part=0,
            verb=verb,
            speaker=self.message.speaker,
            speaker_id=self.message.speaker_id,
            said_at=self.message.said_at,
            channel=self.message.channel,
            subject=subject,
            head_sha=self.shown.head_sha if self.shown else "",
            fingerprint=mark,
            right=right,
            note=note,
            comment_id=self.message.comment_id,
            node_id=self.message.node_id,
            own_allowed=self.policy.allow_author,
            issue=self.message.issue,
        )

    def entry(self, part: int, outcome: Judged) -> Entry:
        """The outcome as an entry. part: its number within the message."""
        if isinstance(outcome, Entry):
            return replace(outcome, part=part)
        refused = self.done(Verb.REFUSED)
        # What no comment shows, and what nobody looks for in one.
        unseen = not self.flagged or self.facts.on_issue or self.message.issue
        replied = bool(unseen) or outcome.reason == "approval_signs_nothing"
        return replace(refused, part=part, refusal=outcome, replied=replied)


def shown_to(message: Message, history: History) -> Shown | None:
    """The check run that a message is about; None if GitHub had accepted none by then.

    A tick is in our comment, which follows the first check run, if only within the same second.
    """
    known = [one for one in history.shown if message.head_sha in ("", one.head_sha)]
    before = [one for one in known if one.accepted_at < message.said_at]
    if message.channel is Channel.TICK:
        before = before or known[:1]
    return before[-1] if before else None


def case_of(
    facts: Facts,
    history: History,
    checklist: Checklist,
    ledger: tuple[Entry, ...],
    message: Message,
) -> Case:
    """The case of a message. Messages that were sent later do not count, even if judged before."""
    moment = (message.said_at, message.comment_id)
    before = tuple(
        entry
        for entry in ledger
        # The commands in a review come before its verdict.
        if when(entry) <= moment or message.id.startswith(f"{entry.message_id}:")
    )
    shown = shown_to(message, history)
    prints = shown.fingerprints if shown else {}
    flagged = {one.area.id: one for one in flagged_areas(facts, checklist, before)}
    raised = {entry.subject for entry in before if entry.verb is Verb.CONCERN}
    in_force = {area: one for area, one in flagged.items() if area in raised}
    of_project = {one.subject for one in concerns_here(facts)} & flagged.keys()
    policy = facts.policy
    return Case(
        facts,
        history,
        message,
        ledger,
        before,
        shown,
        flagged,
        reviewers={area.id: area.reviewers for area in policy.areas}
        | dict.fromkeys(WITHOUT_PACK, policy.unread_reviewers)  # whatever other area has such an id
        | {id: flagged[id].area.reviewers for id in {REVIEW_POLICY} & flagged.keys() | of_project}
        | {area: one.area.reviewers for area, one in in_force.items()},
        fingerprints={area: one.fingerprint for area, one in in_force.items()}
        | {area: mark for area, mark in prints.items() if area not in raised or area in in_force},
    )


def merged(outcomes: Iterable[Judged]) -> tuple[Judged, ...]:
    """The outcomes of one command: first what is done, then its refusals, each reason once."""
    done: list[Judged] = []
    refused: dict[Refusal, list[str]] = {}
    for one in outcomes:
        if isinstance(one, Entry):
            done.append(one)
        else:
            refused.setdefault(replace(one, names=()), []).extend(one.names)
    named = (
        replace(refusal, names=tuple(dict.fromkeys(names))) for refusal, names in refused.items()
    )
    return (*done, *named)


def known(
    words: tuple[str, ...], ids: Iterable[str], reason: str
) -> tuple[tuple[str, ...], tuple[Refusal, ...]]:
    """The ids that the words mean, each once, and at most one refusal for the unknown words.

    The refusal names the first unknown word, and the most similar id.
    """
    ids = tuple(ids)
    meant = {word: resolved(word, ids) for word in words}
    found = tuple(dict.fromkeys(filter(None, meant.values())))
    strange = [word for word, id in meant.items() if not id][:1]
    return found, tuple(
        Refusal(reason, laid_bare(word, MOST_SHOWN), nearest(word, ids)) for word in strange
    )


def nearest(word: str, known: tuple[str, ...]) -> str:
    """The known word most like `word`, or "" if none is near."""
    like = difflib.get_close_matches(seen(word[:100]), known, n=1, cutoff=0.6)
    return next(iter(like), "")


def resolved(word: str, known: tuple[str, ...]) -> str:
    """The known id that is meant, also if it is written with `_` instead of `-`; else ""."""
    if word in known:
        return word
    spelt = word.replace("_", "-")
    return spelt if spelt in known else ""


def laid_bare(word: str, most: int) -> str:
    """The word, cut to `most` characters, with invisible ones written as [U+XXXX]."""
    bare = (char if seen(char) else f"[U+{ord(char):04X}]" for char in word[:most])
    return "".join(bare)
