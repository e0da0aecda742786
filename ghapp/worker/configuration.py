"""The standing review: searches the configuration of a repository, and keeps its issue in line.

A run of the key judges what was written on the issue, searches if that is due, and writes the issue
if it would have another text. It may be stopped anywhere: what was read is stored, a few files at a
time, and the next run reads the rest.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from ghapp.core.areas import Finding
from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import Issue, Reply
from ghapp.core.model import ConfigurationKey, File, Message, Pull, PullKey, Repository, Rights
from ghapp.core.policy.policy import Policy, effective
from ghapp.core.policy.policy import Rules as PolicyRules
from ghapp.core.records import Claim, History, PolicySource
from ghapp.core.review import configuration as review
from ghapp.core.review.configuration import Standing
from ghapp.core.review.judge import Ask
from ghapp.core.scan import configuration as scan
from ghapp.core.scan.configuration import Rules, TreeFile, Wanted
from ghapp.core.scan.patch import cut_short
from ghapp.core.text.configuration import commands
from ghapp.core.text.configuration import issue as issue_of
from ghapp.errors import Gone, Lag, Rejected, Wait
from ghapp.github.api import together
from ghapp.store import Store, configurations
from ghapp.store.configurations import Found, Outcome, Recalled
from ghapp.store.history import recall
from ghapp.worker.threads import Threads, deadline

T = TypeVar("T")

# Files that are read together, searched together and stored together.
AT_ONCE = 10
# How long one run reads. Between runs other keys have their turn.
READING_SECONDS = 60.0
# Of one file. What exceeds this is not searched.
FILE_SECONDS = 2.0
# After the budget has run out, some of it is back.
LEAST_WAIT_SECONDS = 300.0
# How often a run waits for an issue that may have been opened and that is not listed.
UNSEEN_WAITS = 3
MOST_COMPARED = 10  # files of a pull, in which it may have fixed something
REFUSED_FOR = timedelta(days=7)  # how long the issue shows a comment without effect
OTHERS_SECONDS = 10.0  # until the next attempt, while other repositories are searched


class Trees(Protocol):
    """Reads a whole tree, and writes the issue. All raise Gone, Retry and Wait."""

    async def configured(
        self, repository: Repository, history: History, rules: PolicyRules
    ) -> PolicySource: ...
    async def all_files(self, repository: Repository) -> tuple[tuple[TreeFile, ...], bool]: ...
    async def text(self, repository: Repository, sha: str) -> str | None: ...
    async def rights(
        self, repository: Repository, asks: Mapping[str, Ask]
    ) -> Mapping[str, Rights]: ...
    async def own_issue(self, repository: Repository, label: str) -> int: ...
    async def put_issue(
        self, repository: Repository, number: int, issue: Issue, newest: timedelta | None
    ) -> int | None: ...
    async def acknowledge(self, repository: Repository, comment_id: int, content: str) -> None: ...
    async def answer_on_issue(self, repository: Repository, reply: Reply) -> None: ...


class Contents(Protocol):
    """Reads the new versions of files that a pull changes."""

    async def contents(self, key: PullKey, files: tuple[File, ...]) -> Mapping[str, str | None]: ...


async def answer(
    claim: Claim,
    key: ConfigurationKey,
    github: Trees,
    store: Store,
    rules: PolicyRules,
    threads: Threads,
) -> tuple[str, ...]:
    """Bring the issue in line, and give the key back; the names of what was done.

    Raises Retry, Wait, Gone and LeaseLost; then the key is not given back.
    """
    place, records = key.repository, store.records
    history = await records.read(recall, key)
    known = await records.read(configurations.recall, place.id)
    if known.wanted and threads.searches.locked() and not history.messages:
        text = f"{place.full_name}: other repositories are being searched"
        raise Wait(text, after_seconds=OTHERS_SECONDS)
    source = await github.configured(place, history, rules)
    policy = (await threads.run(place, effective, source, rules)).on(known.now)
    entries = await _judged(history.messages, policy, place, known, github)
    await records.write(
        configurations.admit,
        claim,
        key,
        None if source is history.policy else source,
        history.organisation_drops,
        entries,
        [one.id for one in history.messages],
    )
    if policy.scan == "off":
        await records.write(configurations.skip, claim, place.id)
        return ()
    done = list[str]()
    searched = scan.rules_of(policy)
    if known.wanted:
        async with threads.searches:
            await _search(claim, place, searched, known, github, store, threads)
        known = await records.read(configurations.recall, place.id)
        done.append("Search")
    now = known.now.astimezone(policy.working_time.zone)
    standing = _standing(known, (*history.ledger, *entries), now)
    monday = configurations.monday_of(now)
    await records.write(configurations.count, place.id, monday, standing.counts())
    if policy.writes and (known.issue or known.findings):
        details = rules.details(key)
        issue = await threads.run(place, issue_of, standing, searched.hazards, policy, details)
        newest = known.now - standing.newest if standing.newest else None
        done += await _put(claim, place, issue, newest, known, history, github, store)
    await records.write(configurations.end, claim)
    return tuple(done)


def _standing(known: Recalled, ledger: tuple[Entry, ...], now: datetime) -> Standing:
    refused = (one for one in ledger if one.verb is Verb.REFUSED)
    return Standing(
        findings=tuple(sorted(known.findings, key=review.rank)),
        accepted=review.acceptances(ledger, now.date()),
        searched_at=known.searched_at,
        before=known.before,
        files=known.files,
        unread=known.unread,
        complete=not known.is_partial,
        refused=tuple(one for one in refused if now - one.said_at < REFUSED_FOR),
    )


async def _judged(
    messages: tuple[Message, ...],
    policy: Policy,
    place: Repository,
    known: Recalled,
    github: Trees,
) -> tuple[Entry, ...]:
    """The entries that new comments make; each comment is acknowledged by a reaction first.

    A reaction may be repeated, so that none is lost if the run ends in between. A reply to whoever
    asked for help is looked for before it is written.
    """
    owner = place.full_name.partition("/")[0]
    asked = review.asks(messages, policy, owner)
    rights = await github.rights(place, asked) if asked else {}
    today = known.now.astimezone(policy.working_time.zone).date()
    entries = review.judged(messages, policy, rights, owner, known.findings, today)
    given: dict[int, set[Verb]] = {}
    for one in entries:
        given.setdefault(one.comment_id, set()).add(one.verb)
    for comment_id, verbs in given.items():
        content = "eyes" if verbs == {Verb.HELP} else "+1"
        with suppress(Rejected):  # as in a locked conversation
            reaction = "confused" if Verb.REFUSED in verbs else content
            await github.acknowledge(place, comment_id, reaction)
    text = commands(Words(policy.language))
    helped = {one.speaker: one for one in entries if one.verb is Verb.HELP and policy.writes}
    for one in helped.values():
        topic = f"{one.verb.value}:{one.speaker.lower()}"
        with suppress(Rejected, Gone):  # as of an issue that is deleted by now
            await github.answer_on_issue(place, Reply(topic, one.message_id, text, issue=one.issue))
    return entries


async def _search(
    claim: Claim,
    place: Repository,
    rules: Rules,
    known: Recalled,
    github: Trees,
    store: Store,
    threads: Threads,
) -> None:
    """Search the tree, and record the outcome. Raises Wait also if the next run is to go on."""
    until = time.monotonic() + READING_SECONDS
    files, complete = await _patient(github.all_files(place))
    listed = await threads.run(place, wanted, rules, files)
    before = await store.records.read(configurations.spots, place.id)
    found = dict(before)
    read_text = partial(_text, github, place)
    async for some in read(place, rules, listed, before, read_text, threads):
        found |= some
        await store.records.write(configurations.keep_spots, claim, place.id, some)
        if time.monotonic() > until:
            raise Wait(f"{place.full_name}: the search goes on", after_seconds=1.0)
    outcome = await threads.run(place, _outcome, rules, listed, found, known, complete)
    await store.records.write(configurations.searched, claim, place.id, outcome)


async def _text(github: Trees, place: Repository, sha: str) -> str | None:
    return await _patient(github.text(place, sha))


async def _patient(reading: Awaitable[T]) -> T:
    """What is read. If the budget is used up, Wait says to leave it alone for some minutes."""
    try:
        return await reading
    except Wait as wait:
        raise Wait(str(wait), after_seconds=max(wait.after_seconds, LEAST_WAIT_SECONDS)) from wait


def wanted(rules: Rules, files: Iterable[TreeFile]) -> tuple[Wanted, ...]:
    """The files that are searched."""
    return tuple(scan.wanted(rules, files))


async def read(
    place: Repository,
    rules: Rules,
    listed: Iterable[Wanted],
    known: Found,
    text: Callable[[str], Awaitable[str | None]],
    threads: Threads,
) -> AsyncIterator[Found]:
    """What is found in the files that are not known, a few at a time; each content is read once.

    Files that are too large, or that GitHub refuses, are left out. text: reads one by its SHA.
    Raises as `text`.
    """
    missing: dict[str, dict[str, str]] = {}  # SHA -> reading -> a path that has both
    for one in listed:
        if one.key not in known and one.file.size <= scan.MOST_BYTES:
            missing.setdefault(one.file.sha, {}).setdefault(one.reading, one.file.path)
    shas = tuple(missing)
    for start in range(0, len(shas), AT_ONCE):
        some = shas[start : start + AT_ONCE]
        texts = await together(map(text, some))
        rows = [
            (sha, reading, path, content)
            for sha, content in zip(some, texts, strict=True)
            if content is not None
            for reading, path in missing[sha].items()
        ]
        yield await threads.run(place, _spots, rules, rows)


def _spots(rules: Rules, rows: Iterable[tuple[str, str, str, str]]) -> Found:
    return {
        (sha, reading): scan.spots(rules, path, content, deadline(FILE_SECONDS))
        for sha, reading, path, content in rows
    }


def results(
    rules: Rules, listed: Iterable[Wanted], found: Found
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """All findings, and the paths of the files that were not searched in full."""
    findings, unread = list[Finding](), list[str]()
    for one in listed:
        spots = found.get(one.key)
        if spots is None:
            unread.append(one.file.path)
            continue
        made = (rules.finding(one.file.path, spot) for spot in spots)
        findings += [finding for finding in made if finding]
    return tuple(findings), tuple(unread)


def _outcome(
    rules: Rules, listed: tuple[Wanted, ...], found: Found, known: Recalled, complete: bool
) -> Outcome:
    findings, unread = results(rules, listed, found)
    after = review.tracked(
        known.findings, findings, known.now, unsearched=frozenset(unread), complete=complete
    )
    used = {one.key for one in listed}
    return Outcome(
        at=known.now,
        findings=after,
        files=len(listed),
        unread=unread,
        is_partial=not complete,
        legend={one.hazard: one.message for one in findings},
        unused=tuple(key for key in found if key not in used),
    )


async def _put(
    claim: Claim,
    place: Repository,
    issue: Issue,
    newest: timedelta | None,
    known: Recalled,
    history: History,
    github: Trees,
    store: Store,
) -> list[str]:
    """Write the issue if it has another text; the names of what was written.

    newest: how long ago the newest finding was first found. An issue that was closed later stays
    closed, and is tried again in the next run. Raises Lag (one may have been opened that is not
    listed yet).
    """
    digest = hashlib.sha256(f"{issue.title}\0{issue.body}".encode()).hexdigest()
    if digest == known.written:
        return []
    number, name = known.issue, issue.label[0]
    if not number:
        number = await github.own_issue(place, name)
        if not number and history.unresolved and history.waited < UNSEEN_WAITS:
            text = f"{place.full_name}: an issue may have been opened and is not visible yet"
            raise Lag(text, after_seconds=2.0**history.waited)
    await store.records.write(configurations.intend, claim, number, issue)
    try:
        written = await github.put_issue(place, number, issue, newest)
        if written == 0 and number:  # it was deleted
            written = await github.put_issue(place, 0, issue, newest)
    except Rejected:  # tried again once the text is another one
        written = number
    if written is None:
        await store.records.write(configurations.wrote, claim, place.id, number, known.written)
        return []
    await store.records.write(configurations.wrote, claim, place.id, written, digest)
    return ["EditIssue" if written and written == number else "OpenIssue"]


async def fixed(
    pull: Pull, policy: Policy, github: Contents, store: Store, threads: Threads
) -> tuple[tuple[str, str], ...]:
    """The findings that a pull removes, as (hazard, path), in the order of its files.

    Only files in which a search has found something are read, so most pulls cost no call. What else
    changed on the default branch does not count: a file is compared with what the pull's own diff
    says that it was. Raises Gone, Retry and Wait.
    """
    if policy.scan == "off":
        return ()
    touched = [one for one in pull.files if one.status != "added" and one.patch]
    if not touched:
        return ()
    place = pull.key.repository
    paths = await store.records.read(configurations.open_paths, place.id)
    files = [one for one in touched if (one.previous_path or one.path) in paths]
    if not files:
        return ()
    some = tuple(files[:MOST_COMPARED])
    texts = await github.contents(pull.key, some)
    return await threads.run(place, _fixed, policy, some, texts)


def _fixed(
    policy: Policy, files: tuple[File, ...], texts: Mapping[str, str | None]
) -> tuple[tuple[str, str], ...]:
    rules, found = scan.rules_of(policy), list[tuple[str, str]]()
    for file in files:
        text = "" if file.status == "removed" else texts.get(file.path)
        old = None if text is None or cut_short(file) else scan.before(file.patch, text)
        if old is None or text is None:
            continue
        was = scan.spots(rules, file.previous_path or file.path, old, deadline(FILE_SECONDS))
        now = scan.spots(rules, file.path, text, deadline(FILE_SECONDS)) if text else ()
        if was is not None and now is not None:
            found += [(one.hazard, file.path) for one in scan.fixed(was, now)]
    return tuple(found)
