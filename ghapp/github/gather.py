"""A key -> the facts a pull is judged by, all of one head; nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ghapp.core.model import Channel, Message, Pull, PullKey
from ghapp.core.policy.policy import Policy, Rules, effective, problems_of
from ghapp.core.records import History, PolicySource
from ghapp.core.review.facts import Facts
from ghapp.core.review.judge import asks
from ghapp.core.scan.patch import perhaps_new
from ghapp.errors import Gone, Retry
from ghapp.github import endpoints, people, policies, readback
from ghapp.github.api import PAGE, Installation, both, together
from ghapp.github.endpoints import MOST_FILES, FileRow, PullRead
from ghapp.github.readback import LOOKING, Observed
from ghapp.github.transport import TOTAL_SECONDS

ROUNDS = 3
MOVING_SECONDS, MOST_LAG_SECONDS = 2.0, 30.0
# So often in a row reads may lag before it counts as a failure, which in the end people see.
PATIENCE = 10
# So often a pull that a delivery spoke of is waited for where reads know nothing of it.
NOT_THERE_WAITS = 4
POLICY_AGE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Whose:
    """Who we are on GitHub: by these our own marks and deeds are told from others'."""

    app_id: int
    bot_login: str


async def gather(
    api: Installation, key: PullKey, history: History, rules: Rules, whose: Whose, clock: datetime
) -> Facts:
    """The facts. clock: GitHub's, by which the policy's age is told.

    Raises Gone (no such pull for us) and Retry (also where reads lag behind a delivery).
    """
    read, source = await both(_pull(api, key, history), _source(api, key, history, rules, clock))
    try:
        return await _facts(api, history, rules, whose, read, source)
    except Gone as gone:  # the pull is there, so what belongs to it is not to be seen yet
        seconds = min(2.0 ** min(history.waited, 10), MOST_LAG_SECONDS)
        counts = history.waited >= NOT_THERE_WAITS
        raise Retry(str(gone), after_seconds=seconds, counts=counts, lags=True) from gone


async def _facts(
    api: Installation,
    history: History,
    rules: Rules,
    whose: Whose,
    read: PullRead,
    source: PolicySource,
) -> Facts:
    pull = read.pull
    policy = effective(source, rules)
    ours = people.compared(pull, policy.labels.values(), history)
    (observed, spoken), new_folders = await both(
        _marks(api, history, pull, policy, ours, whose), _new_folders(api, read)
    )
    heard = (*_placed(history.knowing(observed.earlier)), *spoken, *observed.missed)
    said = tuple(sorted(heard, key=lambda one: one.said_at))
    held = await people.read(api, pull.key.repository, asks(said, policy, pull, history.ledger))
    return Facts(
        now=read.now,
        pull=replace(pull, new_folders=new_folders),
        policy=policy,
        source=source,
        messages=said,
        rights=held,
        observed=replace(observed.marks, labels=ours.there),
        written=observed.written,
        found_at=observed.found_at,
        earlier=observed.earlier,
        follow_ups=observed.follow_ups,
    )


def _placed(history: History) -> tuple[Message, ...]:
    """What deliveries told, buttons behind what they were pressed on, and what had led to that.

    A button's time is when GitHub completed the run, which is before it answered us that it had.
    """
    return tuple(
        replace(said, said_at=_shown_at(said, history)) if said.channel is Channel.BUTTON else said
        for said in history.messages
    )


def _shown_at(said: Message, history: History) -> datetime:
    until = said.said_at + timedelta(seconds=TOTAL_SECONDS)
    times = (one.accepted_at for one in history.shown if one.head_sha == said.head_sha)
    return max((said.said_at, *(time for time in times if time <= until))) + LOOKING


async def _pull(api: Installation, key: PullKey, history: History) -> PullRead:
    """The pull with files of the same head."""
    await api.permissions()  # an installation that is gone says so here, at once
    pages = _pages(history.changed_files)
    for _ in range(ROUNDS):
        read, rows = await _first(api, key, history, pages)
        pull = read.pull
        _not_behind(pull, history)
        further = range(pages + 1, _pages(pull.changed_files) + 1)
        rows += await _files(api, key, further)
        if _of_one_head(pull, rows):
            return replace(read, pull=_whole(pull, rows))
        pages = _pages(pull.changed_files)
    raise Retry(
        f"{key}: pull and files were not of one head in {ROUNDS} readings",
        after_seconds=MOVING_SECONDS,
        counts=history.waited >= PATIENCE,
        lags=True,
    )


async def _first(
    api: Installation, key: PullKey, history: History, pages: int
) -> tuple[PullRead, list[FileRow]]:
    """The pull and its first pages of files. Raises Retry (not there yet, says a new delivery)."""
    try:
        return await both(endpoints.pull(api, key), _files(api, key, range(1, pages + 1)))
    except Gone as gone:
        if history.fresh_at is None or history.waited >= NOT_THERE_WAITS:
            raise
        raise Retry(str(gone), after_seconds=2.0**history.waited, counts=False, lags=True) from gone


async def _files(api: Installation, key: PullKey, pages: Iterable[int]) -> list[FileRow]:
    found = await together(endpoints.file_page(api, key, page) for page in pages)
    return [row for page in found for row in page]


def _pages(files: int) -> int:
    return max(1, -(-min(files, MOST_FILES) // PAGE))


def _not_behind(pull: Pull, history: History) -> None:
    """Raises Retry (the read is older than what a delivery told, or a run has read)."""
    known = [at for at in (history.fresh_at, history.seen_at) if at]
    if known and pull.updated_at < max(known):
        raise Retry(
            f"{pull.key}: GitHub still reads as of {pull.updated_at}, not {max(known)}",
            after_seconds=min(2.0 ** min(history.waited, 10), MOST_LAG_SECONDS),
            counts=history.waited >= PATIENCE,
            lags=True,
        )


def _of_one_head(pull: Pull, rows: list[FileRow]) -> bool:
    listed = len({row.filename for row in rows})  # a page told twice is not another one
    counted = listed == pull.changed_files or pull.changed_files >= MOST_FILES
    return counted and all(row.of_head(pull.head_sha) for row in rows)


def _whole(pull: Pull, rows: list[FileRow]) -> Pull:
    files = sorted(map(endpoints.file, rows), key=lambda file: file.path)
    return replace(pull, files=tuple(files), complete=pull.changed_files < MOST_FILES)


async def _new_folders(api: Installation, read: PullRead) -> frozenset[str]:
    """The folders at the top that the base branch lacks; one more read at most for each base."""
    possible = perhaps_new(read.pull.files) if read.pull.complete else frozenset()
    if not possible or not read.base_sha:
        return frozenset()
    there = await endpoints.top_folders(api, read.pull.key.repository, read.base_sha)
    # Where GitHub lists some or none, any folder may be there: none is called new on a guess.
    return frozenset() if there is None else possible - there


async def _source(
    api: Installation, key: PullKey, history: History, rules: Rules, clock: datetime
) -> PolicySource:
    """The policy: as remembered while that is young and nobody asks to look, else read."""
    source = history.policy
    young = source and source.read_at and clock - source.read_at < POLICY_AGE
    if source is None or not young or history.touched:
        read = await policies.read(api, key.repository, source)
        source = await asyncio.to_thread(_judged, read, rules)
    if source.packs:  # many take a while to work out: off the event loop, and then remembered
        await asyncio.to_thread(effective, source, rules)
    return source


def _judged(read: PolicySource, rules: Rules) -> PolicySource:
    """What was read, and as the last good version where it is without problems."""
    if read.text is None:
        return replace(read, good=None, good_packs=())
    broken = problems_of(read.text, rules, packs=read.packs)
    return read if broken else replace(read, good=read.text, good_packs=read.packs)


async def _marks(
    api: Installation,
    history: History,
    pull: Pull,
    policy: Policy,
    ours: people.Labels,
    whose: Whose,
) -> tuple[Observed, tuple[Message, ...]]:
    """Our marks as they are, and what people said by labels."""
    return await both(
        _observed(api, history, pull, policy, whose),
        people.said(api, history, pull, ours, whose.bot_login),
    )


async def _observed(
    api: Installation, history: History, pull: Pull, policy: Policy, whose: Whose
) -> Observed:
    if readback.doubtful(history):
        return await readback.read(api, history, pull, policy, whose.app_id, whose.bot_login)
    return readback.remembered(history)
