"""Writes check runs and issues; and what all writes share: the request, its outcome, labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from ghapp.core.marks import (
    Annotation,
    CheckRun,
    CloseIssue,
    EditIssue,
    OpenIssue,
    Outcome,
    PutCheckRun,
)
from ghapp.core.model import PolicyKey, PullKey, QueueKey, Repository, same_login
from ghapp.errors import Rejected, Retry
from ghapp.github.api import Installation
from ghapp.github.endpoints import QUEUE, IssueRow, LabelRow, User, at
from ghapp.github.errors import Answer, decoded, refusal
from ghapp.github.host import Request
from ghapp.github.rate_limits import Importance

# The colour of a label that GitHub creates because it is added to an issue.
UNDESCRIBED_COLOUR = "ededed"
UNSEEN_SECONDS = 1.0
# Source: https://docs.github.com/rest/checks/runs#update-a-check-run
ANNOTATIONS_A_REQUEST = 50
SWITCHED_OFF = 410

Body = Mapping[str, Any]


class _Made(msgspec.Struct):
    id: int


class _MadeIssue(msgspec.Struct):
    number: int
    labels: list[LabelRow] = []
    assignees: list[User] = []


class _Detail(msgspec.Struct):
    field: str = ""
    message: str = ""


class _Refused(msgspec.Struct):
    errors: list[_Detail] = []


async def write(
    api: Installation,
    method: str,
    path: str,
    body: Body | None = None,
    *,
    importance: Importance = Importance.BEST_EFFORT,
    fine: tuple[int, ...] = (),
    repeatable: bool = False,
) -> Outcome:
    """fine: if it is refused so, there is nothing to write. Raises as `Installation.send`."""
    request = Request(method, path, body, repeatable=repeatable)
    return outcome(await api.send(request, importance, fine=fine), request)


async def edit_existing(
    api: Installation, path: str, body: Body, importance: Importance = Importance.BEST_EFFORT
) -> Outcome:
    """Change what we wrote before.

    Raises as `write`, and Retry if it is answered 404: it was deleted, or is too new to be visible.
    The next run finds out which by reading back; creating it again at once could create it twice.
    """
    request = Request("PATCH", path, body, repeatable=True)
    answer = await api.send(request, importance, fine=(404,))
    if answer.status == 404:
        raise unseen(answer, request)
    return outcome(answer, request)


def outcome(answer: Answer, request: Request) -> Outcome:
    """The id of what was written; 0 for a removed label, or if there was nothing to write.

    Raises Retry (the body is not GitHub's: a proxy answered, and may not have passed the write on).
    """
    if answer.status >= 400:
        return Outcome(0, answer.date)
    if request.method == "DELETE":
        decoded(answer, list[LabelRow], request)
        return Outcome(0, answer.date)
    return Outcome(decoded(answer, _Made, request).id, answer.date)


def unseen(answer: Answer, request: Request) -> Retry:
    """The exception if something that we know to exist is answered 404."""
    return Retry(f"{request}: GitHub answers {answer.status}", after_seconds=UNSEEN_SECONDS)


async def give_looks(
    api: Installation,
    repository: Repository,
    described: Iterable[tuple[str, str, str]],
    rows: Iterable[LabelRow],
) -> None:
    """Set colour and description of each label that GitHub had to create: one call each.

    described: (name, colour, description). rows: the labels as GitHub answered. Raises as `write`.
    """
    there = {row.name.casefold(): row for row in rows}
    for name, colour, description in described:
        row = there.get(name.casefold())
        if row and row.color == UNDESCRIBED_COLOUR and row.description is None:
            looks = {"color": colour, "description": description}
            path = at(repository, f"labels/{quoted(name)}")
            await write(api, "PATCH", path, looks, fine=(404,), repeatable=True)


def quoted(name: str) -> str:
    """The name quoted as one segment of a path. Raises Rejected (no path can name it).

    "." and ".." are resolved on the way even if quoted, and `labels/` is not one label.
    """
    if not name.strip() or not {".", ".."}.isdisjoint(name.split("/")):
        raise Rejected(f"label {name!r}: no address can name it; remove it by hand")
    return quote(name, safe="")


async def put(
    api: Installation, key: PullKey | PolicyKey | QueueKey, effect: PutCheckRun
) -> Outcome:
    """Create a check run with its annotations, or patch one without: GitHub would add them again.

    Annotations may need several requests. Only the last one sets digest and conclusion, so that a
    check run that was cut short equals no other. Raises Retry also if the check run to patch is not
    visible: it is too new, or GitHub has deleted it as one of the oldest of 1,000.
    """
    run, path = effect.check_run, at(key.repository, "check-runs")
    owner = QUEUE if isinstance(key, QueueKey) else str(key.number)
    if effect.run_id:
        body = _run(run, owner, ())
        return await edit_existing(api, f"{path}/{effect.run_id}", body, Importance.CHECK_RUN)
    starts = range(0, max(len(run.annotations), 1), ANNOTATIONS_A_REQUEST)
    first, *further = (run.annotations[one : one + ANNOTATIONS_A_REQUEST] for one in starts)
    body = {"head_sha": run.head_sha, **_run(run, owner, first, whole=not further)}
    made = await write(api, "POST", path, body, importance=Importance.CHECK_RUN)
    path = f"{path}/{made.id}"
    while further:
        portion = further.pop(0)
        body = _run(run, owner, portion, whole=not further)
        made = await write(api, "PATCH", path, body, importance=Importance.CHECK_RUN)
    return made


def _run(
    run: CheckRun, owner: str, annotations: Sequence[Annotation], *, whole: bool = True
) -> dict[str, Any]:
    """The body of a request. owner: whom the check run is for, as `external_id` has it.

    whole: this is the last request.
    """
    output: dict[str, Any] = {"title": run.title, "summary": run.summary, "text": run.text}
    if annotations:
        output["annotations"] = [
            {
                "path": one.path,
                "start_line": one.line,
                "end_line": one.line,
                "annotation_level": one.level,
                "title": one.title,
                "message": one.message,
            }
            for one in annotations
        ]
    body: dict[str, Any] = {
        "name": run.name,
        "external_id": f"v1:{owner}:{run.digest if whole else ''}",
        "status": "in_progress",
        "output": output,
    }
    if run.details_url:
        body["details_url"] = run.details_url
    if whole and run.conclusion:
        body |= {"status": "completed", "conclusion": run.conclusion}
        # Also if there are none: a patch without them would keep the earlier buttons.
        body["actions"] = [
            {"label": one.label, "description": one.description, "identifier": one.identifier}
            for one in run.actions
        ]
    return body


async def open_issue(api: Installation, key: PullKey, effect: OpenIssue) -> Outcome:
    """Open an issue; its number, 0 if issues are switched off. Raises Gone, Retry, Wait, Rejected.

    If GitHub refuses the issue because of its assignee, one more call opens it without. If we may
    not assign, GitHub opens it without the assignee and does not say so.
    """
    issue, path = effect.issue, at(key.repository, "issues")
    label = issue.label[0]
    body = {"title": issue.title, "body": issue.body, "labels": [label] if label else []}
    assigned = {**body, "assignees": [issue.owner] if issue.owner else []}
    request = Request("POST", path, assigned)
    answer = await api.send(request, Importance.BEST_EFFORT, fine=(SWITCHED_OFF, 422))
    if answer.status == 422 and issue.owner and _is_about_the_assignee(answer):
        request = Request("POST", path, {**body, "assignees": []})
        answer = await api.send(request, Importance.BEST_EFFORT, fine=(SWITCHED_OFF,))
    if answer.status == SWITCHED_OFF:
        return Outcome(0, answer.date)
    if answer.status == 422:
        raise refusal(answer, request, best_effort=True)
    made = decoded(answer, _MadeIssue, request)
    await give_looks(api, key.repository, (issue.label,), made.labels)
    is_assigned = not issue.owner or same_login(issue.owner, *(one.login for one in made.assignees))
    return Outcome(made.number, answer.date, is_assigned)


def _is_about_the_assignee(answer: Answer) -> bool:
    """Whether a 422 is because of the assignee."""
    try:
        refused = msgspec.json.decode(answer.body, type=_Refused)
    except msgspec.MsgspecError:
        return False
    return any("assignee" in f"{one.field} {one.message}".lower() for one in refused.errors)


class _Visible(msgspec.Struct):
    private: bool = False


async def rewrite_issue(
    api: Installation, repository: Repository, number: int, body: str, *, in_private: bool
) -> None:
    """Change the text of an open issue. in_private: only in a private repository.

    Raises Gone, Retry, Wait and Rejected.
    """
    if in_private:
        request = Request("GET", at(repository, "").rstrip("/"))
        answer = await api.send(request, Importance.BEST_EFFORT)
        if not decoded(answer, _Visible, request).private:
            text = f"{repository.full_name} is public, and the message names other repositories"
            raise Rejected(f"{text}: use an issue of a private one")
    path = at(repository, f"issues/{number}")
    request = Request("GET", path)
    answer = await api.send(request, Importance.BEST_EFFORT)
    row = decoded(answer, IssueRow, request)
    if row.state != "open":
        raise Rejected(f"{repository.full_name}#{number} is closed: reopen it, or name another one")
    if row.body != body:
        await write(api, "PATCH", path, {"body": body}, repeatable=True)


async def edit_issue(api: Installation, key: PullKey, effect: EditIssue) -> Outcome:
    """Change title and body, unless the issue is gone. Raises Gone, Retry, Wait and Rejected."""
    path = at(key.repository, f"issues/{effect.number}")
    changed = {"title": effect.issue.title, "body": effect.issue.body}
    done = await write(api, "PATCH", path, changed, fine=(404, SWITCHED_OFF), repeatable=True)
    return Outcome(effect.number, done.answered_at)


async def close_issue(api: Installation, key: PullKey, effect: CloseIssue) -> Outcome:
    """Close it as completed, unless it is gone. Raises Gone, Retry, Wait and Rejected."""
    path = at(key.repository, f"issues/{effect.number}")
    body = {"state": "closed", "state_reason": "completed"}
    done = await write(api, "PATCH", path, body, fine=(404, SWITCHED_OFF), repeatable=True)
    return Outcome(effect.number, done.answered_at)
