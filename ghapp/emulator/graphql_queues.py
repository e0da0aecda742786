"""The part of GitHub's GraphQL schema that tells of merge queues.

Sources: https://docs.github.com/graphql/reference/objects#mergequeue, #mergequeueentry
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ghapp.emulator.graphql_input import Unfit
from ghapp.emulator.graphql_kind import Kind
from ghapp.emulator.merging import Entry, MergeQueue
from ghapp.emulator.repository import Repository
from ghapp.emulator.shapes import Shapes, node_id
from ghapp.emulator.state import iso

ENTRIES_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Page:
    """The entries from `start` on, at most `first`."""

    every: Sequence[Entry]
    start: int
    first: int

    @property
    def end(self) -> int:
        return min(self.start + self.first, len(self.every))


def _queue(at: Shapes, repository: Repository, branch: str | None) -> MergeQueue | None:
    return repository.queues.get(branch or repository.default_branch)


def _page(at: Shapes, queue: MergeQueue, first: int | None, after: str | None) -> Page:
    if first is None:
        raise Unfit("You must provide a `first` value to properly paginate the `entries`.")
    if not 0 < first <= ENTRIES_LIMIT:
        words = f"Requesting {first} records exceeds the `first` limit of {ENTRIES_LIMIT} records."
        raise Unfit(words)
    return Page(queue.entries, _place(after), first)


def _place(cursor: str | None) -> int:
    try:
        return int(base64.b64decode(cursor or "", validate=True) or b"0")
    except (binascii.Error, ValueError):
        raise Unfit(f"`{cursor}` does not appear to be a valid cursor.") from None


def _info(at: Shapes, page: Page) -> Page:
    return page


QUEUE_KINDS: Mapping[str, Kind] = {
    "Repository": Kind(
        {
            "nameWithOwner": ("", lambda at, repository: repository.full_name),
            "mergeQueue": ("MergeQueue", _queue),
        },
        arguments={"mergeQueue": {"branch": "String"}},
        needs={"mergeQueue": "merge_queues"},
    ),
    "MergeQueue": Kind(
        {"entries": ("MergeQueueEntryConnection", _page)},
        arguments={"entries": {"first": "Int", "after": "String"}},
    ),
    "MergeQueueEntryConnection": Kind(
        {
            "nodes": ("MergeQueueEntry", lambda at, page: page.every[page.start : page.end]),
            "pageInfo": ("PageInfo", _info),
            "totalCount": ("", lambda at, page: len(page.every)),
        }
    ),
    "PageInfo": Kind(
        {
            "hasNextPage": ("", lambda at, page: page.end < len(page.every)),
            "endCursor": ("", lambda at, page: base64.b64encode(b"%d" % page.end).decode()),
        }
    ),
    "MergeQueueEntry": Kind(
        {
            "id": ("", lambda at, entry: node_id("MergeQueueEntry", entry.id)),
            "position": ("", lambda at, entry: entry.position),
            "state": ("", lambda at, entry: entry.state),
            "enqueuedAt": ("", lambda at, entry: iso(entry.enqueued_at)),
            "baseCommit": ("Commit", lambda at, entry: entry.base_sha or None),
            "headCommit": ("Commit", lambda at, entry: entry.head_sha or None),
            "pullRequest": ("PullRequest", lambda at, entry: entry.pull),
        }
    ),
    "PullRequest": Kind(
        {
            "number": ("", lambda at, pull: pull.number),
            "title": ("", lambda at, pull: pull.title),
            "headRefOid": ("", lambda at, pull: pull.head_sha),
            "url": ("", lambda at, pull: at.page(pull)),
        }
    ),
}
