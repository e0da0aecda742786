"""Messages -> ledger entries: who said what, by which right, about the head they could see.

Each message is judged once. What cannot be done becomes a REFUSED entry, so that a refusal is shown
like any outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from ghapp.core.areas import Reviewers
from ghapp.core.ledger import Entry, Refusal, Verb
from ghapp.core.model import WRITTEN, Channel, Message, Pull
from ghapp.core.policy import pack_files
from ghapp.core.policy.policy import Policy
from ghapp.core.records import History, Judgement
from ghapp.core.review.case import Case, Command, Judged, case_of, shown_to
from ghapp.core.review.commands import commands_of, quoted, spec_of
from ghapp.core.review.facts import Facts
from ghapp.core.review.joining import has_begun
from ghapp.core.review.permissions import full_team, owner_of
from ghapp.core.review.pushes import counting
from ghapp.core.review.sign_off import approve, knows_channel, retract
from ghapp.core.scan.checklist import Checklist

SETTLING = frozenset({Verb.SIGN_OFF, Verb.WAIVE, Verb.UNDO})
# Entries stay for good, and each run reads all of them. Above these bounds, nothing is added of a
# message; on a pull, still what only reviewers can do.
MOST_OF_MESSAGE, MOST_OF_PULL = 100, 2_000
MOST_QUOTED = 80  # characters of a command that was refused
ANSWERS = frozenset({Verb.CHECK, Verb.UNCHECK, Verb.NA, Verb.DEFER})
BEFORE_PROJECT = frozenset({Verb.PROJECT, Verb.HELP, Verb.REFRESH})  # on an issue
BY_ANYONE = ANSWERS | {Verb.REFUSED, Verb.REFRESH, Verb.EXPLAIN, Verb.HELP}


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
    ledger = tuple(ledger)
    waived = any(entry.verb is Verb.WAIVE for entry in ledger)

    @cache
    def changes_policy() -> bool:
        paths = (path for file in pull.files for path in (file.path, file.previous_path))
        return any(path.startswith(pack_files.FOLDER) for path in paths)

    for message in messages:
        reviews = "review" in policy.sign_off_by and message.text != "dismissed"
        is_news = message.text == "approved" and not knows_channel(ledger, message)
        if message.channel is Channel.APPROVAL and not (reviews or is_news):
            continue
        found = [one for one in commands_of(message, policy) if isinstance(one, Command)]
        whos = {spec_of(command.verb).who for command in found}
        people: list[Reviewers] = []
        if any(who.reviewers for who in whos):
            people += (policy.reviewers, policy.unread_reviewers)
            people += (area.reviewers for area in policy.areas)
            people += [policy.waivers] if changes_policy() else []
        if any(who.waivers and (waived or not who.reviewers) for who in whos):
            people.append(policy.waivers)
        by_author = message.account.among((pull.by,))
        writes = any(who.write and (who.author or not by_author) for who in whos)
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
        if message.issue:
            continue
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
        added = list[Entry]()
        repeated: Entry | None = None
        for number, command in enumerate(commands_of(message, facts.policy)):
            ledger = (*history.ledger, *entries, *added)
            ledger = counting(ledger, history, facts.pull, facts.policy)
            case = case_of(facts, history, checklist, ledger, message)
            for outcome in _outcomes(case, command):
                if len(added) > MOST_OF_MESSAGE:
                    break
                enough = len(added) == MOST_OF_MESSAGE
                most = Refusal("too_many_subjects", str(MOST_OF_MESSAGE))
                entry = case.entry(len(added), most if enough else outcome)
                if entry.refusal and message.channel in WRITTEN and not message.edited:
                    entry = replace(entry, note=quoted(message.text, number)[:MOST_QUOTED])
                if len(ledger) >= MOST_OF_PULL and entry.verb in BY_ANYONE:
                    continue
                if _repeats(entry, (*ledger, *added)):
                    repeated = repeated or entry
                else:
                    added.append(entry)
        # What is written is acknowledged, and that needs an entry.
        if repeated and not added and message.comment_id:
            added.append(repeated)
        entries = (*entries, *added)
    return Judgement(entries, tuple(message.id for message in facts.messages))


def _repeats(entry: Entry, ledger: tuple[Entry, ...]) -> bool:
    """Whether it says what was said before, so that it changes nothing."""
    if entry.verb is Verb.REFUSED:
        own = [one for one in ledger if one.message_id == entry.message_id]
        return any(one.refusal == entry.refusal for one in own)
    if entry.verb not in ANSWERS - {Verb.DEFER}:
        return False
    answers = (
        one for one in reversed(ledger) if one.subject == entry.subject and one.verb in ANSWERS
    )
    last = next(answers, None)
    return last is not None and _said(last) == _said(entry)


def _said(answer: Entry) -> tuple[object, ...]:
    said = answer.verb, answer.note, answer.speaker, answer.right
    return *said, answer.head_sha, answer.fingerprint


def _outcomes(case: Case, command: Command | Refusal) -> tuple[Judged, ...]:
    """The outcomes of one command: at least one, so that it is always answered.

    Only a review's own verdict may have none: most are ordinary work.
    """
    if case.message.channel is Channel.APPROVAL:
        return approve(case) if case.message.text == "approved" else retract(case)
    if isinstance(command, Refusal):
        return (command,)
    spec = spec_of(command.verb)
    act = spec.on_issue if case.facts.on_issue else spec.act
    if case.message.issue:
        act = spec.on_follow_up
        if act is None:
            return (Refusal("not_on_follow_ups"),)
        if case.follow_up is None:
            return (Refusal("no_follow_up"),)
    if act is None:
        return (Refusal("not_on_issues"),)
    if case.facts.on_issue and command.verb not in BEFORE_PROJECT and not has_begun(case):
        return (Refusal("not_a_project"),)
    if spec.binds and case.shown is None:
        head_sha = case.message.head_sha or case.facts.pull.head_sha
        return (Refusal("not_shown", head_sha[:7]),)
    if spec.who.by_policy and case.policy.standing == "unreadable":
        return (Refusal("policy_unreadable"),)
    return tuple(
        replace(one, replied=True) if spec.replied and isinstance(one, Entry) else one
        for one in act(case, command)
    )
