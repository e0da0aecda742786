"""What a pull has from its project: which issue that is, answers, concerns; and what makes one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ghapp.core.areas import Item
from ghapp.core.ledger import Entry, Verb, answers, concerns, when
from ghapp.core.model import Account, Pull
from ghapp.core.policy.policy import Policy
from ghapp.core.records import Project
from ghapp.core.review.facts import Facts
from ghapp.core.scan.checklist import Flagged

MOST_PARENTS = 3
MOST_BODY = 65_536  # characters, GitHub's limit
ANSWERING = frozenset({Verb.CHECK, Verb.UNCHECK, Verb.NA, Verb.DEFER})
NONE = "none"
_NAME = r"(?:[A-Za-z0-9_-]{1,100}/[A-Za-z0-9._-]{1,100})"
_ISSUE = rf"(?P<name>{_NAME})?#(?P<number>[1-9][0-9]{{0,9}})"
_TRAILER = re.compile(rf"^NFR-Project:[ \t]*{_ISSUE}[ \t]*$", re.MULTILINE | re.IGNORECASE)
# Source: https://docs.github.com/issues/tracking-your-work-with-issues/linking-a-pull-request-to-an-issue
_CLOSES = re.compile(
    rf"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?[ \t]+{_ISSUE}\b", re.IGNORECASE
)
_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|^(```|~~~).*?(?:^\1|\Z)|`[^`\n]*`", re.DOTALL | re.MULTILINE
)
_REFERENCE = re.compile(_ISSUE)
PROJECT_CONCERN = "project-"


@dataclass(frozen=True, slots=True)
class Reference:
    """An issue that a pull names. how: as in `Membership`; issue: as `ProjectKey.reference`.

    by: who named it; "" for a milestone, whose description only people with write access can edit.
    """

    how: str
    issue: str
    by: Account = Account("")


def references(pull: Pull, policy: Policy, ledger: Iterable[Entry]) -> tuple[Reference, ...]:
    """The issues that may be the project of a pull, in the order in which they count.

    A command decides alone, also that there is none.
    """
    ways = policy.projects.ways
    said = [entry for entry in ledger if entry.verb is Verb.PROJECT]
    if said and "command" in ways:
        last = max(said, key=when)
        return () if last.subject == NONE else (Reference("command", last.subject, last.account),)
    owner = pull.key.repository.full_name
    body = _HIDDEN.sub("", pull.body[:MOST_BODY].replace("\r\n", "\n"))
    milestone = _HIDDEN.sub("", pull.milestone_text[:MOST_BODY].replace("\r\n", "\n"))
    found = (
        ("trailer", _TRAILER.search(body), pull.by),
        ("parent", _CLOSES.search(body), pull.by),
        ("milestone", _TRAILER.search(milestone), Account("")),
    )
    return tuple(
        Reference(how, _named(match, owner), by)
        for how, match, by in found
        if match and how in ways
    )


def reference(word: str, full_name: str) -> str:
    """The issue that a word names, as `ProjectKey.reference`; "" if it names none.

    full_name: of the repository in which it is written.
    """
    match = _REFERENCE.fullmatch(word)
    return _named(match, full_name) if match else ""


def _named(match: re.Match[str], full_name: str) -> str:
    return f"{(match['name'] or full_name).casefold()}#{match['number']}"


def spelled(reference: str, full_name: str) -> str:
    """A reference as it is written in this repository: "#12" or "acme/batch#12"."""
    name, _, number = reference.partition("#")
    return f"#{number}" if name == full_name.casefold() else reference


# --- answers --------------------------------------------------------------------------------------


def asked_mark(item: Item) -> str:
    """The digest of a question, to which an answer for a whole project is bound."""
    words = "\n".join((item.question.en, item.question.ja, item.kind, *item.choices))
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Inherited:
    """An answer that a pull has from its project.

    again: why the question is asked again: finding | changed | age | due | unchecked | closed;
    "" while the answer holds. entry: of the project's ledger, or what removed the answer.
    """

    entry: Entry
    again: str = ""


def inherited(facts: Facts, flagged: Flagged, ledger: Iterable[Entry]) -> Mapping[str, Inherited]:
    """Item id -> what the project says about it. ledger: of the pull: its own answers go first."""
    project = facts.project
    if project is None or facts.policy.projects.inherit == "none":
        return {}
    asked = {item.id: item for item in flagged.items if item.scope == "project"}
    own, theirs = _last_answers(ledger, asked), _last_answers(project.ledger, asked)
    # A finding of severity could is only advice.
    heavy = (one for one in flagged.findings if one.severity != "could" and not one.accepted)
    open_findings = {one.item for one in heavy}
    found: dict[str, Inherited] = {}
    for id, entry in theirs.items():
        here = own.get(id)
        if here and here.verb is not Verb.UNCHECK:
            continue
        if here and when(here) >= when(entry):
            found[id] = Inherited(here, "unchecked")
        else:
            again = "finding" if id in open_findings else ""
            found[id] = Inherited(entry, _again(entry, asked[id], facts, project) or again)
    return found


def _again(entry: Entry, item: Item, facts: Facts, project: Project) -> str:
    """Why a question is asked again whatever the diff; "" if it is not."""
    expires_at = _expires_at(entry, facts)
    if entry.verb is Verb.UNCHECK:
        return "unchecked"
    if not project.is_open:
        return "closed"
    if entry.fingerprint != asked_mark(item):
        return "changed"
    if facts.now >= expires_at:
        return "due" if entry.verb is Verb.DEFER else "age"
    return ""


def _expires_at(entry: Entry, facts: Facts) -> datetime:
    """When an answer of a project is asked for again: after some days, or once it is due."""
    if entry.verb is Verb.DEFER:
        return due_at(entry)
    return entry.said_at + timedelta(days=facts.policy.projects.max_age_days)


def due_at(deferral: Entry) -> datetime:
    """When a question that was deferred for a whole project is asked again."""
    return datetime.fromisoformat(deferral.until).replace(tzinfo=UTC) + timedelta(days=1)


def expires_at(found: Iterable[Inherited], facts: Facts) -> datetime | None:
    """When the first of the answers that hold is asked for again; None if none holds."""
    return min((_expires_at(one.entry, facts) for one in found if not one.again), default=None)


def holding(found: Mapping[str, Inherited]) -> dict[str, Entry]:
    """Those of the answers that hold."""
    return {id: one.entry for id, one in found.items() if not one.again}


def _last_answers(ledger: Iterable[Entry], asked: Mapping[str, Item]) -> dict[str, Entry]:
    answered = (one for one in ledger if one.verb in ANSWERING and one.subject in asked)
    return {entry.subject: entry for entry in sorted(answered, key=when)}


# --- concerns and consultations -------------------------------------------------------------------


def open_concerns(ledger: Iterable[Entry]) -> tuple[Entry, ...]:
    """The concerns of a project that nobody has answered on its issue, oldest first."""
    ledger = tuple(ledger)
    answered = answers(ledger)
    return tuple(one for one in concerns(ledger) if one.subject not in answered)


def concerns_here(facts: Facts) -> tuple[Entry, ...]:
    """The open concerns of the pull's project, by the ids that they have on the pull."""
    raised = open_concerns(facts.project.ledger) if facts.project else ()
    return tuple(replace(one, subject=f"{PROJECT_CONCERN}{one.subject}") for one in raised)


@dataclass(frozen=True, slots=True)
class Consulted:
    """Whether the reviewers have answered about an area. asked: the first of what is not answered.

    last: what was asked last. answered: the answer in force, which also accepts the answers given.
    """

    asked: Entry
    last: Entry
    answered: Entry | None = None


def consulted(ledger: Iterable[Entry]) -> Mapping[str, Consulted]:
    """Area id -> its consultation; "" is a question about no area."""
    found: dict[str, Consulted] = {}
    for entry in sorted(ledger, key=when):
        known = found.get(entry.subject)
        if entry.verb is Verb.CONSULT:
            asked = known.asked if known and not known.answered else entry
            found[entry.subject] = Consulted(asked, entry)
        elif known and entry.verb in (Verb.SIGN_OFF, Verb.UNDO):
            answered = entry if entry.verb is Verb.SIGN_OFF else None
            found[entry.subject] = replace(known, answered=answered)
    return found


def waiting(ledger: Iterable[Entry]) -> Mapping[str, Consulted]:
    """The consultations that wait for the reviewers."""
    return {area: one for area, one in consulted(ledger).items() if not one.answered}


def new_areas(facts: Facts, flagged: Iterable[Flagged]) -> Iterator[Flagged]:
    """Areas with questions about the project that nobody was consulted about before this pull."""
    project = facts.project
    if project is None or not project.is_open or facts.policy.projects.new_area == "quiet":
        return
    key, known = facts.pull.key, consulted(project.ledger)
    here = f"{key.repository.full_name}#{key.number}"
    for one in flagged:
        asks = any(item.scope == "project" for item in one.area.items)
        first = project.touched.get(one.area.id, here) == here
        if asks and first and one.area.id not in known:
            yield one
