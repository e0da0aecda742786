"""The table of commands, and what people write -> the commands in it.

To add a command, add a row to COMMANDS, write the function of that row beside related ones in
`sign_off.py` or `answers.py`, and add its words to the texts: `help_NAME`, a `refused_REASON` for
each new reason, and `usage_VALUE` for a new value in its usage (`core/text/replies.py`). If it
changes a state, add its verb and a row to a table in `core/ledger.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from ghapp.core.ledger import Refusal, Verb
from ghapp.core.markdown import seen
from ghapp.core.model import Channel, Message
from ghapp.core.policy.policy import Policy
from ghapp.core.review.answers import answer, close, defer, extend, incident
from ghapp.core.review.case import Case, Command, Judged, laid_bare, nearest
from ghapp.core.review.comment_text import MOST_CHARACTERS, PREFIX, lines, speaks
from ghapp.core.review.joining import accept, begin, consult, join, only_on_issues
from ghapp.core.review.sign_off import concern, hold, sign_off, undo, waive

MOST_COMMANDS = 20  # in one comment; further ones are refused
MOST_SUBJECTS = 100


@dataclass(frozen=True, slots=True)
class Who:
    """Who may use a command, and so what GitHub is asked about its speaker.

    key: the text `who_KEY` describes them. reviewers, waivers: those whom the policy names; if both
    are set, waivers matter only once something was waived. write: people with write access, which
    is not asked about the author unless `author` says so.
    by_policy: only the policy says who they are, so nothing is accepted while it is unreadable.
    """

    key: str
    reviewers: bool = False
    waivers: bool = False
    write: bool = False
    by_policy: bool = False
    author: bool = False


ANYONE = Who("anyone")
AUTHOR_OR_WRITE = Who("author_or_write", write=True)
AUTHOR_OR_REVIEWERS = Who("author_or_reviewers", reviewers=True)
REVIEWERS = Who("reviewers", reviewers=True, by_policy=True)
ANY_REVIEWER = Who("any_reviewer", reviewers=True, by_policy=True)
SPEAKER_OR_REVIEWERS = Who("speaker_or_reviewers", reviewers=True, waivers=True, by_policy=True)
WAIVERS = Who("waivers", waivers=True, by_policy=True)
WRITERS = Who("writers", write=True, author=True)


@dataclass(frozen=True, slots=True)
class Spec:
    """One command.

    act: gives its outcomes. on_issue, on_follow_up: those on the issue of a project, and on that of
    a follow-up; None if it is not for such an issue.
    subjects: areas | items | project | "" (takes none).
    note: whether a note follows the dashes: "" (no) | may | must | all (the note is the whole rest
    of the line, with or without dashes).
    binds: it is bound to what the speaker saw, so it is refused if no check run had been shown.
    blocks: it stops a review whatever was shown, so it also counts if no check run had been shown.
    replied: it gets a reply of its own. reaction: the one that acknowledges it; a refusal is 😕.
    """

    verb: Verb
    usage: str
    who: Who
    act: Callable[[Case, Command], tuple[Judged, ...]]
    subjects: str = ""
    needs_subjects: bool = False
    note: str = ""
    takes_due: bool = False  # `until DATE` and `by @owner`
    takes_url: bool = False
    binds: bool = False
    blocks: bool = False
    replied: bool = False
    reaction: str = "+1"
    on_issue: Callable[[Case, Command], tuple[Judged, ...]] | None = None
    on_follow_up: Callable[[Case, Command], tuple[Judged, ...]] | None = None


def noted(case: Case, command: Command) -> tuple[Judged, ...]:
    """Only an entry, because the run itself does the rest."""
    return (case.done(command.verb),)


COMMANDS: Mapping[str, Spec] = {
    "done": Spec(
        Verb.SIGN_OFF, "done [AREA...] [-- note]", REVIEWERS, sign_off,
        subjects="areas", note="may", binds=True, on_issue=accept,
        on_follow_up=close,
    ),
    "undo": Spec(Verb.UNDO, "undo", SPEAKER_OR_REVIEWERS, undo, on_issue=undo),
    "hold": Spec(
        Verb.HOLD, "hold [AREA...] -- reason", ANY_REVIEWER, hold,
        subjects="areas", note="must", blocks=True,
    ),
    "concern": Spec(
        Verb.CONCERN, "concern TEXT", ANY_REVIEWER, concern, note="all", blocks=True,
        on_issue=concern,
    ),
    "check": Spec(
        Verb.CHECK, "check ITEM... [-- evidence]", AUTHOR_OR_WRITE, answer,
        subjects="items", needs_subjects=True, note="may", binds=True, on_issue=answer,
    ),
    "uncheck": Spec(
        Verb.UNCHECK, "uncheck ITEM...", AUTHOR_OR_WRITE, answer,
        subjects="items", needs_subjects=True, binds=True, on_issue=answer,
    ),
    "na": Spec(
        Verb.NA, "na ITEM... -- reason", AUTHOR_OR_WRITE, answer,
        subjects="items", needs_subjects=True, note="must", binds=True, on_issue=answer,
    ),
    "defer": Spec(
        Verb.DEFER, "defer ITEM... [until YYYY-MM-DD] [by @owner] -- reason",
        AUTHOR_OR_REVIEWERS, defer,
        subjects="items", needs_subjects=True, note="must", takes_due=True, binds=True,
        on_issue=defer, on_follow_up=extend,
    ),
    "waive": Spec(Verb.WAIVE, "waive -- reason", WAIVERS, waive, note="must", binds=True),
    "project": Spec(
        Verb.PROJECT, "project [#12]", WRITERS, join, subjects="project", on_issue=begin
    ),
    "consult": Spec(
        Verb.CONSULT, "consult [AREA...] [-- note]", WRITERS, only_on_issues,
        subjects="areas", note="may", on_issue=consult,
    ),
    "incident": Spec(
        Verb.INCIDENT, "incident URL ITEM [-- note]", WRITERS, incident,
        subjects="items", needs_subjects=True, note="may", takes_url=True, on_issue=incident,
    ),
    "refresh": Spec(
        Verb.REFRESH, "refresh", ANYONE, noted, reaction="eyes", on_issue=noted, on_follow_up=noted
    ),
    "explain": Spec(Verb.EXPLAIN, "explain", ANYONE, noted, replied=True, reaction="eyes"),
    "help": Spec(
        Verb.HELP, "help", ANYONE, noted, replied=True, reaction="eyes", on_issue=noted,
        on_follow_up=noted,
    ),
}  # fmt: skip
# What people write instead.
SYNONYMS: Mapping[str, str] = {
    **dict.fromkeys(("approve", "approved", "lgtm", "ok", "ack", "signoff", "sign-off"), "done"),
    **dict.fromkeys(("reject", "block"), "hold"),
    **dict.fromkeys(("skip", "n/a"), "na"),
    "later": "defer",
}
# The check run's buttons, by identifier -> the command that each stands for.
BUTTONS: Mapping[str, Verb] = {
    "signoff": Verb.SIGN_OFF,
    "refresh": Verb.REFRESH,
    "explain": Verb.EXPLAIN,
}


def spec_of(verb: Verb) -> Spec:
    """The command that does this."""
    return next(spec for spec in COMMANDS.values() if spec.verb is verb)


def commands_of(message: Message, policy: Policy) -> tuple[Command | Refusal, ...]:
    """The commands in a message of any channel, with a refusal for each one that misses."""
    match message.channel:
        case Channel.COMMENT | Channel.REVIEW | Channel.REVIEW_COMMENT:
            found = parse(message.text)
            return (Refusal("edited"),) if message.edited and found else found
        case Channel.APPROVAL:
            return (Command(Verb.SIGN_OFF if message.text == "approved" else Verb.UNDO),)
        case Channel.BUTTON:
            return (Command(BUTTONS[message.text]),) if message.text in BUTTONS else ()
        case Channel.RERUN:
            return (Command(Verb.REFRESH),)
    added, name = message.text[:1] == "+", message.text[1:]
    if message.channel is Channel.TICK:
        return (Command(Verb.CHECK if added else Verb.UNCHECK, (name,)),)
    if name.casefold() != policy.labels["signed_off"].casefold():
        return (Refusal("state_label", name),)
    return (Command(Verb.SIGN_OFF if added else Verb.UNDO),)


def blocks(body: str) -> bool:
    """Whether a comment has a command that stops a review whatever was shown."""
    return any(isinstance(one, Command) and spec_of(one.verb).blocks for one in parse(body))


_COMMAND = re.compile(rf"\s*{PREFIX}(?:(?=\s|$)|[-:：－](?=\w))(.*)", re.DOTALL)
_WITHIN = re.compile(rf"(?:^|(?<=[\s、。，．,.!?！？（(])){PREFIX}\s+([\w/-]{{1,20}})")


@lru_cache(maxsize=64)
def parse(body: str) -> tuple[Command | Refusal, ...]:
    """The commands of a comment in order, with a refusal for each malformed one; never fails.

    Only the beginning of a long comment is read; a command after it is refused as too_long.
    """
    return tuple(command for command, _ in _parsed(body))


def quoted(body: str, number: int) -> str:
    """The line of the command of this number in `parse`; "" if that concerns the whole comment."""
    return _parsed(body)[number][1]


@lru_cache(maxsize=64)
def _parsed(body: str) -> tuple[tuple[Command | Refusal, str], ...]:
    if not speaks(body):
        return ()
    read, rest = lines(body)
    found: list[tuple[Command | Refusal, str]] = []
    for line in read:
        given = _COMMAND.match(line)
        written = given or _WITHIN.search(line)
        if not written:
            continue
        if len(found) == MOST_COMMANDS:
            return (*found, (Refusal("too_many_commands", str(MOST_COMMANDS)), ""))
        command = _read(written[1].strip() or "help") if given else _misplaced(written[1])
        found.append((command, line.strip()))
    too_long = Refusal("too_long", str(MOST_CHARACTERS))
    return (*found, (too_long, "")) if speaks(rest) else tuple(found)


def _misplaced(name: str) -> Refusal:
    """The refusal of a command that does not begin its line."""
    name = name.translate(_HALF_WIDTH).lower()
    usage = COMMANDS.get(SYNONYMS.get(name, name), COMMANDS["help"]).usage
    return Refusal("not_at_start", f"/nfr {usage}")


# Keyboards turn two dashes into a long one. After full-width Japanese dashes no space is needed.
_DASHES = re.compile(r"(?:^|\s)(?:(?:--|[—–]{1,2})(?=\s|$)|(?:――|ーー|－－|−−)[\u2015ー－−]*)")
_BETWEEN = re.compile(r"[\s,、]+")


def _read(line: str) -> Command | Refusal:
    """The command on a line, without its prefix, or why it is refused."""
    name, *more = line.split(maxsplit=1)
    # Only ASCII: the lower case of other letters may be ASCII (the Kelvin sign's is k).
    name = name.translate(_HALF_WIDTH)
    spec = COMMANDS.get(SYNONYMS.get(name.lower(), name.lower())) if name.isascii() else None
    if spec is None:
        near = nearest(_narrow(name[:100]).lower(), tuple(COMMANDS))
        return Refusal("unknown_command", laid_bare(name, 40), near or "help")
    rest = more[0].strip() if more else ""
    if spec.note == "all":
        dashes, words = _DASHES.match(rest), _words("")
        note = rest[dashes.end() :].strip() if dashes else rest
    else:
        dashes = _DASHES.search(rest)
        words = _words(rest[: dashes.start()] if dashes else rest)
        note = rest[dashes.end() :].strip() if dashes else ""
    if not spec.note:
        words, note = (*words, *_words(note)), ""
    if spec.takes_url:
        command: Command | None = _addressed(words)
    else:
        command = _due(words) if spec.takes_due else Command(spec.verb, words)
    if command is None:
        return Refusal("subjects_unwanted", spec.usage)
    subjects = tuple(dict.fromkeys(word.lower() for word in command.subjects))
    if len(subjects) > MOST_SUBJECTS:
        return Refusal("too_many_subjects", f"{name.lower()} {MOST_SUBJECTS}")
    if subjects and not spec.subjects:
        return Refusal("subjects_unwanted", spec.usage)
    if spec.needs_subjects and not subjects:
        return Refusal("subjects_missing", spec.usage)
    if spec.note in ("must", "all") and not seen(note).strip():
        reason = "reason_missing" if spec.note == "must" else "subjects_missing"
        return Refusal(reason, spec.usage)
    return replace(command, verb=spec.verb, subjects=subjects, note=note)


def _due(words: tuple[str, ...]) -> Command | None:
    """A deferral's items, day and owner, in any order; None if a day or owner is given twice.

    A keyword at the end becomes a day or an owner that is refused later, as unreadable.
    """
    items: list[str] = []
    given: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        key = word.lower()
        if key not in ("until", "by"):
            items.append(word)
        elif key in given:
            return None
        else:
            given[key] = next(rest, key)
    owner = given.get("by", "").removeprefix("@")
    return Command(Verb.DEFER, tuple(items), until=given.get("until", ""), owner=owner)


def _addressed(words: tuple[str, ...]) -> Command:
    """An incident's items and address, in any order."""
    bare = [word.strip("<>") for word in words]
    url = next((word for word in bare if "://" in word), "")
    return Command(Verb.INCIDENT, tuple(word for word in bare if word != url), url=url)


def _words(text: str) -> tuple[str, ...]:
    """The words that are ids, dates and owners, without full-width letters and backticks."""
    words = (word.strip("`") for word in _BETWEEN.split(_narrow(text)))
    return tuple(word for word in words if word)


# The letters and signs that a keyboard for Japanese writes in full width, and nothing else.
_HALF_WIDTH = {0xFF00 + code: 0x20 + code for code in range(1, 0x5F)}


def _narrow(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
