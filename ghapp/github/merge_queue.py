"""Reads a merge queue, which only GraphQL lists, and our check run on the head that it tests."""

from __future__ import annotations

import msgspec

from ghapp.core.model import QueueKey
from ghapp.core.review.merge_queue import Member, QueueFacts
from ghapp.errors import Gone, Rejected
from ghapp.github import endpoints
from ghapp.github.api import Installation, both

# Source: https://docs.github.com/graphql/reference/objects#mergequeue
MOST_PAGES = 20
_ENTRIES = """
query($owner: String!, $name: String!, $branch: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    mergeQueue(branch: $branch) {
      entries(first: 100, after: $after) {
        nodes {
          position
          state
          headCommit { oid }
          pullRequest { number headRefOid url }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""
# Stands for an entry that GitHub does not show; it may be before any of the others.
HIDDEN = Member(0, 0, "")


class _Commit(msgspec.Struct):
    oid: str = ""


class _Pull(msgspec.Struct):
    number: int
    head_sha: str = msgspec.field(name="headRefOid", default="")
    url: str = ""


class _Entry(msgspec.Struct):
    position: int
    state: str = ""
    head: _Commit | None = msgspec.field(name="headCommit", default=None)
    pull: _Pull | None = msgspec.field(name="pullRequest", default=None)


class _PageInfo(msgspec.Struct):
    more: bool = msgspec.field(name="hasNextPage", default=False)
    cursor: str | None = msgspec.field(name="endCursor", default=None)


class _Entries(msgspec.Struct):
    nodes: list[_Entry | None] = []
    page: _PageInfo = msgspec.field(name="pageInfo", default_factory=_PageInfo)


class _Queue(msgspec.Struct):
    entries: _Entries = msgspec.field(default_factory=_Entries)


class _Repository(msgspec.Struct):
    queue: _Queue | None = msgspec.field(name="mergeQueue", default=None)


class _Data(msgspec.Struct):
    repository: _Repository | None = None


async def read(api: Installation, key: QueueKey, app_id: int) -> QueueFacts:
    """The whole queue, and our newest check run on the head. Raises Gone, Retry and Wait."""
    (members, refused), run = await both(
        _members(api, key), endpoints.newest_run(api, key.repository, key.head_sha, app_id)
    )
    found = endpoints.check_run(run, endpoints.QUEUE) if run else None
    return QueueFacts(members, refused, found, run.id if run else 0)


async def _members(api: Installation, key: QueueKey) -> tuple[tuple[Member, ...], str]:
    """The entries, none if the branch has no queue; and why GitHub refuses to list them, or ""."""
    owner, _, name = key.repository.full_name.partition("/")
    variables = {"owner": owner, "name": name, "branch": key.base_ref, "after": None}
    found: list[Member] = []
    for _ in range(MOST_PAGES):
        try:
            data, _ = await api.graphql(
                _ENTRIES, variables, _Data, refused=frozenset({"FORBIDDEN"})
            )
        except Rejected as rejected:
            return (), str(rejected)
        if data is None or data.repository is None:
            raise Gone(f"{key}: GraphQL knows no {key.repository.full_name}")
        entries = data.repository.queue.entries if data.repository.queue else _Entries()
        for entry in entries.nodes:
            if entry is None:
                found.append(HIDDEN)
                continue
            pull, queue_sha = entry.pull or _Pull(0), entry.head.oid if entry.head else ""
            found.append(
                Member(entry.position, pull.number, pull.head_sha, queue_sha, entry.state, pull.url)
            )
        if not entries.page.more:
            break
        variables = {**variables, "after": entries.page.cursor}
    return tuple(found), ""
