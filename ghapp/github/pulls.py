"""The pulls of a repository that moved since our last look; one call answered 304 where none did.

Source: https://docs.github.com/rest/pulls/pulls#list-pull-requests
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


async def pulls(api: Installation, repository: Repository, seen: Seen) -> tuple[PullKey, ...]:
    """Those that changed after what we saw of them, and open ones never seen; oldest change first.

    seen: pull -> its `updated_at` at our last look. Raises Gone and Retry.

    What moved is named until it is seen: whoever was told may have failed. A pull that is closed
    and was never seen owes us nothing.
    """
    known, key = api.cache.pulls, repository.id
    before = known.get(key)
    rows, answer = await _page(api, repository, "all", 1, etag=before.etag if before else "")
    if answer.status == 304 and before:
        moved = _moving(before.moved, seen)
        keep(known, key, Listing(before.etag, before.newest, moved))
        return _keys(repository, moved)
    more, whole = await _changed(api, repository, (rows, answer), seen, before)
    if before is None or not whole:
        more = (*await _open(api, repository), *more)
    moved = _moving((*(before.moved if before else ()), *more, *rows), seen)
    if rows:
        etag = answer.headers.get("etag", "")
        keep(known, key, Listing(etag, rows[0].updated_at, moved))
    return _keys(repository, moved)


async def _changed(
    api: Installation,
    repository: Repository,
    first: tuple[list[Moved], Answer],
    seen: Seen,
    before: Listing | None,
) -> tuple[tuple[Moved, ...], bool]:
    """The further pages as far as they may matter, and whether they reach what we knew before.

    Later, that is down to the newest change known then. At first, as long as pages name pulls that
    we saw in another state; all open ones are listed besides.
    """
    rows, answer = first
    found: list[Moved] = []
    for number in range(2, min(last_page(answer), MOST_PAGES) + 1):
        if before and rows and rows[-1].updated_at < before.newest:
            return tuple(found), True
        if before is None and not any(_moved(row, seen) and row.number in seen for row in rows):
            return tuple(found), True
        rows, _ = await _page(api, repository, "all", number)
        found += rows
    return tuple(found), last_page(answer) <= MOST_PAGES


async def _open(api: Installation, repository: Repository) -> tuple[Moved, ...]:
    path = at(repository, "pulls?state=open&sort=created&direction=asc")
    return tuple(map(_row, await api.rows(path, _Row)))


async def _page(
    api: Installation, repository: Repository, state: str, number: int, *, etag: str = ""
) -> tuple[list[Moved], Answer]:
    query = f"state={state}&sort=updated&direction=desc&per_page={PAGE}&page={number}"
    headers = {"If-None-Match": etag} if etag else {}
    request = Request("GET", at(repository, f"pulls?{query}"), headers=headers)
    answer = await api.send(request, Importance.LOOK)
    listed = [] if answer.status == 304 else decoded(answer, list[_Row], request)
    return list(map(_row, listed)), answer


def _row(row: _Row) -> Moved:
    return Moved(row.number, row.updated_at, row.state == "open")


def _moved(row: Moved, seen: Seen) -> bool:
    known = seen.get(row.number)
    return row.is_open if known is None else row.updated_at > known


def _moving(rows: Iterable[Moved], seen: Seen) -> tuple[Moved, ...]:
    """Those that moved, each as the newest of its rows has it."""
    newest: dict[int, Moved] = {}
    for row in rows:
        if row.number not in newest or newest[row.number].updated_at <= row.updated_at:
            newest[row.number] = row
    found = (row for row in newest.values() if _moved(row, seen))
    return tuple(sorted(found, key=lambda row: (row.updated_at, row.number)))


def _keys(repository: Repository, moved: Iterable[Moved]) -> tuple[PullKey, ...]:
    return tuple(PullKey(repository, row.number) for row in moved)
