"""Single reads, each one endpoint: what GitHub answers, reduced to what we use.

Sources: https://docs.github.com/rest/pulls/pulls, /rest/issues, /rest/checks/runs,
/rest/repos/contents, /rest/collaborators/collaborators, /rest/teams/members
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

import msgspec

from ghapp.core.marks import CheckRun
from ghapp.core.memory import PolicySource
from ghapp.core.model import File, Pull, PullKey, Repository
from ghapp.core.policy import POLICY_PATH
from ghapp.github.budget import Importance
from ghapp.github.installation import Installation
from ghapp.github.wire import Request

CHECK_NAME = "NFR review"
# Of a longer policy file so much is kept that it is found too long, in bytes and in characters.
POLICY_BYTES, POLICY_CHARACTERS = (1 << 20) + 4, (256 << 10) + 1
# Source: https://docs.github.com/rest/pulls/pulls#list-pull-requests-files
MOST_FILES = 3_000

Login = Annotated[str, msgspec.Meta(min_length=1)]


class User(msgspec.Struct):
    login: Login


class App(msgspec.Struct):
    id: int
    slug: str = ""


class LabelRow(msgspec.Struct):
    name: str
    color: str = ""
    description: str | None = None


class _Ref(msgspec.Struct):
    sha: str = ""
    ref: str = ""


class _PullRow(msgspec.Struct):
    number: int
    title: str
    user: User | None
    state: str
    head: _Ref
    base: _Ref
    updated_at: datetime
    labels: list[LabelRow]
    changed_files: int
    draft: bool = False
    merged: bool = False


class FileRow(msgspec.Struct):
    filename: str
    status: str
    contents_url: str
    sha: str | None = None
    additions: int = 0
    deletions: int = 0
    patch: str | None = None
    previous_filename: str | None = None

    def of_head(self, head_sha: str) -> bool:
        """Whether the row was listed for this head; a removed file names an older commit."""
        return self.status == "removed" or self.contents_url.endswith(f"ref={head_sha}")


class CommentRow(msgspec.Struct):
    id: int
    body: str | None = None
    performed_via_github_app: App | None = None


class EventRow(msgspec.Struct):
    id: int
    event: str
    created_at: datetime
    actor: User | None = None
    label: LabelRow | None = None


class RunRow(msgspec.Struct):
    id: int
    head_sha: str
    status: str
    app: App | None = None
    conclusion: str | None = None
    external_id: str | None = None
    started_at: datetime | None = None


class _Runs(msgspec.Struct):
    check_runs: list[RunRow]


def at(repository: Repository, rest: str) -> str:
    """A path below the repository's."""
    return f"repos/{quote(repository.full_name)}/{rest}"


async def pull(api: Installation, key: PullKey) -> tuple[Pull, datetime]:
    """The pull without its files, and GitHub's clock. Raises Gone and Retry."""
    row, answer = await api.get(at(key.repository, f"pulls/{key.number}"), _PullRow)
    found = Pull(
        key=key,
        title=row.title,
        author=row.user.login if row.user else "ghost",
        head_sha=row.head.sha,
        head_ref=row.head.ref,
        base_ref=row.base.ref,
        updated_at=row.updated_at,
        labels=frozenset(label.name for label in row.labels),
        is_open=row.state == "open",
        is_draft=row.draft,
        is_merged=row.merged,
        changed_files=row.changed_files,
    )
    return found, answer.date


async def file_page(api: Installation, key: PullKey, number: int) -> list[FileRow]:
    """One page of changed files, from page 1. Raises Gone and Retry."""
    return await api.page(at(key.repository, f"pulls/{key.number}/files?"), FileRow, number)


def file(row: FileRow) -> File:
    """A row as the core sees it."""
    return File(
        path=row.filename,
        status=row.status,
        additions=row.additions,
        deletions=row.deletions,
        patch=row.patch or "",
        sha=row.sha or "",
        previous_path=row.previous_filename or "",
    )


async def policy_file(
    api: Installation, repository: Repository, known: PolicySource | None
) -> PolicySource:
    """The policy at the tip of the default branch; `good` is as it was. Raises Gone and Retry.

    A 404 reads as absent: it says so only where the repository itself can be read.
    """
    headers = {"Accept": "application/vnd.github.raw+json"}
    if known and known.etag:
        headers["If-None-Match"] = known.etag
    path = at(repository, f"contents/{POLICY_PATH}")
    request = Request("GET", path, headers=headers, most_bytes=POLICY_BYTES)
    answer = await api.send(request, Importance.LOOK, fine=(404,))
    good = known.good if known else None
    if known and answer.status == 304:
        return PolicySource(known.text, known.etag, answer.date, good)
    if answer.status == 404:
        return PolicySource(None, "", answer.date, good)
    text = answer.body.decode("utf-8", "replace")[:POLICY_CHARACTERS]
    return PolicySource(text, answer.headers.get("etag", ""), answer.date, good)


async def comments(api: Installation, key: PullKey) -> tuple[CommentRow, ...]:
    """All comments of the conversation, oldest first. Raises Gone and Retry."""
    path = at(key.repository, f"issues/{key.number}/comments?")
    return await api.rows(path, CommentRow)


async def newest_events(api: Installation, key: PullKey, pages: int) -> tuple[EventRow, ...]:
    """The last pages of what happened to the pull, oldest first. Raises Gone and Retry."""
    path = at(key.repository, f"issues/{key.number}/events?")
    return await api.rows(path, EventRow, newest_pages=pages)


async def newest_run(
    api: Installation, repository: Repository, head_sha: str, app_id: int
) -> RunRow | None:
    """Our newest check run on a head. Raises Gone and Retry."""
    name = quote(CHECK_NAME)
    query = f"check_name={name}&app_id={app_id}&filter=all&per_page=100"
    path = at(repository, f"commits/{head_sha}/check-runs?{query}")
    found, _ = await api.get(path, _Runs)
    runs = [run for run in found.check_runs if run.app and run.app.id == app_id]
    return max(runs, key=lambda run: run.id, default=None)


def check_run(row: RunRow, number: int) -> CheckRun:
    """A run as far as it can be read back; its digest only where it was written for this pull."""
    owner, _, digest = (row.external_id or "").removeprefix("v1:").partition(":")
    conclusion = row.conclusion if row.status == "completed" else ""
    return CheckRun(row.head_sha, digest if owner == str(number) else "", conclusion or "")
