"""The one issue of a repository about its configuration, and the comments on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote

from ghapp.core.marks import EditIssue, Issue, OpenIssue, PostReply, Reply
from ghapp.core.model import ProjectKey, PullKey, Repository
from ghapp.core.text.configuration import marked
from ghapp.github import endpoints, writes
from ghapp.github.api import PAGE, Installation
from ghapp.github.apply import apply
from ghapp.github.endpoints import IssueRow, at
from ghapp.github.errors import decoded
from ghapp.github.host import Request
from ghapp.github.payloads import Identity
from ghapp.github.rate_limits import Importance
from ghapp.github.readback import replies_of


async def own(api: Installation, repository: Repository, label: str, us: Identity) -> int:
    """Our newest issue about configuration; 0 if none is listed. Raises Gone, Retry and Wait."""
    creator = quote(us.bot_login, safe="")
    query = (
        f"labels={quote(label, safe='')}&creator={creator}&state=all&sort=created&direction=desc"
    )
    request = Request("GET", at(repository, f"issues?{query}&per_page={PAGE}"))
    answer = await api.send(request, Importance.READ, fine=(404, 410))
    rows = decoded(answer, list[IssueRow], request) if answer.status == 200 else []
    ours = (row for row in rows if us.made(row.performed_via_github_app))
    return next((row.number for row in ours if marked(row.body or "")), 0)


async def put(
    api: Installation, repository: Repository, number: int, issue: Issue, newest: timedelta | None
) -> int | None:
    """Open the issue, or change its text; its number, 0 if it is gone or issues are switched off.

    newest: how long ago the newest of what it lists was found; None if it lists nothing. An issue
    that was closed before that is reopened; any other closed one stays as it is, and the answer is
    None. Raises Gone, Retry, Wait and Rejected.
    """
    key = PullKey(repository, 0)
    if not number:
        return (await writes.open_issue(api, key, OpenIssue(issue))).id
    path = at(repository, f"issues/{number}")
    request = Request("GET", path)
    answer = await api.send(request, Importance.READ, fine=(404, writes.SWITCHED_OFF))
    if answer.status != 200:
        return 0
    row = decoded(answer, IssueRow, request)
    is_closed = row.state == "closed"
    # Each time is compared with that of its own clock.
    closed_for = answer.date - row.closed_at if is_closed and row.closed_at else timedelta()
    if is_closed and (newest is None or newest >= closed_for):
        return None
    done = await writes.edit_issue(api, key, EditIssue(issue, number))
    if is_closed:
        reopened = {"state": "open"}
        await writes.write(api, "PATCH", path, reopened, fine=(404,), repeatable=True)
    return done.id


async def acknowledge(
    api: Installation, repository: Repository, comment_id: int, content: str
) -> None:
    """React to a comment, unless it is gone. Raises Gone, Retry, Wait and Rejected."""
    path = at(repository, f"issues/comments/{comment_id}/reactions")
    request = Request("POST", path, {"content": content}, repeatable=True)
    await api.send(request, Importance.BEST_EFFORT, fine=(404,))


async def answer(
    api: Installation, repository: Repository, reply: Reply, us: Identity, now: datetime
) -> None:
    """Write a reply on an issue in the place of an earlier one of its topic, once for a message.

    now: GitHub's clock. Raises Gone (as for a deleted issue), Retry, Wait and Rejected.
    """
    key = ProjectKey(repository, reply.issue)
    rows = await endpoints.comments(api, key)
    ours = replies_of(row for row in rows if us.made(row.performed_via_github_app))
    known = next((one for one in ours if one.topic == reply.topic), None)
    if known is None or known.message_id != reply.message_id:
        comment_id = known.comment_id if known else 0
        await apply(api, key, PostReply(replace(reply, comment_id=comment_id)), us, now)
