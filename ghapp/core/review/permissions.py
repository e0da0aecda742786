"""Which rights a message needs, and by which right a speaker is heard.

Only GitHub's answers count (`model.Rights`); what was not asked or not answered is not held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ghapp.core.areas import Reviewers
from ghapp.core.ledger import Entry, Verb
from ghapp.core.model import Channel, Message, Pull, Rights
from ghapp.core.policy.policy import Policy
from ghapp.core.records import History
from ghapp.core.review.commands import Command, parse

REVIEWING = frozenset({Verb.SIGN_OFF, Verb.UNDO, Verb.HOLD, Verb.CONCERN, Verb.DEFER})
ANSWERING = frozenset({Verb.CHECK, Verb.UNCHECK, Verb.NA})
# The channels of words, which may hold commands.
WRITTEN = (Channel.COMMENT, Channel.REVIEW, Channel.REVIEW_COMMENT)
# A check run's button, by its identifier -> what pressing it says.
BUTTONS: Mapping[str, Verb] = {
    "signoff": Verb.SIGN_OFF,
    "refresh": Verb.REFRESH,
    "explain": Verb.EXPLAIN,
}


@dataclass(frozen=True, slots=True)
class Ask:
    """What has to be read about one speaker. teams: as "org/slug", in lower case."""

    permission: bool = False
    teams: frozenset[str] = frozenset()


def asks(
    messages: Iterable[Message], policy: Policy, pull: Pull, ledger: Iterable[Entry] = ()
) -> Mapping[str, Ask]:
    """What to ask GitHub about each speaker; those of whom nothing need be known are left out.

    ledger: where something was waived, taking back may be up to those who waive. A concern's
    reviewers are some of the policy's, or who raised it.
    """
    needed: dict[str, Ask] = {}
    waived = any(entry.verb is Verb.WAIVE for entry in ledger)
    for said in messages:
        ask = _ask(said, policy, pull, waived)
        was = needed.get(said.speaker, Ask())
        joined = Ask(was.permission or ask.permission, was.teams | ask.teams)
        if joined != Ask():
            needed[said.speaker] = joined
    return needed


def right_to_review(speaker: str, reviewers: Reviewers, rights: Rights, owner: str) -> str:
    """By which right the speaker may sign off: "team org/slug" | "user login" | "maintain" | ""."""
    if same_login(speaker, *reviewers.users):
        return f"user {speaker}"
    for team in reviewers.teams:
        if full_team(team, owner) in rights.teams:
            return f"team {full_team(team, owner)}"
    return "maintain" if rights.maintain and not reviewers else ""


def same_login(login: str, *others: str) -> bool:
    """Whether a login is among others; GitHub's logins ignore case."""
    return login.casefold() in {other.casefold() for other in others}


def full_team(team: str, owner: str) -> str:
    """A team as "org/slug"; a bare slug belongs to the repository's owner."""
    return (team if "/" in team else f"{owner}/{team}").lower()


def owner_of(pull: Pull) -> str:
    """The organisation or user that owns the repository."""
    return pull.key.repository.full_name.partition("/")[0]


def verbs(said: Message, policy: Policy) -> frozenset[Verb]:
    """What the message asks for, as far as that decides which rights it needs."""
    if said.channel in WRITTEN:
        parts = () if said.edited else parse(said.text)
        return frozenset(part.verb for part in parts if isinstance(part, Command))
    if said.channel is Channel.APPROVAL:
        signs = said.text == "approved" and "review" in policy.sign_off_by
    elif said.channel is Channel.BUTTON:
        signs = BUTTONS.get(said.text) is Verb.SIGN_OFF
    elif said.channel is Channel.LABEL:
        signs = said.text[1:].casefold() == policy.labels["signed_off"].casefold()
    else:
        return frozenset({Verb.CHECK} if said.channel is Channel.TICK else ())
    return frozenset({Verb.SIGN_OFF} if signs else ())


def _ask(said: Message, policy: Policy, pull: Pull, waived: bool) -> Ask:
    wanted = verbs(said, policy)
    answering = bool(wanted & ANSWERING) and not same_login(said.speaker, pull.author)
    people: list[Reviewers] = []
    if wanted & REVIEWING:
        people += (policy.reviewers, *(area.reviewers for area in policy.areas))
    if Verb.WAIVE in wanted or (waived and Verb.UNDO in wanted):
        people.append(policy.waivers)
    teams = (full_team(team, owner_of(pull)) for who in people for team in who.teams)
    return Ask(answering or not all(people), frozenset(teams))


def heads(history: History, author: str, head_sha: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """(head SHA, who pushed it), oldest first, up to and with the present `head_sha`.

    The first head of a pull is its author's, where nobody else is known to have pushed it. Of a
    later one that no delivery told of, nobody is known. Times are GitHub's, of the push and of
    our accepted run.
    """
    pushed_by: dict[str, frozenset[str]] = {}
    for push in history.pushes:
        pushed_by[push.head_sha] = pushed_by.get(push.head_sha, frozenset()) | {push.login}
    seen = sorted(
        [(push.seen_at, push.head_sha) for push in history.pushes]
        + [(shown.accepted_at, shown.head_sha) for shown in history.shown]
    )
    order = tuple(dict.fromkeys([*(head for _, head in seen), head_sha]))
    pushed_by.setdefault(order[0], frozenset({author}))
    return tuple((head, pushed_by.get(head, frozenset())) for head in order)


def newest(history: History) -> str:
    """The head SHA that we saw last for the first time, "" where there is none.

    After a push that brought an older head back this is not the present one.
    """
    known = heads(history, "", "")
    return known[-2][0] if len(known) > 1 else ""


def only_by(login: str, history: History, author: str, head_sha: str) -> bool:
    """Whether every head is known to have been pushed by this account, and by no other."""
    return all(
        by and all(same_login(login, one) for one in by)
        for _, by in heads(history, author, head_sha)
    )
