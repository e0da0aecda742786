"""The pulls of a repository: those that changed since runs last read them, and samples of them.

If none has changed, one call answered 304. Source: https://docs.github.com/rest/pulls/pulls#list-pull-requests
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from ghapp.core.model import File, Pull, PullKey, Repository
from ghapp.github import endpoints
from ghapp.github.api import PAGE, Installation, Listing, Moved, keep, last_page
from ghapp.github.endpoints import FileRow, LabelRow, User, at
from ghapp.github.errors import Answer, decoded
from ghapp.github.host import Request
from ghapp.github.rate_limits import Importance

MOST_PAGES = 10

Seen = Mapping[int, datetime]


class _Row(msgspec.Struct):
    number: int
    state: str
    updated_at: datetime

    @property
    def moved(self) -> Moved:
        return Moved(self.number, self.updated_at, self.state == "open")


async def pulls(api: Installation, repository: Repository, seen: Seen) -> tuple[PullKey, ...]:
    """Pulls that changed after a run read them, and open ones never read; oldest change first.

    A pull is returned each time until a run has read it, because runs may fail. A closed pull that
    was never read needs nothing from us.

    seen: pull -> its `updated_at` when a run last read it. Raises Gone, Retry and Wait.
    """
    known = api.cache.pulls
    before = known.get(repository.id)
    rows, answer = await _page(api, repository, 1, etag=before.etag if before else "")
    if answer.status == 304 and before:
        moved = _moved_pulls(before.moved, seen)
        keep(known, repository.id, Listing(before.etag, before.newest, moved))
    else:
        further, enough = await _further_rows(api, repository, (rows, answer), seen, before)
        if before is None or not enough:
            path = at(repository, "pulls?state=open&sort=created&direction=asc")
            further = [row.moved for row in await api.rows(path, _Row)] + further
        moved = _moved_pulls((*(before.moved if before else ()), *further, *rows), seen)
        if rows:
            listing = Listing(answer.headers.get("etag", ""), rows[0].updated_at, moved)
            keep(known, repository.id, listing)
    return tuple(PullKey(repository, row.number) for row in moved)


async def _further_rows(
    api: Installation,
    repository: Repository,
    first: tuple[list[Moved], Answer],
    seen: Seen,
    before: Listing | None,
) -> tuple[list[Moved], bool]:
    """The rows of further pages as far as needed, and whether MOST_PAGES were enough for that.

    With a listing from before: down to the newest change that it had. Without one: as long as a
    page has pulls that changed after a run read them; the caller lists all open ones besides.
    """
    rows, answer = first
    found: list[Moved] = []
    for number in range(2, min(last_page(answer), MOST_PAGES) + 1):
        if before and rows and rows[-1].updated_at < before.newest:
            return found, True
        if before is None and not any(_moved(row, seen) and row.number in seen for row in rows):
            return found, True
        rows, _ = await _page(api, repository, number)
        found += rows
    return found, last_page(answer) <= MOST_PAGES


async def _page(
    api: Installation, repository: Repository, number: int, *, etag: str = ""
) -> tuple[list[Moved], Answer]:
    query = f"state=all&sort=updated&direction=desc&per_page={PAGE}&page={number}"
    headers = {"If-None-Match": etag} if etag else {}
    request = Request("GET", at(repository, f"pulls?{query}"), headers=headers)
    answer = await api.send(request, Importance.READ)
    rows = [] if answer.status == 304 else decoded(answer, list[_Row], request)
    return [row.moved for row in rows], answer


def _moved(row: Moved, seen: Seen) -> bool:
    known = seen.get(row.number)
    return row.is_open if known is None else row.updated_at > known


def _moved_pulls(rows: Iterable[Moved], seen: Seen) -> tuple[Moved, ...]:
    """The pulls that moved, each by the newest of its rows."""
    newest: dict[int, Moved] = {}
    for row in rows:
        if row.number not in newest or newest[row.number].updated_at <= row.updated_at:
            newest[row.number] = row
    found = (row for row in newest.values() if _moved(row, seen))
    return tuple(sorted(found, key=lambda row: (row.updated_at, row.number)))


# What conditions may be about and such a list does not have.
UNLISTED = frozenset({"team", "topic", "property"})


class _Side(msgspec.Struct):
    sha: str = ""
    ref: str = ""


class _SampleRow(msgspec.Struct):
    number: int
    title: str
    user: User | None
    state: str
    head: _Side
    base: _Side
    updated_at: datetime
    labels: list[LabelRow] = []
    draft: bool = False
    merged_at: datetime | None = None
    html_url: str = ""


async def listed(
    api: Installation, repository: Repository, state: str, most: int, but: int = 0
) -> tuple[Pull, ...]:
    """Open pulls, or merged ones, without files: the newest changes first. One call.

    state: open | closed; of the closed ones those that were merged, among the last hundred.
    but: the number of a pull that is left out. Raises Gone, Retry, Wait and Rejected.
    """
    query = f"state={state}&sort=updated&direction=desc&per_page={PAGE}"
    request = Request("GET", at(repository, f"pulls?{query}"))
    answer = await api.send(request, Importance.BEST_EFFORT)
    rows = decoded(answer, list[_SampleRow], request)
    wanted = (row for row in rows if row.number != but and (row.merged_at or state == "open"))
    return tuple(
        Pull(
            key=PullKey(repository, row.number),
            title=row.title,
            author=row.user.login if row.user else "ghost",
            head_sha=row.head.sha,
            head_ref=row.head.ref,
            base_ref=row.base.ref,
            updated_at=row.updated_at,
            labels=frozenset(label.name for label in row.labels),
            is_open=row.state == "open",
            is_draft=row.draft,
            is_merged=row.merged_at is not None,
            url=row.html_url,
            author_id=row.user.id if row.user else 0,
            unknown=UNLISTED,
        )
        for row in wanted
    )[:most]


async def first_files(api: Installation, pull: Pull) -> tuple[File, ...]:
    """The first hundred files that the pull changes: one call, or none if they were read before.

    Raises Gone, Retry, Wait and Rejected.
    """
    repository, number = pull.key.repository, pull.key.number
    known, key = api.cache.files, (repository.id, number, pull.head_sha)
    if key in known:
        return known[key]
    path = at(repository, f"pulls/{number}/files?per_page={PAGE}")
    request = Request("GET", path)
    answer = await api.send(request, Importance.BEST_EFFORT)
    rows = decoded(answer, list[FileRow], request)
    files = tuple(map(endpoints.file, sorted(rows, key=lambda row: row.filename)))
    if all(row.of_head(pull.head_sha) for row in rows):  # else somebody has just pushed
        keep(known, key, files)
    return files
