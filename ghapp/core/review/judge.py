"""Messages -> ledger entries: who said what, by which right, about the head they could see.

Each message is judged once. What cannot be done becomes a REFUSED entry, so that a refusal is shown
like any outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ghapp.core.areas import Reviewers
from ghapp.core.ledger import Entry, Refusal, Verb
from ghapp.core.model import Channel, Message, Pull
from ghapp.core.policy.policy import Policy
from ghapp.core.records import History, Judgement
from ghapp.core.review.case import Case, Command, Judged, case_of, shown_to
from ghapp.core.review.commands import commands_of, spec_of
from ghapp.core.review.facts import Facts
from ghapp.core.review.permissions import full_team, owner_of
from ghapp.core.review.pushes import counting
from ghapp.core.review.sign_off import approve, retract
from ghapp.core.scan.checklist import Checklist

SETTLING = frozenset({Verb.SIGN_OFF, Verb.WAIVE, Verb.UNDO})


@dataclass(frozen=True, slots=True)
class Ask:
    """What has to be read about one speaker. teams: as "org/slug", in lower case.

    account_id: as in Message.
    """

    permission: bool = False
    teams: frozenset[str] = frozenset()
    account_id: int = 0


def asks(
    messages: Iterable[Message], policy: Policy, pull: Pull, ledger: Iterable[Entry] = ()
) -> Mapping[str, Ask]:
    """What to ask GitHub about each speaker before judging; nothing about the other speakers.

    ledger: if something was waived, waivers may undo it, so being one matters, too. Concerns add
    nobody: their reviewers are among the policy's, or the raiser alone.
    """
    needed: dict[str, Ask] = {}
    waived = any(entry.verb is Verb.WAIVE for entry in ledger)
    for message in messages:
        reviews = "review" in policy.sign_off_by and message.text != "dismissed"
        if message.channel is Channel.APPROVAL and not reviews:
            continue
        found = [one for one in commands_of(message, policy) if isinstance(one, Command)]
        whos = {spec_of(command.verb).who for command in found}
        people: list[Reviewers] = []
        if any(who.reviewers for who in whos):
            people += (policy.reviewers, *(area.reviewers for area in policy.areas))
        if any(who.waivers and (waived or not who.reviewers) for who in whos):
            people.append(policy.waivers)
        writes = any(who.write for who in whos) and not message.account.among((pull.by,))
        teams = {full_team(team, owner_of(pull)) for who in people for team in who.teams}
        known = needed.get(message.speaker, Ask())
        ask = Ask(known.permission or writes or not all(people), known.teams | teams)
        if ask != Ask():
            needed[message.speaker] = replace(ask, account_id=message.speaker_id)
    return needed


def settled_heads(facts: Facts, history: History) -> tuple[str, ...]:
    """The heads that somebody wants to settle now: who pushed what is in them has to be known."""
    found = dict[str, None]()
    for message in facts.messages:
        approves = "review" in facts.policy.sign_off_by and message.text == "approved"
        if message.channel is Channel.APPROVAL and not approves:
            continue
        commands = (one for one in commands_of(message, facts.policy) if isinstance(one, Command))
        if message.id not in history.judged and any(one.verb in SETTLING for one in commands):
            shown = shown_to(message, history)
            found[shown.head_sha if shown else facts.pull.head_sha] = None
    return () if facts.policy.allow_author else tuple(found)


def judge(facts: Facts, history: History, checklist: Checklist) -> Judgement:
    """What the messages of this run add to the ledger, in the order of speaking."""
    judged = set(history.judged)
    entries: tuple[Entry, ...] = ()
    # The commands in a review come before its verdict.
    order = sorted(facts.messages, key=lambda one: (one.said_at, one.channel is Channel.APPROVAL))
    for message in order:
        if message.id in judged:
            continue
        judged.add(message.id)
        part = 0
        for command in commands_of(message, facts.policy):
            ledger = (*history.ledger, *entries)
            ledger = counting(ledger, history, facts.pull, facts.policy)
            case = case_of(facts, history, checklist, ledger, message)
            for outcome in _outcomes(case, command):
                entries = (*entries, case.entry(part, outcome))
                part += 1
    return Judgement(entries, tuple(message.id for message in facts.messages))


def _outcomes(case: Case, command: Command | Refusal) -> tuple[Judged, ...]:
    """The outcomes of one command: at least one, so that it is always answered.

    Only a review's own verdict may have none: most are ordinary work.
    """
    if case.message.channel is Channel.APPROVAL:
        return approve(case) if case.message.text == "approved" else retract(case)
    if isinstance(command, Refusal):
        return (command,)
    spec = spec_of(command.verb)
    if spec.binds and case.shown is None:
        head_sha = case.message.head_sha or case.facts.pull.head_sha
        return (Refusal("not_shown", head_sha[:7]),)
    if spec.who.by_policy and case.policy.standing == "unreadable":
        return (Refusal("policy_unreadable"),)
    return tuple(
        replace(one, replied=True) if spec.replied and isinstance(one, Entry) else one
        for one in spec.act(case, command)
    )
