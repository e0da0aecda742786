"""The pulls of a repository that have changed since runs last read them.

If none has, one call answered 304. Source: https://docs.github.com/rest/pulls/pulls#list-pull-requests
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from ghapp.core.model import PullKey, Repository
from ghapp.github.api import PAGE, Installation, Listing, Moved, keep, last_page
from ghapp.github.endpoints import at
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
