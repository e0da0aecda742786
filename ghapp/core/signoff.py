"""Utterances -> ledger entries: who said what, by which right, about the head they could see.

Each utterance is judged once. What cannot be done becomes a REFUSED entry whose `note` is the key
of its reason in the texts (`refused_...`), so that a refusal is shown like any outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ghapp.core.areas import Reviewers
from ghapp.core.checklist import Checklist
from ghapp.core.commands import Command, Misread, nearest, parse
from ghapp.core.facts import Facts
from ghapp.core.memory import Entry, Past, Shown, Verb
from ghapp.core.model import Door, Rights, Utterance
from ghapp.core.pushes import heads
from ghapp.core.review import WITHOUT_PACK
from ghapp.core.rights import ANSWERING, owner_of, right_to_review, same_login
from ghapp.core.standing import State, answers, standing


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a part of an utterance is not done. reason: key of a text; detail: what it names."""

    reason: str
    detail: str = ""


Judged = Entry | Refusal

# A door's name in the policy's `sign_off.by`.
DOORS = {
    Door.COMMENT: "command",
    Door.LABEL: "label",
    Door.TICK: "tick",
    Door.RERUN: "button",
}


def judge(facts: Facts, past: Past, checklist: Checklist) -> tuple[Entry, ...]:
    """The entries that the utterances of this run add to the ledger, in the order of speaking."""
    ledger = list(past.ledger)
    for said in facts.utterances:
        first = len(ledger)
        for part in _parts(said, facts):
            bench = _Bench(facts, past, checklist, tuple(ledger), said)
            for outcome in bench.outcomes(part):
                ledger.append(bench.entry(len(ledger) - first, outcome))
    return tuple(ledger[len(past.ledger) :])


def _parts(said: Utterance, facts: Facts) -> tuple[Command | Misread, ...]:
    """The utterance as commands, whichever door it came through."""
    if said.door is Door.COMMENT:
        return parse(said.text)
    added, name = said.text[:1] == "+", said.text[1:]
    if said.door is Door.RERUN:
        return (Command(Verb.REFRESH),)
    if said.door is Door.TICK:
        return (Command(Verb.CHECK if added else Verb.UNCHECK, (name,)),)
    if name.casefold() != facts.policy.labels["signed_off"].casefold():
        return (Misread("state_label", name),)
    return (Command(Verb.SIGN_OFF if added else Verb.UNDO),)


@dataclass(frozen=True, slots=True)
class _Bench:
    """One utterance before the judge, with all that decides about it."""

    facts: Facts
    past: Past
    checklist: Checklist
    ledger: tuple[Entry, ...]
    said: Utterance

    def outcomes(self, part: Command | Misread) -> tuple[Judged, ...]:
        """What one command comes to; at least one outcome, so that it is always answered."""
        if isinstance(part, Misread):
            return (Refusal(part.reason, part.detail),)
        if part.verb is Verb.HELP:
            return (replace(self._done(part.verb), replied=True),)
        if part.verb is Verb.REFRESH:
            return (self._done(part.verb),)
        if self.shown is None:
            return (Refusal("not_shown", self.facts.pull.head_sha[:7]),)
        if part.verb in ANSWERING:
            return self._answers(part)
        if self.facts.policy.standing == "unreadable":
            return (Refusal("policy_unreadable"),)
        if DOORS[self.said.door] not in self.facts.policy.sign_off_by:
            return (Refusal("door_closed", DOORS[self.said.door]),)
        return self._undo() if part.verb is Verb.UNDO else self._sign_off(part)

    def entry(self, number: int, outcome: Judged) -> Entry:
        """An outcome as the `number`-th entry of its utterance, from 0."""
        identity = f"{self.said.id}#{number}"
        if isinstance(outcome, Entry):
            return replace(outcome, id=identity)
        refused = replace(self._done(Verb.REFUSED), note=outcome.reason, detail=outcome.detail)
        return replace(refused, id=identity, replied=not self.checklist.flagged)

    @property
    def shown(self) -> Shown | None:
        """The newest check run that GitHub had accepted before the utterance's time."""
        seen = [one for one in self.past.shown if one.accepted_at < self.said.said_at]
        return seen[-1] if seen else None

    @property
    def rights(self) -> Rights:
        return self.facts.rights.get(self.said.speaker, Rights())

    @property
    def _reviewers(self) -> Mapping[str, Reviewers]:
        """By area in force; an area that the policy has switched off meanwhile has none."""
        policy = self.facts.policy
        return dict.fromkeys(WITHOUT_PACK, policy.reviewers) | {
            area.id: area.reviewers for area in policy.areas
        }

    def right(self, area: str) -> str:
        """By which right the speaker reviews the area, or ""."""
        known = self._reviewers
        if area not in known:
            return ""
        owner = owner_of(self.facts.pull)
        return right_to_review(self.said.speaker, known[area], self.rights, owner)

    def _done(self, verb: Verb, subject: str = "", right: str = "", note: str = "") -> Entry:
        shown = self.shown
        return Entry(
            id="",
            verb=verb,
            speaker=self.said.speaker,
            said_at=self.said.said_at,
            door=self.said.door,
            subject=subject,
            head_sha=shown.head_sha if shown else "",
            right=right,
            note=note,
            comment_id=self.said.comment_id,
        )

    # --- signing off ---------------------------------------------------------------------

    def _sign_off(self, part: Command) -> tuple[Judged, ...]:
        seen = self.shown.fingerprints if self.shown else {}
        if part.subjects:
            return self._named(part)
        known = self._reviewers
        waiting = [one for one in seen if one in known and self._state(one) is not State.SIGNED_OFF]
        if not waiting:
            return (Refusal("nothing_waiting"),)
        mine = [area for area in waiting if self.right(area)]
        if not mine:
            return (self._no_right(", ".join(waiting)),)
        # Areas of other reviewers are no business of this one.
        return tuple(self._sign(area, part.note) for area in mine)

    def _no_right(self, areas: str) -> Refusal:
        unclear = self.rights.unclear
        return Refusal("unclear", unclear[0]) if unclear else Refusal("not_reviewer", areas)

    def _named(self, part: Command) -> tuple[Judged, ...]:
        seen = tuple(self.shown.fingerprints) if self.shown else ()
        signed = tuple(self._sign(area, part.note) for area in part.subjects if area in seen)
        return (*signed, *_unknown("unknown_area", part.subjects, seen))

    def _sign(self, area: str, note: str) -> Judged:
        right = self.right(area)
        if not right:
            unclear = self.rights.unclear
            return Refusal("unclear", unclear[0]) if unclear else Refusal("not_reviewer", area)
        barred = self._barred(area)
        if barred:
            return barred
        open_musts = self._open_musts(area)
        if open_musts and self.facts.policy.require_answers == "must":
            return Refusal("open_musts", ", ".join(open_musts))
        assert self.shown is not None  # outcomes() has refused what nobody saw
        return replace(
            self._done(Verb.SIGN_OFF, area, right, note),
            fingerprint=self.shown.fingerprints[area],
            detail=", ".join(open_musts),
        )

    def _barred(self, area: str) -> Refusal | None:
        """Why someone with the right may still not sign: it is their own change."""
        if self.facts.policy.allow_author:
            return None
        if same_login(self.said.speaker, self.facts.pull.author):
            return Refusal("author")
        for head_sha, logins in self._pushes_since_sign_off(area):
            if same_login(self.said.speaker, *logins):
                return Refusal("pushed", head_sha[:7])
            if not logins:
                return Refusal("pusher_unknown", head_sha[:7])
        return None

    def _pushes_since_sign_off(self, area: str) -> tuple[tuple[str, frozenset[str]], ...]:
        """The heads after the area's last sign-off, to the seen one, and who pushed each.

        All up to the seen one, where a push has brought back a head from before that sign-off, or
        where the signed head has had another diff too, for its base or the policy changed.
        """
        assert self.shown is not None
        pull = self.facts.pull
        had = heads(self.past, pull.author, pull.head_sha)
        order = [head for head, _ in had]
        signed = standing(self.ledger, area, "", "", "never").signed
        first = order.index(signed.head_sha) + 1 if signed and signed.head_sha in order else 0
        seen = order.index(self.shown.head_sha) + 1
        moved = signed and any(
            one.head_sha == signed.head_sha and one.fingerprints.get(area) != signed.fingerprint
            for one in self.past.shown
        )
        return had[0 if moved or first > seen else first : seen]

    def _open_musts(self, area: str) -> tuple[str, ...]:
        flagged = [one for one in self.checklist.flagged if one.area.id == area]
        items = [item for one in flagged for item in one.items if item.severity == "must"]
        prints = {item.id: one.fingerprint for one in flagged for item in one.items}
        given = answers(self.ledger)
        answered = {item for item, one in given.items() if one.fingerprint == prints.get(item)}
        return tuple(item.id for item in items if item.id not in answered)

    def _state(self, area: str) -> State:
        """Where the area stands for the diff that the speaker saw."""
        assert self.shown is not None
        seen = self.shown
        stale_on = self.facts.policy.stale_on
        return standing(self.ledger, area, seen.fingerprints[area], seen.head_sha, stale_on).state

    # --- taking back ---------------------------------------------------------------------

    def _undo(self) -> tuple[Judged, ...]:
        areas = dict.fromkeys(e.subject for e in self.ledger if e.verb is Verb.SIGN_OFF)
        standings = (standing(self.ledger, area, "", "", "never") for area in areas)
        signed = [one.signed for one in standings if one.signed]
        own = [entry for entry in signed if same_login(self.said.speaker, entry.speaker)]
        reviewable = [entry for entry in signed if self.right(entry.subject)]
        if not signed:
            return (Refusal("nothing_to_undo"), *self._undo_ahead())
        if self.said.door is Door.LABEL:  # the label stands for all of them at once
            taken = [entry for entry in signed if entry in own or entry in reviewable]
        else:
            taken = _latest(own or reviewable)
        if not taken:
            return (Refusal("not_yours"),)
        return tuple(
            self._done(Verb.UNDO, entry.subject, self.right(entry.subject) or "signer")
            for entry in taken
        )

    def _undo_ahead(self) -> tuple[Entry, ...]:
        """Kept for a sign-off that was said before and whose delivery comes after this one."""
        seen = self.shown.fingerprints if self.shown else {}
        rights = {area: self.right(area) for area in seen}
        return tuple(self._done(Verb.UNDO, area, right) for area, right in rights.items() if right)

    # --- answering -----------------------------------------------------------------------

    def _answers(self, part: Command) -> tuple[Judged, ...]:
        own = same_login(self.said.speaker, self.facts.pull.author)
        if not own and not self.rights.write:
            return (Refusal("no_write"),)
        seen = self.shown.fingerprints if self.shown else {}
        homes = {item.id: area.id for area in self.facts.policy.areas for item in area.items}
        asked = {item: seen[area] for item, area in homes.items() if area in seen}
        right = "author" if own else "write"
        answered = tuple(
            replace(self._done(part.verb, item, right, part.note), fingerprint=asked[item])
            for item in part.subjects
            if item in asked
        )
        return (*answered, *_unknown("unknown_item", part.subjects, tuple(asked)))


def _unknown(reason: str, words: tuple[str, ...], known: tuple[str, ...]) -> Iterator[Refusal]:
    """One refusal for all words that are not known; it names the first, and what it may mean."""
    strange = [word for word in words if word not in known]
    if strange:
        yield Refusal(reason, f"{strange[0][:60]} {nearest(strange[0], known)}")


def _latest(entries: list[Entry]) -> list[Entry]:
    """The entries of the latest utterance among them."""
    if not entries:
        return []
    newest = max(entries, key=lambda entry: (entry.said_at, entry.id))
    utterance = newest.id.partition("#")[0]
    return [entry for entry in entries if entry.id.partition("#")[0] == utterance]
