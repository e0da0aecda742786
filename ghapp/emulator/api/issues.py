"""Issues, with pulls among them, and their comments, reactions, labels and events.

Sources: https://docs.github.com/rest/issues/issues, https://docs.github.com/rest/issues/comments,
https://docs.github.com/rest/issues/assignees, https://docs.github.com/rest/reactions/reactions
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from starlette.responses import Response

from ghapp.emulator.api.answers import invalid, issues_off, not_found, ok
from ghapp.emulator.api.call import Body, Call
from ghapp.emulator.api.repository import check_label_name
from ghapp.emulator.conversation import Comment, Message
from ghapp.emulator.issue import Issue, NotAssignable, Thread, Tracker
from ghapp.emulator.json import issues
from ghapp.emulator.json.repository import label

BODY_LIMIT, TITLE_LIMIT = 65_536, 256  # "Body is too long (maximum is 65536 characters)"
LABELS_LIMIT = 100
ASSIGNEES_LIMIT = 10  # https://docs.github.com/rest/issues/assignees


class New(Body):
    """To open an issue."""

    title: str
    body: str | None = None
    labels: Sequence[str] = ()
    assignees: Sequence[str] = ()


class Change(New):
    """To edit an issue: what is not named stays, labels and assignees are replaced whole."""

    title: str = ""
    state: Literal["open", "closed"] = "open"
    state_reason: Literal["completed", "not_planned", "duplicate", "reopened"] | None = None


class NewComment(Body):
    body: str


class NewLabels(Body):
    labels: list[str]


class NewReaction(Body):
    content: Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]


# --- issues --------------------------------------------------------------------------------


def list_issues(call: Call) -> Response:
    """Newest first unless asked otherwise, with pulls. Filters: state, labels, creator, since.

    labels: names with commas between, all of which must be there. creator: a bot with its
    "[bot]". since: the time of the last change. If issues are off, only pulls are listed.
    """
    repository, query, since = call.repository(), call.query, call.moment("since")
    wanted = {name.strip().lower() for name in query.get("labels", "").split(",") if name.strip()}
    state, creator = query.get("state", "open"), query.get("creator", "").lower()
    threads = repository.threads() if repository.has_issues else tuple(repository.pulls.values())
    rows = [
        thread
        for thread in threads
        if state in ("all", thread.state)
        and wanted <= {name.lower() for name in thread.labels}
        and creator in ("", thread.author.login.lower())
        and (since is None or thread.updated_at >= since)
    ]
    rows.sort(key=lambda thread: thread.number)
    if query.get("sort") == "updated":
        rows.sort(key=lambda thread: thread.updated_at)
    elif query.get("sort") == "comments":
        rows.sort(key=lambda thread: len(thread.comments))
    if query.get("direction", "desc") == "desc":
        rows.reverse()
    return call.listed(rows, partial(issues.issue, call.at))


def create_issue(call: Call) -> Response:
    """Missing labels are created. If somebody cannot be assigned, there is no issue at all."""
    repository = call.repository()
    if not repository.has_issues:
        raise issues_off()
    body = call.body(New)
    _check(repository, body)
    issue = repository.open_issue(
        call.by, body.title, body.body or "", labels=body.labels, assignees=body.assignees
    )
    location = {"location": f"{call.at.api}{call.path}/{issue.number}"}
    return ok(issues.issue_alone(call.at, issue), 201, location)


def _check(repository: Tracker, body: New) -> None:
    """Raises Refusal (422)."""
    if "title" in body.model_fields_set and not body.title.strip():
        raise invalid("Issue", "title", "missing_field")
    for name, text, most in (
        ("title", body.title, TITLE_LIMIT),
        ("body", body.body, BODY_LIMIT),
    ):
        if len(text or "") > most:
            words = f"{name} is too long (maximum is {most} characters)"
            raise invalid("Issue", name, "custom", words)
    _check_labels(body.labels, body.labels)
    if len(body.assignees) > ASSIGNEES_LIMIT:
        words = f"cannot have more than {ASSIGNEES_LIMIT} assignees"
        raise invalid("Issue", "assignees", "custom", words)
    try:
        repository.assignable(body.assignees)
    except NotAssignable as wrong:
        raise invalid("Issue", "assignees", "invalid", value=wrong.login) from None


def _check_labels(new: Sequence[str], every: Sequence[str]) -> None:
    """every: the labels that the issue would have."""
    for name in new:
        check_label_name(name)
    if len(every) > LABELS_LIMIT:
        raise invalid("Issue", "labels", "custom", f"An issue may only have {LABELS_LIMIT} labels")


def get_issue(call: Call) -> Response:
    return call.conditional(ok(issues.issue_alone(call.at, call.thread())))


def edit_issue(call: Call) -> Response:
    """Of a pull, too."""
    thread, by, body = call.thread(), call.by, call.body(Change)
    named = body.model_fields_set
    _check(thread.repository, body)
    thread.edit(
        by,
        title=body.title if "title" in named else None,
        body=(body.body or "") if "body" in named else None,
    )
    if "labels" in named:
        thread.set_labels(body.labels, by)
    if "assignees" in named:
        thread.set_assignees(body.assignees, by)
    if "state" in named and body.state != thread.state:
        if body.state == "open":
            thread.reopen(by)
        elif isinstance(thread, Issue):
            thread.close(by, body.state_reason or "completed")
        else:
            thread.close(by)
    return ok(issues.issue_alone(call.at, thread))


def get_assignee(call: Call) -> Response:
    """204 if the user can be assigned to an issue here, else 404."""
    try:
        call.repository().assignable([call.params["username"]])
    except NotAssignable:
        raise not_found() from None
    return Response(status_code=204)


def list_events(call: Call) -> Response:
    """Oldest first."""
    thread = call.thread()
    return call.listed(thread.events, partial(issues.event, call.at, thread.repository))


# --- comments and reactions ----------------------------------------------------------------


def list_comments(call: Call) -> Response:
    """Oldest first. Filter: since, the time of their last change."""
    thread, since = call.thread(), call.moment("since")
    rows = [row for row in thread.comments if since is None or row.updated_at >= since]
    return call.listed(rows, partial(issues.comment, call.at, thread))


def create_comment(call: Call) -> Response:
    thread = call.thread()
    comment = thread.find_comment(thread.comment(_text(call), call.by))
    location = {"location": f"{call.at.api}{call.path}/{comment.id}"}
    return ok(issues.comment(call.at, thread, comment), 201, location)


def _text(call: Call) -> str:
    body = call.body(NewComment).body
    if not body.strip():
        raise invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
    if len(body) > BODY_LIMIT:
        words = f"Body is too long (maximum is {BODY_LIMIT} characters)"
        raise invalid("IssueComment", "data", "unprocessable", words)
    return body


def get_comment(call: Call) -> Response:
    return ok(issues.comment(call.at, *call.message(Comment)))


def edit_comment(call: Call) -> Response:
    thread, comment = call.message(Comment)
    thread.edit_comment(comment.id, _text(call), call.by)
    return ok(issues.comment(call.at, thread, comment))


def delete_comment(call: Call) -> Response:
    thread, comment = call.message(Comment)
    thread.delete_comment(comment.id, call.by)
    return Response(status_code=204)


def list_reactions(kind: type[Message], call: Call) -> Response:
    """kind: Comment or ReviewComment."""
    _, message = call.message(kind)
    return call.listed(message.reactions, partial(issues.reaction, call.at))


def create_reaction(kind: type[Message], call: Call) -> Response:
    """201 if it is new, 200 if this user had reacted so before. kind: as `list_reactions`."""
    thread, message = call.message(kind)
    reaction, new = thread.react_to(message, call.body(NewReaction).content, call.by)
    return ok(issues.reaction(call.at, reaction), 201 if new else 200)


# --- labels --------------------------------------------------------------------------------


def list_labels(call: Call) -> Response:
    thread = call.thread()
    return call.listed(thread.label_list, partial(label, call.at, thread.repository))


def add_labels(call: Call) -> Response:
    """All labels of the thread. A label that the repository does not know is created."""
    thread, names = call.thread(), call.body(NewLabels).labels
    _check_labels(names, [*thread.labels.union(names)])
    for name in names:
        thread.add_label(name, call.by)
    return _labels(call, thread)


def remove_label(call: Call) -> Response:
    thread = call.thread()
    try:
        thread.remove_label(call.params["name"], call.by)
    except KeyError:
        raise not_found("Label does not exist") from None
    return _labels(call, thread)


def _labels(call: Call, thread: Thread) -> Response:
    return ok([label(call.at, thread.repository, row) for row in thread.label_list])
