"""Messages -> ledger entries: who said what, by which right, about the head they could see.

Each message is judged once. What cannot be done becomes a REFUSED entry whose `note` is the key of
its reason in the texts (`refused_...`), so that a refusal is shown like any outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from ghapp.core.ledger import Entry, Verb
from ghapp.core.model import Channel, Message
from ghapp.core.policy.policy import Policy
from ghapp.core.records import History, Judgement
from ghapp.core.review.answers import answer, concern, defer, hold
from ghapp.core.review.case import Case, Judged, Refusal, case
from ghapp.core.review.commands import Command, Misread, parse
from ghapp.core.review.facts import Facts
from ghapp.core.review.permissions import BUTTONS, WRITTEN
from ghapp.core.review.sign_off import approve, retract, sign_off, undo, waive
from ghapp.core.scan.checklist import Checklist

Act = Callable[[Case, Command], tuple[Judged, ...]]
Parts = tuple[Command | Misread, ...]

# Which acts need what: reviewing, that it is known who may; binding ones, that something was seen.
REVIEWING: Mapping[Verb, Act] = {
    Verb.SIGN_OFF: sign_off,
    Verb.WAIVE: waive,
    Verb.UNDO: undo,
    Verb.HOLD: hold,
    Verb.CONCERN: concern,
}
ANSWERING: Mapping[Verb, Act] = {
    Verb.CHECK: answer,
    Verb.UNCHECK: answer,
    Verb.NA: answer,
    Verb.DEFER: defer,
}
BINDING = frozenset({Verb.SIGN_OFF, Verb.WAIVE, *ANSWERING})
REPLIED = frozenset({Verb.HELP, Verb.EXPLAIN})


def judge(facts: Facts, history: History, checklist: Checklist) -> Judgement:
    """What the messages of this run add to the ledger, in the order of speaking."""
    judged = set(history.heard)
    entries: tuple[Entry, ...] = ()
    for said in sorted(facts.messages, key=_order):
        if said.id in judged:
            continue
        judged.add(said.id)
        number = 0
        for part in _parts(said, facts.policy):
            before = case(facts, history, checklist, (*history.ledger, *entries), said)
            for outcome in _outcomes(before, part):
                entries = (*entries, before.entry(number, outcome))
                number += 1
    return Judgement(entries, tuple(said.id for said in facts.messages))


def _order(said: Message) -> tuple[datetime, bool]:
    """What a review says in words comes before what it says by being one."""
    return said.said_at, said.channel is Channel.APPROVAL


def _parts(said: Message, policy: Policy) -> Parts:
    """The message as commands, whichever channel it came through."""
    if said.channel in WRITTEN:
        parts = parse(said.text)
        return (Misread("edited", ""),) if said.edited and parts else parts
    if said.channel is Channel.APPROVAL:
        return (Command(Verb.SIGN_OFF if said.text == "approved" else Verb.UNDO),)
    if said.channel is Channel.BUTTON:
        return (Command(BUTTONS[said.text]),) if said.text in BUTTONS else ()
    if said.channel is Channel.RERUN:
        return (Command(Verb.REFRESH),)
    added, name = said.text[:1] == "+", said.text[1:]
    if said.channel is Channel.TICK:
        return (Command(Verb.CHECK if added else Verb.UNCHECK, (name,)),)
    if name.casefold() != policy.labels["signed_off"].casefold():
        return (Misread("state_label", name),)
    return (Command(Verb.SIGN_OFF if added else Verb.UNDO),)


def _outcomes(before: Case, part: Command | Misread) -> tuple[Judged, ...]:
    """What one command comes to; at least one outcome, so that it is always answered.

    A review's own verdict alone may come to nothing: most are no business of ours.
    """
    if before.said.channel is Channel.APPROVAL:
        return approve(before) if before.said.text == "approved" else retract(before)
    if isinstance(part, Misread):
        return (Refusal(part.reason, part.detail),)
    if part.verb not in REVIEWING and part.verb not in ANSWERING:
        return (replace(before.done(part.verb), replied=part.verb in REPLIED),)
    if before.shown is None and part.verb in BINDING:
        head_sha = before.said.head_sha or before.facts.pull.head_sha
        return (Refusal("not_shown", head_sha[:7]),)
    if part.verb in ANSWERING:
        return ANSWERING[part.verb](before, part)
    if before.policy.standing == "unreadable":
        return (Refusal("policy_unreadable"),)
    return REVIEWING[part.verb](before, part)
