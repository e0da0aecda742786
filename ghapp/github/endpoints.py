"""Single reads, one endpoint each, reduced to what we use.

Sources: https://docs.github.com/rest/pulls/pulls, /rest/issues, /rest/checks/runs,
/rest/git/trees, /rest/collaborators/collaborators, /rest/teams/members
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

import msgspec

from ghapp.core.marks import REVIEW, CheckRun
from ghapp.core.model import File, ProjectKey, Pull, PullKey, Repository
from ghapp.core.releases import Milestone
from ghapp.core.scan.configuration import TreeFile
from ghapp.core.scan.unshown import TreeEntry
from ghapp.github.api import PAGE, Installation, keep, together
from ghapp.github.errors import decoded
from ghapp.github.host import Request
from ghapp.github.rate_limits import Importance
from ghapp.github.transport import RAW

CHECK_NAME = REVIEW
MOST_COMMIT_PAGES = 10
LINK = "120000"  # git's mode of a symbolic link
QUEUE = "queue"  # in `external_id` of a check run on a queue's head, in place of a pull's number

Login = Annotated[str, msgspec.Meta(min_length=1)]


class User(msgspec.Struct):
    login: Login
    type: str = "User"
    id: int = 0


class App(msgspec.Struct):
    id: int
    slug: str = ""


class LabelRow(msgspec.Struct):
    name: str
    color: str = ""
    description: str | None = None


class _RefRepository(msgspec.Struct):
    """topics: None if GitHub does not list them."""

    id: int = 0
    full_name: str = ""
    default_branch: str = ""
    topics: list[str] | None = None


class _Ref(msgspec.Struct):
    """repo: None if the fork is gone."""

    sha: str = ""
    ref: str = ""
    repo: _RefRepository | None = None


class _MilestoneRow(msgspec.Struct):
    number: int = 0
    title: str = ""
    state: str = "open"
    due_on: datetime | None = None
    description: str | None = None


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
    html_url: str = ""
    commits: int = 1
    body: str | None = None
    milestone: _MilestoneRow | None = None


class _Protection(msgspec.Struct):
    enabled: bool = False


class _BranchRow(msgspec.Struct):
    protection: _Protection = msgspec.field(default_factory=_Protection)


class _RuleRow(msgspec.Struct):
    type: str


# The rules that let nobody push as they like.
GUARDS = frozenset({"pull_request", "required_status_checks", "merge_queue", "update"})


@dataclass(frozen=True, slots=True)
class PullRead:
    """A pull as it was read. now: GitHub's clock."""

    pull: Pull
    now: datetime


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
    """A comment of the conversation, or one beside a line of the diff."""

    id: int
    created_at: datetime
    node_id: str = ""
    body: str | None = None
    user: User | None = None
    performed_via_github_app: App | None = None


class ReviewRow(msgspec.Struct):
    """state: APPROVED | CHANGES_REQUESTED | COMMENTED | DISMISSED | PENDING (not submitted)."""

    id: int
    state: str
    node_id: str = ""
    body: str | None = None
    user: User | None = None
    commit_id: str | None = None
    submitted_at: datetime | None = None


class IssueRow(msgspec.Struct):
    number: int
    state: str
    body: str | None = None
    assignees: list[User] = []
    comments: int = 0
    updated_at: datetime | None = None
    closed_at: datetime | None = None
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


class _TreeRow(msgspec.Struct):
    path: str
    type: str  # blob | tree | commit (a submodule, which is a folder to its users)
    sha: str = ""
    mode: str = ""
    size: int = 0


class _Tree(msgspec.Struct):
    tree: list[_TreeRow]
    truncated: bool = False


class _Commit(msgspec.Struct):
    sha: str


class ActivityRow(msgspec.Struct):
    """before, after: zeros where the branch is new or deleted."""

    id: int
    before: str
    after: str
    timestamp: datetime
    actor: User | None = None


class _Compared(msgspec.Struct):
    """status: ahead | behind | diverged | identical, of the second commit."""

    status: str
    total_commits: int = 0
    commits: list[_Commit] = []


class _Runs(msgspec.Struct):
    check_runs: list[RunRow]


def at(repository: Repository, rest: str) -> str:
    """The path of something in a repository."""
    return f"repos/{quote(repository.full_name)}/{rest}"


async def pull(api: Installation, key: PullKey) -> PullRead:
    """The pull without its files. Raises Gone, Retry and Wait."""
    row, answer = await api.get(at(key.repository, f"pulls/{key.number}"), _PullRow)
    topics = row.base.repo.topics if row.base.repo else None
    milestone, planned = None, row.milestone
    if planned:
        is_open = planned.state == "open"
        milestone = Milestone(planned.title, planned.due_on, is_open, planned.number)
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
        url=row.html_url,
        changed_files=row.changed_files,
        author_id=row.user.id if row.user else 0,
        commits=row.commits,
        head_repository=row.head.repo.full_name if row.head.repo else "",
        from_fork=row.head.repo is None or row.head.repo.id != key.repository.id,
        base_sha=row.base.sha,
        default_branch=row.base.repo.default_branch if row.base.repo else "",
        topics=frozenset(topics or ()),
        unknown=frozenset(["topic"] if topics is None else []),
        milestone=milestone,
        body=row.body or "",
        milestone_text=(row.milestone.description or "") if row.milestone else "",
    )
    return PullRead(found, answer.date)


async def exists(api: Installation, key: PullKey | ProjectKey) -> None:
    """Raises Gone (the pull or the issue is out of reach), Retry and Wait."""
    kind = "pulls" if isinstance(key, PullKey) else "issues"
    await api.send(Request("GET", at(key.repository, f"{kind}/{key.number}")), Importance.READ)


class _PropertyRow(msgspec.Struct):
    """value: a list if several may be chosen, None if none is."""

    property_name: str
    value: str | list[str] | None = None


async def properties(api: Installation, repository: Repository) -> frozenset[str] | None:
    """The repository's custom properties, as "NAME: VALUE"; None if GitHub does not show them.

    Raises Retry and Wait.
    Source: https://docs.github.com/rest/repos/custom-properties (only organisations have them)
    """
    request = Request("GET", at(repository, "properties/values"))
    answer = await api.send(request, Importance.READ, fine=(403, 404))
    if answer.status != 200:
        return None
    rows = decoded(answer, list[_PropertyRow], request)
    return frozenset(
        f"{row.property_name}: {value}"
        for row in rows
        for value in ([row.value] if isinstance(row.value, str) else row.value or [])
    )


async def is_guarded(api: Installation, pull: Pull) -> bool:
    """Whether the base is the default branch, or one that rules keep people from changing at will.

    Two calls, unless it is the default branch. Raises Retry and Wait.
    GitHub's `protected` does not suffice: any rule sets it, even one about names of branches.
    Sources: https://docs.github.com/rest/branches/branches#get-a-branch,
    https://docs.github.com/rest/repos/rules#get-rules-for-a-branch
    """
    if pull.base_ref == pull.default_branch:
        return True
    name, repository = quote(pull.base_ref, safe=""), pull.key.repository
    branch = Request("GET", at(repository, f"branches/{name}"))
    rules = Request("GET", at(repository, f"rules/branches/{name}?per_page={PAGE}"))
    answers = await together(
        api.send(one, Importance.READ, fine=(403, 404)) for one in (branch, rules)
    )
    if answers[0].status == 200 and decoded(answers[0], _BranchRow, branch).protection.enabled:
        return True
    types = decoded(answers[1], list[_RuleRow], rules) if answers[1].status == 200 else []
    return any(one.type in GUARDS for one in types)


async def file_page(api: Installation, key: PullKey, number: int) -> list[FileRow]:
    """One page of changed files, from page 1. Raises Gone, Retry and Wait."""
    rows, _ = await api.page(at(key.repository, f"pulls/{key.number}/files?"), FileRow, number)
    return rows


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


async def _listed(
    api: Installation,
    repository: Repository,
    name: str,
    query: str = "",
    importance: Importance = Importance.READ,
) -> _Tree | None:
    """A tree of a branch, HEAD, a commit or a tree; None if GitHub refuses. Raises Retry."""
    path = f"git/trees/{quote(name, safe='')}{query}"
    request = Request("GET", at(repository, path))
    answer = await api.send(request, importance, fine=(403, 404, 409, 422))
    if answer.status != 200:
        return None
    return await asyncio.to_thread(decoded, answer, _Tree, request)  # it may be seven megabytes


async def top_folders(
    api: Installation, repository: Repository, commit_sha: str
) -> frozenset[str] | None:
    """The folders at the top of a commit; None if GitHub does not list all, or refuses.

    Raises Retry.
    """
    known, key = api.cache.folders, (repository.id, commit_sha)
    if key in known:
        return known[key]
    found = await _listed(api, repository, commit_sha)
    if found is None or found.truncated:
        return None
    folders = frozenset(row.path for row in found.tree if row.type != "blob")
    keep(known, key, folders)
    return folders


async def tree_entries(
    api: Installation, repository: Repository, commit_sha: str, paths: frozenset[str]
) -> Mapping[str, TreeEntry]:
    """The files of a commit at these paths; without those that GitHub does not list, or refuses.

    Raises Retry. Source: https://docs.github.com/rest/git/trees (at most 100,000 entries)
    """
    known, key = api.cache.entries, (repository.id, commit_sha, paths)
    if key in known:
        return known[key]
    found = await _listed(api, repository, commit_sha, "?recursive=1")
    if found is None:
        return {}
    entries = {row.path: TreeEntry(row.sha, row.mode) for row in found.tree if row.path in paths}
    keep(known, key, entries)
    return entries


async def tree(
    api: Installation, repository: Repository, name: str
) -> Mapping[str, TreeEntry] | None:
    """The entries of a tree by their names; None if GitHub does not list all, or refuses.

    name: of a branch, HEAD or a SHA. Raises Retry.
    """
    found = await _listed(api, repository, name)
    if found is None or found.truncated:
        return None
    return {row.path: TreeEntry(row.sha, row.mode) for row in found.tree}


async def all_files(
    api: Installation, repository: Repository, importance: Importance
) -> tuple[tuple[TreeFile, ...], bool] | None:
    """The files of the default branch, and whether GitHub lists all; None if it refuses.

    Links and submodules are left out. Raises Retry and Wait.
    """
    found = await _listed(api, repository, "HEAD", "?recursive=1", importance)
    if found is None:
        return None
    rows = (row for row in found.tree if row.type == "blob" and row.mode != LINK)
    return tuple(TreeFile(row.path, row.sha, row.size) for row in rows), not found.truncated


async def blob(
    api: Installation,
    repository: Repository,
    sha: str,
    *,
    fine: tuple[int, ...],
    importance: Importance = Importance.READ,
) -> bytes | None:
    """The beginning of a file's content; None if the answer has a status in `fine`.

    It is read by its SHA, so that no push can change it meanwhile. Raises Gone, Retry and Wait.
    Source: https://docs.github.com/rest/git/blobs
    """
    path = at(repository, f"git/blobs/{quote(sha, safe='')}")
    request = Request("GET", path, headers={"Accept": RAW})
    answer = await api.send(request, importance, fine=fine)
    return answer.body if answer.status == 200 else None


async def holds(api: Installation, repository: Repository, branch: str, commit_sha: str) -> bool:
    """Whether the commit is in the branch. Raises Gone (one of the two is not there) and Retry.

    Source: https://docs.github.com/rest/commits/commits#compare-two-commits
    """
    # The second page is short; we need none of the files and commits.
    path = at(repository, f"compare/{quote(branch, safe='')}...{commit_sha}?per_page=1&page=2")
    found, _ = await api.get(path, _Compared)
    return found.status in ("behind", "identical")


async def commits(
    api: Installation, repository: Repository, base_sha: str, head_sha: str
) -> tuple[str, ...]:
    """The commits of a head that the base lacks, oldest first; () if GitHub does not list all.

    Raises Retry and Wait. Source: https://docs.github.com/rest/commits/commits#compare-two-commits
    """
    found: list[str] = []
    for number in range(1, MOST_COMMIT_PAGES + 1):
        query = f"per_page={PAGE}&page={number}"
        path = at(repository, f"compare/{base_sha}...{quote(head_sha, safe='')}?{query}")
        request = Request("GET", path)
        answer = await api.send(request, Importance.READ, fine=(404, 422))
        if answer.status != 200:
            return ()
        compared = decoded(answer, _Compared, request)
        found += [row.sha for row in compared.commits]
        if len(found) >= compared.total_commits or not compared.commits:
            return tuple(found) if len(found) == compared.total_commits else ()
    return ()


async def activity(api: Installation, full_name: str, branch: str) -> tuple[ActivityRow, ...]:
    """The newest pushes to a branch, newest first; () if GitHub does not list them.

    Raises Retry and Wait.
    Source: https://docs.github.com/rest/repos/repos#list-repository-activities
    """
    ref = quote(f"refs/heads/{branch}", safe="")
    request = Request("GET", f"repos/{quote(full_name)}/activity?ref={ref}&per_page={PAGE}")
    answer = await api.send(request, Importance.READ, fine=(403, 404, 422))
    return tuple(decoded(answer, list[ActivityRow], request)) if answer.status == 200 else ()


async def account(api: Installation, id: int) -> User | None:
    """The account of an id, by its present login; None if it is gone. Raises Retry and Wait.

    Source: https://docs.github.com/rest/users/users#get-a-user-using-their-id
    """
    request = Request("GET", f"user/{id}")
    answer = await api.send(request, Importance.READ, fine=(403, 404))
    return decoded(answer, User, request) if answer.status == 200 else None


async def comments(api: Installation, key: PullKey | ProjectKey) -> tuple[CommentRow, ...]:
    """All comments of the conversation, oldest first. Raises Gone, Retry and Wait."""
    path = at(key.repository, f"issues/{key.number}/comments?")
    return await api.rows(path, CommentRow)


async def reviews(api: Installation, key: PullKey) -> tuple[ReviewRow, ...]:
    """All reviews, oldest first. Raises Gone, Retry and Wait."""
    return await api.rows(at(key.repository, f"pulls/{key.number}/reviews?"), ReviewRow)


async def review_comments(api: Installation, key: PullKey) -> tuple[CommentRow, ...]:
    """All comments beside lines of the diff, oldest first. Raises Gone, Retry and Wait."""
    return await api.rows(at(key.repository, f"pulls/{key.number}/comments?"), CommentRow)


async def newest_events(api: Installation, key: PullKey, pages: int) -> tuple[EventRow, ...]:
    """The last pages of the pull's events, oldest first. Raises Gone, Retry and Wait."""
    path = at(key.repository, f"issues/{key.number}/events?")
    return await api.rows(path, EventRow, newest_pages=pages)


async def newest_run(
    api: Installation, repository: Repository, head_sha: str, app_id: int, name: str = REVIEW
) -> RunRow | None:
    """Our newest check run of this name on a head. Raises Gone, Retry and Wait."""
    query = f"check_name={quote(name)}&app_id={app_id}&filter=all&per_page=100"
    path = at(repository, f"commits/{head_sha}/check-runs?{query}")
    found, _ = await api.get(path, _Runs)
    runs = [run for run in found.check_runs if run.app and run.app.id == app_id]
    return max(runs, key=lambda run: run.id, default=None)


def check_run(row: RunRow, written_for: int | str, name: str = REVIEW) -> CheckRun:
    """A check run as far as it can be read back. written_for: the number of a pull, or QUEUE.

    A check run that was written for another pull has no digest, so it equals no other.
    """
    owner, _, digest = (row.external_id or "").removeprefix("v1:").partition(":")
    conclusion = row.conclusion if row.status == "completed" else ""
    return CheckRun(
        row.head_sha, digest if owner == str(written_for) else "", conclusion or "", name=name
    )
