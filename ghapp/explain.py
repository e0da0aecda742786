"""`ghapp explain`: a pull request on GitHub -> facts, decision, and what would be written."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size

from ghapp import builtin_packs
from ghapp.core.areas import Reviewers
from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry
from ghapp.core.markdown import code, seen, visible
from ghapp.core.marks import (
    AddLabels,
    CloseIssue,
    EditIssue,
    Effect,
    OpenIssue,
    PostReply,
    PutCheckRun,
    PutComment,
    React,
    RemoveLabel,
    RequestReview,
)
from ghapp.core.model import PullKey, Repository
from ghapp.core.policy.policy import POLICY_PATH, Rules, effective
from ghapp.core.records import PolicySource
from ghapp.core.review.review import AreaReview, Review
from ghapp.core.text import findings, reasons, status
from ghapp.errors import Busy, Gone, Lag, Retry, StoreFailed, Wait, WrongDatabase
from ghapp.github.client import GitHub
from ghapp.offline.explain import explained
from ghapp.settings import Settings
from ghapp.store import Store
from ghapp.terminal import counted, printed, wrapped, wrong
from ghapp.worker.dry_run import DryRun, dry_run

GOOD, FAILED = 0, 1  # exit statuses
COMMAND = "ghapp explain"
JSON_VERSION = 1
NAME = r"[A-Za-z0-9][A-Za-z0-9-_]*/[A-Za-z0-9._-]+"
SHORT = re.compile(rf"(?P<name>{NAME})#(?P<number>[1-9][0-9]{{0,9}})")
PAGE = re.compile(
    rf"(?P<web>https?://[^/\s]+)/(?P<name>{NAME})/pull/(?P<number>[1-9][0-9]{{0,9}})(?:[/?#].*)?"
)
STYLES = {
    r"\A.+$": "bold",
    r"^(?! ).+$": "bold",  # the title of a part
    r"\[[\w-]+\]": "dim",  # ids
}


@dataclass(frozen=True, slots=True)
class Explained:
    """A dry run, and where it took its record from. unrecorded: why it has none, "" if it has."""

    run: DryRun
    words: Words
    unrecorded: str = ""

    @property
    def review(self) -> Review:
        return self.run.decision.review

    @property
    def conclusion(self) -> str:
        """Of the check run on the head."""
        run = self.run.decision.marks.check_run
        return (run.conclusion if run else self.review.conclusion) or "in_progress"


def named(pull: str, web_url: str) -> tuple[str, int]:
    """The repository's name and the number. web_url: of GitHub's pages.

    Raises ValueError (it is neither, or a page of another GitHub).
    """
    found = SHORT.fullmatch(pull) or PAGE.fullmatch(pull)
    if found is None:
        raise ValueError("write it as OWNER/REPO#NUMBER, or as the address of its page")
    web = found.groupdict().get("web")
    if web and web.casefold() != web_url.casefold():
        text = f"it is on {web}, and these settings are for {web_url}"
        raise ValueError(f"{text}: set GHAPP_GITHUB_API_URL to the API of that GitHub")
    return found["name"], int(found["number"])


def repository_named(name: str) -> str:
    """The same name. Raises ValueError (it is not one)."""
    if not re.fullmatch(NAME, name):
        raise ValueError("it is neither a file or folder here nor OWNER/REPO")
    return name


def show_policy(settings: Settings, name: str, format: str, language: str | None) -> int:
    """Prints the policy of a repository as GitHub has it now, over that of its organisation.

    format, language: as of `run`. The result is the exit status: 0 good, 1 if a file has problems
    or a lock refuses something, or GitHub is out of reach, 2 an output that cannot be written.
    """
    rules = builtin_packs.rules(settings.default_mode, settings.timezone)
    try:
        source = asyncio.run(_policy(settings, name, rules))
    except (Gone, Retry, Wait) as error:
        wrong(f"{COMMAND}: {advice(error, settings, name)}")
        return FAILED
    policy = effective(source, rules)
    status = printed(explained(source, rules, format, language), COMMAND)
    return status or (FAILED if policy.problems or policy.refused else GOOD)


async def _policy(settings: Settings, name: str, rules: Rules) -> PolicySource:
    async with connected(settings) as github:
        repository = await reached(github, name)
        return await github.policy(repository, rules)


def run(settings: Settings, pull: tuple[str, int], format: str, language: str | None) -> int:
    """Prints what a run would decide about the pull request now, and writes nothing.

    format: text | json. language: None for that of the policy. The result is the exit status: 0
    printed, 1 GitHub or the pull request is out of reach, 2 an output that cannot be written.
    """
    try:
        run, unrecorded = asyncio.run(_read(settings, *pull))
    except (Gone, Retry, Wait) as error:
        wrong(f"{COMMAND}: {advice(error, settings, *pull)}")
        return FAILED
    words = Words(language or run.facts.policy.language)
    found = Explained(run, words, unrecorded)
    if format == "json":
        return printed(as_json(found), COMMAND)
    return printed(as_text(found), COMMAND, STYLES)


class _NotInstalled(Gone):
    """No installation of the App reaches the repository."""


async def _read(settings: Settings, name: str, number: int) -> tuple[DryRun, str]:
    rules = builtin_packs.rules(settings.default_mode, settings.timezone)
    async with AsyncExitStack() as closing:
        github = await closing.enter_async_context(connected(settings))
        key = PullKey(await reached(github, name), number)
        store, unrecorded = await closing.enter_async_context(recorded(settings))
        try:
            return await dry_run(key, github, store, rules), unrecorded
        except (Busy, StoreFailed) as error:
            unrecorded = str(error)
        return await dry_run(key, github, None, rules), unrecorded


def connected(settings: Settings) -> GitHub:
    """GitHub as the App, not yet entered."""
    limits = settings.github_limits
    return GitHub(settings.endpoint, settings.app_id, settings.private_key, limits=limits)


async def reached(github: GitHub, name: str) -> Repository:
    """The repository of this name. Raises Gone (the App is not installed there), Retry, Wait."""
    try:
        return await github.repository(name)
    except Gone as error:
        raise _NotInstalled(str(error)) from error


@asynccontextmanager
async def recorded(settings: Settings) -> Any:
    """The database, and why there is none; neither created nor upgraded."""
    if settings.file and not settings.file.exists():
        yield None, f"{settings.file} does not exist"
        return
    try:
        store = await Store.open(settings.database_url, migrate=False)
    except WrongDatabase as error:
        yield None, str(error)
        return
    try:
        yield store, ""
    finally:
        await store.close()


def advice(error: Exception, settings: Settings, name: str, number: int = 0) -> str:
    """What is wrong, and what to do. number: of the pull request, 0 for the repository itself."""
    pull = f"{name}#{number}" if number else name
    if isinstance(error, _NotInstalled):
        return (
            f"{name}: the App is not installed there, or there is no such repository; install it "
            f"from its page on {settings.web_url}, or check the spelling ({error})"
        )
    if isinstance(error, Gone):
        return f"{pull}: there is no such pull request, or the App may not read it ({error})"
    if isinstance(error, Lag):
        return (
            f"{pull}: GitHub still answers with an earlier state; try again in a moment ({error})"
        )
    return f"{pull}: {error}; check GHAPP_GITHUB_API_URL, HTTPS_PROXY and the App's id and key"


# --- for people -----------------------------------------------------------------------------------


def as_text(found: Explained) -> str:
    """Facts, decision, and what would be written; wrapped to the terminal."""
    words, review = found.words, found.review
    pull = found.run.facts.pull
    number = f"{visible(pull.key.repository.full_name)}#{pull.key.number}"
    parts = [f"{number}  {visible(pull.title)}"]
    parts.append(_part(words("explain_facts"), _rows(_facts(found), words)))
    decided = [*_rows(_decision(found), words)]
    parts.append(_part(words("explain_decision"), decided))
    parts += ["\n".join(_area(area, review, words)) for area in review.areas]
    written = [words("explain_nothing")]
    if found.run.effects:
        written = [_effect(effect, words) for effect in found.run.effects]
    elif not found.run.decision.writes:
        written = [words("explain_observes")]
    lines = [wrapped(line, "  - ", "    ") for line in written]
    parts.append(_part(words("explain_written"), lines))
    return "\n\n".join(parts)


def _part(title: str, lines: Iterable[str]) -> str:
    return "\n".join((title, *lines))


def _rows(rows: Iterable[tuple[str, str]], words: Words) -> list[str]:
    """Rows of a name and a value; an empty name continues the row above."""
    named = [(words(f"explain_{name}") if name else "", value) for name, value in rows]
    width = max((cell_len(name) for name, _ in named), default=0) + 2
    return [wrapped(value, f"  {set_cell_size(name, width)}") for name, value in named]


def _facts(found: Explained) -> Iterator[tuple[str, str]]:
    words, run = found.words, found.run
    pull, policy, history = run.facts.pull, run.facts.policy, run.history
    base = "guarded" if pull.is_guarded else "unguarded"
    yield (
        "head",
        words(
            f"explain_{base}",
            head=visible(pull.head_ref),
            sha=pull.head_sha[:7],
            base=visible(pull.base_ref),
        ),
    )
    yield "author", visible(pull.author)
    yield (
        "files",
        words(
            "explain_changed",
            files=counted(len(pull.files), "file", words),
            added=sum(file.additions for file in pull.files),
            removed=sum(file.deletions for file in pull.files),
        ),
    )
    if not pull.complete:
        yield "", words("incomplete")
    there = "absent" if run.facts.source.text is None else policy.standing
    yield "policy", words(f"explain_policy_{there}", path=POLICY_PATH)
    for problem in policy.problems:
        yield "", str(problem)
    yield "mode", policy.mode
    if found.unrecorded:
        yield "record", words("explain_unrecorded", reason=visible(found.unrecorded))
    else:
        key = "explain_recorded" if history.marks else "explain_not_run"
        yield "record", words(key, entries=len(history.ledger))
    if run.facts.messages:
        yield "messages", words("explain_waiting", count=len(run.facts.messages))


def _decision(found: Explained) -> Iterator[tuple[str, str]]:
    words, run, review = found.words, found.run, found.review
    yield "state", str(review.state)
    yield "conclusion", found.conclusion
    yield "title", visible(run.decision.verdict.title)
    for hold in review.holds:
        yield "hold", _said(hold)
    for entry in run.entries:
        yield "message", _said(entry)
    for other in run.others:
        yield "shared", f"#{other.number}: {visible(other.title)}"
    if not review.areas:
        yield "areas", words("explain_no_area")


def _said(entry: Entry) -> str:
    """One entry: who did what, on what, by which right, and their words."""
    what = entry.verb if not entry.refusal else f"{entry.verb} ({entry.refusal.reason})"
    right = f" ({entry.right})" if entry.right else ""
    note = f": {visible(entry.note)}" if entry.note else ""
    subject = f" {visible(entry.subject)}" if entry.subject else ""
    return f"{visible(entry.speaker)}{right} {what}{subject}{note}"


def _area(area: AreaReview, review: Review, words: Words) -> Iterator[str]:
    files = counted(len(area.flagged.files), "file", words)
    title = words("check_area", title=visible(words.text(area.title)), files=files)
    yield f"{title} [{area.id}] {area.mode}, {area.standing.state}"
    yield wrapped(reasons.flagged_by(area, review, words, reasons.MOST_EXPLAINED), "  ", "    ")
    labels = {item.id: words(f"sev_{item.severity}") for item in area.items}
    column = max(map(cell_len, labels.values()), default=0) + 4
    for item in area.items:
        question = f"{visible(words.text(item.question), 500)} [{item.id}]"
        yield wrapped(question, set_cell_size(f"  {labels[item.id]}", column))
        if answer := area.given.get(item.id):
            stale = "" if item.id in area.answered else f" ({words('explain_stale')})"
            yield wrapped(f"{_said(answer)}{stale}", " " * (column + 2))
    shown, beyond = findings.split(area.findings)
    for one in shown:
        place = f"{visible(one.path)}:{one.line}" if one.line else visible(one.path)
        text = words(
            "check_finding",
            place=place,
            severity=findings.severity(one, words),
            hazard=one.hazard,
            message=visible(words.text(one.message), 500),
        )
        yield wrapped(text, "  ", "      ")
    if beyond:
        yield f"  {words('and_more', count=len(beyond))}"
    if area.standing.signed:
        yield wrapped(_said(area.standing.signed), f"  {words('explain_signed')}  ")
    yield wrapped(status.people(area.reviewers, words), f"  {words('explain_who')}  ")


def _effect(effect: Effect, words: Words) -> str:  # noqa: C901 -- a case for each kind
    """What would be written, as a sentence."""
    match effect:
        case PutCheckRun(run, run_id):
            return words(
                "explain_put_check_run" if run_id else "explain_new_check_run",
                conclusion=run.conclusion or "in_progress",
                title=visible(run.title),
                annotations=counted(len(run.annotations), "annotation", words),
            )
        case AddLabels(described):
            names = words.joined(code(name) for name, *_ in described)
            return words("explain_add_labels", names=names)
        case RemoveLabel(label):
            return words("explain_remove_label", name=code(label))
        case PutComment(body, comment_id):
            key = "explain_edit_comment" if comment_id else "explain_new_comment"
            return words(key, count=len(body))
        case React(reaction):
            return words("explain_react", content=reaction.content, id=reaction.comment_id)
        case PostReply(reply):
            return words("explain_reply", topic=visible(reply.topic))
        case RequestReview():
            people = [*effect.names("team"), *effect.names("user")]
            return words("explain_request", names=words.joined(map(code, people)))
        case OpenIssue(issue):
            due, owner = issue.due, visible(issue.owner)
            return words("explain_open_issue", item=code(issue.item), due=due, owner=owner)
        case EditIssue(issue, number):
            return words("explain_edit_issue", number=number, due=issue.due)
        case CloseIssue(number=number):
            return words("explain_close_issue", number=number)
    return effect.name


# --- for programs ---------------------------------------------------------------------------------


def as_json(found: Explained) -> str:
    """For programs; the shape is a promise, and `version` changes with it."""
    words, run, review = found.words, found.run, found.review
    facts, pull, policy = run.facts, run.facts.pull, run.facts.policy
    outcome = {
        "version": JSON_VERSION,
        "facts": {
            "repository": pull.key.repository.full_name,
            "pull": pull.key.number,
            "title": pull.title,
            "url": pull.url,
            "author": pull.author,
            "head": {"ref": pull.head_ref, "sha": pull.head_sha},
            "base": {"ref": pull.base_ref, "sha": pull.base_sha, "guarded": pull.is_guarded},
            "open": pull.is_open,
            "draft": pull.is_draft,
            "labels": sorted(pull.labels),
            "files": [file.path for file in pull.files],
            "complete": pull.complete,
            "policy": {
                "path": None if facts.source.text is None else POLICY_PATH,
                "standing": policy.standing,
                "mode": policy.mode,
                "problems": [*map(str, policy.problems)],
            },
            "record": None if found.unrecorded else {"entries": len(run.history.ledger)},
            "messages": len(facts.messages),
        },
        "decision": {
            "state": review.state,
            "conclusion": found.conclusion,
            "title": run.decision.verdict.title,
            "areas": [_area_json(area, review, words) for area in review.areas],
            "holds": [_entry_json(entry) for entry in review.holds],
            "entries": [_entry_json(entry) for entry in run.entries],
            "others": [{"pull": one.number, "title": one.title} for one in run.others],
        },
        "effects": [
            {"effect": type(effect).__name__, "words": _effect(effect, words)}
            for effect in run.effects
        ],
    }
    return json.dumps(_seen(outcome), ensure_ascii=False, indent=2)


def _area_json(area: AreaReview, review: Review, words: Words) -> dict[str, object]:
    signed = area.standing.signed
    return {
        "id": area.id,
        "title": words.text(area.title),
        "mode": area.mode,
        "state": area.standing.state,
        "why": reasons.flagged_by(area, review, words, reasons.MOST_EXPLAINED),
        "reviewers": _people(area.reviewers),
        "signed": _entry_json(signed) if signed else None,
        "questions": [
            {
                "id": item.id,
                "severity": item.severity,
                "question": words.text(item.question),
                "answered": item.id in area.answered,
            }
            for item in area.items
        ],
        "findings": [
            {
                "hazard": one.hazard,
                "severity": one.severity,
                "path": one.path,
                "line": one.line,
                "message": words.text(one.message),
                "accepted": bool(one.accepted),
            }
            for one in area.findings
        ],
    }


def _people(reviewers: Reviewers) -> dict[str, object]:
    return {"teams": [*reviewers.teams], "users": [*reviewers.users]}


def _entry_json(entry: Entry) -> dict[str, object]:
    return {
        "who": entry.speaker,
        "verb": entry.verb,
        "subject": entry.subject,
        "right": entry.right,
        "head": entry.head_sha,
        "note": entry.note,
        "refusal": entry.refusal.reason if entry.refusal else None,
    }


def _seen(value: object) -> object:
    """All texts in it on one line, without invisible characters: strangers wrote some of them."""
    if isinstance(value, str):
        return seen(value)
    if isinstance(value, Mapping):
        return {key: _seen(inner) for key, inner in value.items()}
    return [_seen(inner) for inner in value] if isinstance(value, list) else value
