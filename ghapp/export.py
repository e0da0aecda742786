"""`ghapp export`: what is recorded of reviews -> a file for an audit, as CSV or JSON Lines."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import IO

from ghapp import builtin_packs
from ghapp.core.areas import Area
from ghapp.core.ledger import Entry, Verb
from ghapp.core.markdown import seen
from ghapp.core.model import Channel
from ghapp.core.policy.policy import effective
from ghapp.core.text.self_review import Period, Yearly
from ghapp.errors import Busy, StoreFailed, WrongDatabase, WrongSetting
from ghapp.settings import Settings
from ghapp.store import Store, audit, stats
from ghapp.store.audit import FollowUpRow, Of, ReviewRow
from ghapp.store.self_review import self_review
from ghapp.terminal import wrong

GOOD, FAILED = 0, 1  # exit statuses
COMMAND = "ghapp export"
# Verbs whose subject is a question. That of the others is an area, or nothing.
ANSWERS = frozenset(
    {Verb.CHECK, Verb.UNCHECK, Verb.NA, Verb.DEFER, Verb.CLOSE, Verb.INCIDENT, Verb.UNLINK}
)
GIVEN = frozenset({Verb.CHECK, Verb.NA, Verb.DEFER})
YEAR_DAYS = 365
ANCHORS: Mapping[Channel, str] = {
    Channel.COMMENT: "#issuecomment-",
    Channel.TICK: "#issuecomment-",
    Channel.REVIEW: "#pullrequestreview-",
    Channel.APPROVAL: "#pullrequestreview-",
    Channel.REVIEW_COMMENT: "#discussion_r",
}
# A spreadsheet takes a cell that begins so for a formula; a Japanese one also the last four.
# Source: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the export; the names are its columns, and a promise.

    docs/operations.md describes them.
    """

    kind: str
    when: str
    repository: str
    pull: int
    who: str = ""
    who_id: int = 0
    id: str = ""
    right: str = ""
    channel: str = ""
    verb: str = ""
    subject: str = ""
    area: str = ""
    head: str = ""
    fingerprint: str = ""
    note: str = ""
    state: str = ""
    refusal: str = ""
    open_musts: tuple[str, ...] = ()
    due: str = ""
    owner: str = ""
    issue: int = 0
    url: str = ""
    repository_id: int = 0


COLUMNS = tuple(Record.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export. since, until: the first and the last day, in UTC; None for no bound.

    repository: "OWNER/REPO", "" for all.
    """

    since: date | None = None
    until: date | None = None
    repository: str = ""

    def holds(self, when: datetime) -> bool:
        """Whether a time is within the days."""
        day = when.astimezone(UTC).date()
        return (self.since or day) <= day <= (self.until or day)


def run(settings: Settings, wanted: Wanted, format: str, output: Path | None) -> int:
    """Writes the export to a file of mode 0600, or to standard output.

    format: csv | json, which is JSON Lines. The file appears, or is replaced, once it is complete.
    The result is the exit status: 0 written, 1 the database is out of reach, 2 wrong use or an
    output that cannot be written.
    """
    if settings.file and not settings.file.exists():
        text = f"{settings.file} does not exist: nothing has been recorded with these settings"
        return wrong(f"{COMMAND}: {settings.database_variable}: {text}")
    try:
        with _opened(output) as file:
            asyncio.run(_export(settings, wanted, FORMATS[format], file))
    except (
        BrokenPipeError
    ):  # the reader has closed; writing the rest of the buffer would fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        return wrong(f"{COMMAND}: cannot write {output or 'the output'}: {error.strerror}")
    except WrongSetting as error:
        return wrong(f"{COMMAND}: {error}")
    except (Busy, StoreFailed, WrongDatabase) as error:
        wrong(f"{COMMAND}: {settings.database_variable}: {error}")
        return FAILED
    return GOOD


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    """Where to write; a file beside `output` that takes its place at the end."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    number, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)  # mode 0600
    try:
        with os.fdopen(number, "wb") as file:
            yield file
        Path(name).replace(output)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


async def _export(
    settings: Settings, wanted: Wanted, encoded: Callable[[Record], str], file: IO[bytes]
) -> None:
    store = await Store.open(settings.database_url, migrate=False)
    try:
        within = None
        if wanted.repository:
            within = await store.records.read(audit.ids_of, wanted.repository)
            if not within:
                raise WrongSetting(_unknown(wanted.repository, await _names(store)))
        if encoded is as_csv:
            file.write(_csv_line(COLUMNS).encode())
        async for record in _records(store, settings, within):
            if not record.when or wanted.holds(datetime.fromisoformat(record.when)):
                file.write(encoded(record).encode())
    finally:
        await store.close()


def yearly(settings: Settings, last: date | None, repository: str = "") -> Yearly:
    """The self-review of the year until that day, beside the year before; None for today.

    Raises WrongSetting, Busy and StoreFailed (the database).
    """
    return asyncio.run(_yearly(settings, last, repository))


async def _yearly(settings: Settings, last: date | None, repository: str) -> Yearly:
    if settings.file and not settings.file.exists():
        text = f"{settings.file} does not exist: nothing has been recorded with these settings"
        raise WrongSetting(f"{settings.database_variable}: {text}")
    try:
        store = await Store.open(settings.database_url, migrate=False)
    except WrongDatabase as error:
        raise WrongSetting(f"{settings.database_variable}: {error}") from error
    try:
        read, within, zone = store.records.read, None, settings.timezone
        if repository:
            within = await read(audit.ids_of, repository)
            if not within:
                raise WrongSetting(_unknown(repository, await _names(store)))
        day = last or (await read(stats.now)).astimezone(zone).date()
        ends = [day, day - timedelta(days=YEAR_DAYS)]
        given = [[0, 0] for _ in ends]
        row = 0
        while entries := await read(audit.entries, row, within):
            for one in entries:
                age = (day - one.entry.said_at.astimezone(zone).date()).days
                if one.entry.verb in GIVEN and 0 <= age < YEAR_DAYS * len(ends):
                    given[age // YEAR_DAYS][0] += 1
                    given[age // YEAR_DAYS][1] += bool(one.entry.note)
            row = entries[-1].row
        seen, periods = frozenset(within) if within else None, []
        for end, (answered, worded) in zip(ends, given, strict=True):
            first = end - timedelta(days=YEAR_DAYS - 1)
            found = await read(self_review, seen, first, end, zone)
            periods.append(Period(first, end, replace(found, answered=answered, worded=worded)))
        return Yearly(periods[0], periods[1], repository)
    finally:
        await store.close()


async def _names(store: Store) -> Mapping[int, str]:
    return await store.records.read(audit.repositories)


def _unknown(name: str, known: Mapping[int, str]) -> str:
    near = get_close_matches(name, known.values(), n=1)
    hint = f"did you mean {seen(near[0])}?" if near else "write it as OWNER/REPO"
    return f"--repository {name}: no pull request of it is recorded; {hint}"


async def _records(
    store: Store, settings: Settings, within: tuple[int, ...] | None
) -> AsyncIterator[Record]:
    """All records, kind by kind, each kind in a stable order."""
    read, rules = store.records.read, builtin_packs.rules(settings.default_mode, settings.timezone)
    naming = Naming(settings.web_url, await _names(store))
    row = 0
    while entries := await read(audit.entries, row, within):
        for one in entries:
            if naming.lacks(one.of):
                source = await read(audit.policy, one.of)
                naming.learn(one.of, effective(source, rules).areas if source else ())
            yield naming.entry("entry", one.of, one.entry)
        row = entries[-1].row
    place = ("", "")
    while follow_ups := await read(audit.follow_ups, *place, within):
        for follow_up in follow_ups:
            yield naming.follow_up(follow_up)
        place = follow_ups[-1].key, follow_ups[-1].follow_up.item
    key = ""
    while reviews := await read(audit.reviews, key, within):
        for review in reviews:
            yield naming.review(review)
        key = reviews[-1].key


class Naming:
    """Makes records of rows, with names and addresses for their ids.

    web_url: of GitHub's pages. repositories: names by id.
    """

    def __init__(self, web_url: str, repositories: Mapping[int, str]) -> None:
        self._web_url, self._repositories = web_url, repositories
        self._builtin = {i.id: area.id for area in builtin_packs.builtin() for i in area.items}
        # By repository, the areas of the questions that only its own policy has.
        self._own: dict[int, Mapping[str, str]] = {}

    def lacks(self, of: Of) -> bool:
        """Whether the questions of this repository are not known yet."""
        return of.repository_id not in self._own

    def learn(self, of: Of, areas: Iterable[Area]) -> None:
        """The areas in force in this repository."""
        self._own[of.repository_id] = {
            item.id: area.id
            for area in areas
            for item in area.items
            if self._builtin.get(item.id) != area.id
        }

    def entry(self, kind: str, of: Of, entry: Entry) -> Record:
        """A judged message, or one part of it."""
        area = entry.subject
        if entry.verb in ANSWERS:
            own = self._own.get(of.repository_id, {})
            area = own.get(area) or self._builtin.get(area, "")
        anchor = ANCHORS.get(entry.channel, "")
        url = self._url(of, entry.issue)
        return Record(
            kind=kind,
            when=_time(entry.said_at),
            repository=self._repositories.get(of.repository_id, ""),
            pull=of.number,
            who=entry.speaker,
            who_id=entry.speaker_id,
            id=entry.id,
            right=entry.right,
            channel=entry.channel,
            verb=entry.verb,
            subject=entry.subject,
            area=area,
            head=entry.head_sha,
            fingerprint=entry.fingerprint,
            note=entry.note,
            refusal=entry.refusal.reason if entry.refusal else "",
            open_musts=entry.open_musts,
            due=entry.until,
            owner=entry.owner,
            url=f"{url}{anchor}{entry.comment_id}" if anchor and entry.comment_id else url,
            repository_id=of.repository_id,
        )

    def follow_up(self, row: FollowUpRow) -> Record:
        """A deferred question as it is now; who deferred it, and when, is that of its deferral."""
        one = row.follow_up
        record = self._bare("follow_up", row.of)
        if row.deferred:
            record = self.entry("follow_up", row.of, row.deferred)
        issues = self._url(row.of).replace(f"/pull/{row.of.number}", f"/issues/{one.issue}")
        return replace(
            record,
            subject=one.item,
            area=one.area,
            note=one.reason,
            state="open" if one.is_open else "closed",
            due=one.due,
            owner=one.owner,
            issue=one.issue,
            url=issues if one.issue else record.url,
        )

    def review(self, row: ReviewRow) -> Record:
        """A pull request as its last run left it."""
        verdict = row.verdict
        return replace(
            self._bare("review", row.of),
            when=_time(row.updated_at),
            head=verdict.head_sha,
            note=verdict.title,
            state=row.state,
        )

    def _bare(self, kind: str, of: Of) -> Record:
        name = self._repositories.get(of.repository_id, "")
        return Record(kind, "", name, of.number, url=self._url(of), repository_id=of.repository_id)

    def _url(self, of: Of, issue: int = 0) -> str:
        """Of the pull, or of the issue of this number."""
        name = self._repositories.get(of.repository_id, "")
        place = f"issues/{issue}" if issue else f"pull/{of.number}"
        return f"{self._web_url}/{name}/{place}" if name else ""


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def as_csv(record: Record) -> str:
    """A line of RFC 4180, in which no cell is a formula."""
    return _csv_line([_cell(value) for value in _values(record).values()])


def as_json(record: Record) -> str:
    """An object on a line of its own."""
    return json.dumps(_values(record), ensure_ascii=False) + "\n"


FORMATS: Mapping[str, Callable[[Record], str]] = {"csv": as_csv, "json": as_json}


def _values(record: Record) -> dict[str, object]:
    """By column. Texts hold no line breaks, and nothing that a terminal would obey."""
    values = {name: getattr(record, name) for name in COLUMNS}
    return {name: seen(one) if isinstance(one, str) else one for name, one in values.items()}


def _cell(value: object) -> str:
    text = " ".join(value) if isinstance(value, tuple) else str(value or "")
    return f"'{text}" if text.lstrip()[:1] in FORMULA else text


def _csv_line(cells: Iterable[str]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
