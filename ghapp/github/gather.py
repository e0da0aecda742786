"""A key -> the facts a pull is judged by, all of one head; nothing is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ghapp.core.facts import Facts
from ghapp.core.memory import Past, PolicySource
from ghapp.core.model import Pull, PullKey
from ghapp.core.policy import POLICY_PATH, Rules, effective, problems_of
from ghapp.core.rights import asks
from ghapp.errors import Gone, Retry
from ghapp.github import labels, readback, reading, rights
from ghapp.github.installation import PAGE, Installation, both, together
from ghapp.github.readback import Observed
from ghapp.github.reading import MOST_FILES, FileRow

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
    api: Installation, key: PullKey, past: Past, rules: Rules, whose: Whose, clock: datetime
) -> Facts:
    """The facts. clock: GitHub's, by which the policy's age is told.

    Raises Gone (no such pull for us) and Retry (also where reads lag behind a delivery).
    """
    (pull, now), source = await both(_pull(api, key, past), _source(api, key, past, rules, clock))
    policy = effective(source, rules)
    ours = labels.compared(pull, policy.labels.values(), past)
    observed, spoken = await both(
        _observed(api, past, pull, whose), labels.said(api, past, pull, ours, whose.bot_login)
    )
    said = tuple(sorted((*past.utterances, *spoken), key=lambda one: one.said_at))
    held = await rights.read(api, key.repository, asks(said, policy, pull))
    return Facts(
        now=now,
        pull=pull,
        policy=policy,
        source=source,
        utterances=said,
        rights=held,
        observed=replace(observed.marks, labels=ours.there),
        written=observed.written,
        found_at=observed.found_at,
    )


async def _pull(api: Installation, key: PullKey, past: Past) -> tuple[Pull, datetime]:
    """The pull with files of the same head, and GitHub's clock."""
    await api.permissions()  # an installation that is gone says so here, at once
    pages = _pages(past.changed_files)
    for _ in range(ROUNDS):
        (pull, now), rows = await _first(api, key, past, pages)
        _not_behind(pull, past)
        further = range(pages + 1, _pages(pull.changed_files) + 1)
        rows += await _files(api, key, further)
        if _of_one_head(pull, rows):
            return _whole(pull, rows), now
        pages = _pages(pull.changed_files)
    raise Retry(
        f"{key}: pull and files were not of one head in {ROUNDS} readings",
        after_seconds=MOVING_SECONDS,
        counts=past.waited >= PATIENCE,
    )


async def _first(
    api: Installation, key: PullKey, past: Past, pages: int
) -> tuple[tuple[Pull, datetime], list[FileRow]]:
    """The pull and its first pages of files. Raises Retry (not there yet, says a new delivery)."""
    try:
        return await both(reading.pull(api, key), _files(api, key, range(1, pages + 1)))
    except Gone as gone:
        if past.fresh_at is None or past.waited >= NOT_THERE_WAITS:
            raise
        raise Retry(str(gone), after_seconds=2.0**past.waited, counts=False) from gone


async def _files(api: Installation, key: PullKey, pages: Iterable[int]) -> list[FileRow]:
    found = await together(reading.file_page(api, key, page) for page in pages)
    return [row for page in found for row in page]


def _pages(files: int) -> int:
    return max(1, -(-min(files, MOST_FILES) // PAGE))


def _not_behind(pull: Pull, past: Past) -> None:
    """Raises Retry (the read is older than what a delivery told)."""
    if past.fresh_at and pull.updated_at < past.fresh_at:
        raise Retry(
            f"{pull.key}: GitHub still reads as of {pull.updated_at}, not {past.fresh_at}",
            after_seconds=min(2.0 ** min(past.waited, 10), MOST_LAG_SECONDS),
            counts=past.waited >= PATIENCE,
        )


def _of_one_head(pull: Pull, rows: list[FileRow]) -> bool:
    counted = len(rows) == pull.changed_files or pull.changed_files >= MOST_FILES
    return counted and all(row.of_head(pull.head_sha) for row in rows)


def _whole(pull: Pull, rows: list[FileRow]) -> Pull:
    files = sorted(map(reading.file, rows), key=lambda file: file.path)
    return replace(pull, files=tuple(files), complete=pull.changed_files < MOST_FILES)


async def _source(
    api: Installation, key: PullKey, past: Past, rules: Rules, clock: datetime
) -> PolicySource:
    """The policy file: as remembered while that is young and nobody asks to look, else read."""
    known = past.policy
    young = known and known.read_at and clock - known.read_at < POLICY_AGE
    if known and young and not past.touched:
        return known
    read = await reading.policy_file(api, key.repository, known)
    if read.text is None:
        return replace(read, good=None)
    broken = problems_of(read.text, rules, POLICY_PATH)
    return read if broken else replace(read, good=read.text)


async def _observed(api: Installation, past: Past, pull: Pull, whose: Whose) -> Observed:
    if readback.doubtful(past):
        return await readback.read(api, past, pull, whose.app_id)
    return readback.remembered(past)
