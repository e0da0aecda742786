"""The standing review of the configuration: what is new, gone and accepted, and who may accept.

Its ledger is that of the repository's issue. Entries of `Verb.ACCEPT` and `Verb.UNDO` are in it,
whose subject is "HAZARD PATH"; and refused ones, and those that ask for help.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from ghapp.core.areas import Finding
from ghapp.core.ledger import Entry, Refusal, Verb
from ghapp.core.markdown import seen
from ghapp.core.model import Message, Rights
from ghapp.core.policy.policy import Policy
from ghapp.core.review.comment_text import PREFIX, lines
from ghapp.core.review.judge import Ask
from ghapp.core.review.permissions import full_team, right_to_review
from ghapp.core.scan.checklist import SEVERITIES

# Of one repository, so that a tree full of findings does not fill the database.
MOST_KEPT = 2_000
GONE_FOR = timedelta(days=90)  # how long what is gone is remembered
MOST_COMMANDS = 20  # in one comment
USAGE, UNDO_USAGE = "accept HAZARD PATH [until YYYY-MM-DD] -- reason", "undo HAZARD PATH"
# What there is on this issue, with its usage and who may use it: the text `who_KEY`.
COMMANDS: Mapping[str, tuple[Verb, str, str]] = {
    "accept": (Verb.ACCEPT, USAGE, "any_reviewer"),
    "undo": (Verb.UNDO, UNDO_USAGE, "any_reviewer"),
    "help": (Verb.HELP, "help", "anyone"),
}
_COMMAND = re.compile(rf"\s*{PREFIX}(?:\s*$|[\s:：-]\s*(\S+)(?:\s+(.*))?)", re.DOTALL)
_DASHES = re.compile(r"(?:^|\s)(?:--|[—–]{1,2}|――|ーー|－－)(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Place:
    """What an acceptance is about: all findings of one hazard in one file."""

    hazard: str
    path: str

    def __str__(self) -> str:
        return f"{self.hazard} {self.path}"


@dataclass(frozen=True, slots=True)
class Tracked:
    """A finding over time. number: counts those of the same hazard in the file, by line, from 0.

    gone_at: when a search no longer found it; None while it is there. accepted: the reason that the
    code gives, "" without one.
    """

    path: str
    hazard: str
    number: int
    line: int
    severity: str
    area: str
    first_seen: datetime
    last_seen: datetime
    gone_at: datetime | None = None
    accepted: str = ""

    @property
    def place(self) -> Place:
        return Place(self.hazard, self.path)


def tracked(
    known: Iterable[Tracked],
    found: Iterable[Finding],
    now: datetime,
    *,
    unsearched: AbstractSet[str] = frozenset(),
    complete: bool = True,
) -> tuple[Tracked, ...]:
    """What is known after a search, the heaviest first, then by path and line; MOST_KEPT at most.

    found: everything that the search found. unsearched: paths that were wanted and could not be
    searched, whose findings stay. complete: False if the search did not see all files of the tree:
    then what it did not find in other files stays as well.
    """
    before = {(one.path, one.hazard, one.number): one for one in known}
    counts: Counter[tuple[str, str]] = Counter()
    after: list[Tracked] = []
    searched = {one.path for one in found}
    for one in sorted(found, key=lambda one: (one.path, one.hazard, one.line)):
        key = one.path, one.hazard, counts[one.path, one.hazard]
        counts[one.path, one.hazard] += 1
        old = before.pop(key, None)
        first_seen = old.first_seen if old and old.gone_at is None else now
        after.append(
            Tracked(
                *(one.path, one.hazard, key[2], one.line, one.severity, one.area),
                first_seen=first_seen,
                last_seen=now,
                accepted=one.accepted,
            )
        )
    for old in before.values():
        stays = old.path in unsearched or not (complete or old.path in searched)
        if stays or (old.gone_at and now - old.gone_at < GONE_FOR):
            after.append(old)
        elif old.gone_at is None:
            after.append(replace(old, gone_at=now))
    after.sort(key=rank)
    return tuple(after[:MOST_KEPT])


def rank(one: Tracked) -> tuple[object, ...]:
    """The order in which findings are listed; those that are gone come last."""
    weight = SEVERITIES.index(one.severity)
    return one.gone_at is not None, weight, one.hazard, one.path, one.line, one.number


def acceptances(ledger: Iterable[Entry], today: date) -> Mapping[str, Entry]:
    """By subject, the acceptances in force. ledger: oldest first."""
    found: dict[str, Entry] = {}
    for entry in ledger:
        if entry.verb is Verb.ACCEPT:
            found[entry.subject] = entry
        elif entry.verb is Verb.UNDO:
            found.pop(entry.subject, None)
    day = today.isoformat()
    return {one: entry for one, entry in found.items() if not entry.until or entry.until >= day}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the standing review of a repository shows.

    findings: as `tracked` gives them. accepted: acceptances in force, by subject. searched_at: when
    the tree was last searched; before: when it was the time before, None if that was the first.
    files: how many were searched. unread: those of them that could not be. complete: as above.
    refused: the newest commands that had no effect.
    """

    findings: tuple[Tracked, ...] = ()
    accepted: Mapping[str, Entry] | None = None
    searched_at: datetime | None = None
    before: datetime | None = None
    files: int = 0
    unread: tuple[str, ...] = ()
    complete: bool = True
    refused: tuple[Entry, ...] = ()

    def is_accepted(self, one: Tracked) -> bool:
        return bool(one.accepted or str(one.place) in (self.accepted or {}))

    @property
    def open(self) -> tuple[Tracked, ...]:
        return tuple(one for one in self.findings if not one.gone_at and not self.is_accepted(one))

    @property
    def newest(self) -> datetime | None:
        """When the newest of the open ones was first found; None if none is open."""
        return max((one.first_seen for one in self.open), default=None)

    @property
    def waived(self) -> tuple[Tracked, ...]:
        """Those that are there and accepted."""
        return tuple(one for one in self.findings if not one.gone_at and self.is_accepted(one))

    @property
    def gone(self) -> tuple[Tracked, ...]:
        """Those that the last search no longer found."""
        return tuple(one for one in self.findings if one.gone_at == self.searched_at is not None)

    def is_new(self, one: Tracked) -> bool:
        """Whether the last search was the first to find it, and not the first of all."""
        return self.before is not None and one.first_seen == self.searched_at

    def counts(self) -> Mapping[str, int]:
        """How many are open, by severity, and how many are accepted."""
        found = Counter(one.severity for one in self.open)
        return {**{one: found[one] for one in SEVERITIES}, "accepted": len(self.waived)}


# --- what people write on the issue ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accept:
    """A command on the issue. verb: ACCEPT, UNDO or HELP, which has no place.

    until: as written, "" without.
    """

    verb: Verb
    place: Place | None
    until: str = ""
    note: str = ""


def commands(body: str) -> tuple[tuple[Accept | Refusal, str], ...]:
    """The commands of a comment in order, each with its line; a Refusal for what is none."""
    found: list[tuple[Accept | Refusal, str]] = []
    for line in lines(body)[0]:
        given = _COMMAND.match(line)
        if given and len(found) < MOST_COMMANDS:
            found.append((_read(given[1] or "help", (given[2] or "").strip()), line.strip()))
    return tuple(found)


def _read(name: str, rest: str) -> Accept | Refusal:
    command = COMMANDS.get(unicodedata.normalize("NFKC", name).lower())
    if command is None:
        return Refusal("syntax")
    verb = command[0]
    if verb is Verb.HELP:
        return Accept(verb, None)
    dashes = _DASHES.search(rest)
    words = (rest[: dashes.start()] if dashes else rest).split()
    note = rest[dashes.end() :].strip() if dashes else ""
    until = ""
    if len(words) > 3 and words[-2].lower() == "until":
        *words, _, until = words
    if len(words) < 2 or (verb is Verb.ACCEPT and not seen(note).strip()):
        return Refusal("syntax")
    hazard, *path = (word.strip("`") for word in words)
    return Accept(verb, Place(hazard.upper(), " ".join(path)), until, note)


def asks(messages: Iterable[Message], policy: Policy, owner: str) -> Mapping[str, Ask]:
    """What has to be read about the speakers of commands that not anyone may use, by login."""
    people, found = policy.reviewers, dict[str, Ask]()
    for message in messages:
        if not all(map(_asks_for_help, commands(message.text))):
            teams = frozenset(full_team(team, owner) for team in people.teams)
            found[message.speaker] = Ask(not people, teams, message.speaker_id)
    return found


def _asks_for_help(command: tuple[Accept | Refusal, str]) -> bool:
    return isinstance(command[0], Accept) and command[0].verb is Verb.HELP


def judged(
    messages: Sequence[Message],
    policy: Policy,
    rights: Mapping[str, Rights],
    owner: str,
    known: Iterable[Tracked],
    today: date,
) -> tuple[Entry, ...]:
    """The entries that these messages make. known: what is found so far."""
    places = {str(one.place) for one in known if not one.gone_at}
    entries: list[Entry] = []
    for message in messages:
        held = rights.get(message.speaker, Rights())
        speaker = held.account.login if held.account else message.speaker
        right = right_to_review(speaker, policy.reviewers, held, owner)
        for part, (command, line) in enumerate(commands(message.text)):
            refusal: Refusal | None = None
            if isinstance(command, Refusal):
                refusal = command
            elif command.place is None:  # anyone may ask for help
                pass
            elif policy.standing == "unreadable":
                refusal = Refusal("unreadable")
            elif not right:
                refusal = Refusal("unclear" if held.unclear else "reviewer", message.speaker)
            else:
                refusal = _unfit(command, places, today)
            entry = Entry(
                message.id,
                part,
                Verb.REFUSED,
                message.speaker,
                message.said_at,
                message.channel,
                right=right,
                note=line,
                refusal=refusal,
                comment_id=message.comment_id,
                speaker_id=message.speaker_id,
                issue=message.issue,
            )
            if isinstance(command, Accept) and refusal is None:
                entry = replace(
                    entry,
                    verb=command.verb,
                    subject=str(command.place or ""),
                    until=command.until,
                    note=command.note,
                )
            entries.append(entry)
    return tuple(entries)


def _unfit(command: Accept, places: AbstractSet[str], today: date) -> Refusal | None:
    """What is wrong with a command by a reviewer."""
    if str(command.place) not in places:
        return Refusal("unknown", str(command.place))
    try:
        is_past = bool(command.until) and date.fromisoformat(command.until) < today
    except ValueError:
        is_past = True
    return Refusal("day", command.until) if is_past else None
