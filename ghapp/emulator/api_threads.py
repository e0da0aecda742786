"""Issues, with pulls among them: listed, opened, edited, closed; who can be assigned.

Sources: https://docs.github.com/rest/issues/issues, https://docs.github.com/rest/issues/assignees
"""

from __future__ import annotations

from ghapp.emulator import shapes_issues
from ghapp.emulator.api_issues import BODY_LIMIT, LABELS_LIMIT
from ghapp.emulator.api_repository import check_label_name
from ghapp.emulator.bodies import Items, Object, Shape, Text
from ghapp.emulator.issues import (
    ASSIGNEES_LIMIT,
    REASONS,
    Draft,
    Issue,
    NotAssignable,
    assignable,
    open_issue,
)
from ghapp.emulator.pull import Pull
from ghapp.emulator.repository import Repository
from ghapp.emulator.rest import Answer, Call, Refusal, invalid, issues_off, not_found, ok
from ghapp.emulator.state import Json
from ghapp.emulator.thread import Thread

TITLE_LIMIT = 256
FIELDS: dict[str, Shape] = {
    "title": Text(),
    "body": Text(nullable=True),
    "labels": Items(Text()),
    "assignees": Items(Text()),
}
CREATE = Object(FIELDS, ("title",))
CHANGE = Object(
    {
        **FIELDS,
        "state": Text(choices=("open", "closed")),
        "state_reason": Text(choices=(*REASONS, "reopened"), nullable=True),
    }
)
SORTS = ("created", "updated", "comments")


def list_issues(call: Call) -> Answer:
    """Newest first unless asked otherwise; pulls are in it. Filters: state, labels, creator, since.

    labels: names with commas between, all of which must be there. creator: a bot with its
    "[bot]". since: by when they were changed last. Where issues are off, only pulls are left.
    """
    repository, at, query = call.repository(), call.github.shapes, call.query
    since, wanted = call.moment("since"), _names(query.get("labels", ""))
    state, creator = query.get("state", "open"), query.get("creator", "").lower()
    issues = repository.issues.values() if repository.has_issues else ()
    rows: list[Thread] = [
        thread
        for thread in (*repository.pulls.values(), *issues)
        if state in ("all", thread.state)
        and wanted <= {name.lower() for name in thread.labels}
        and creator in ("", thread.author.login.lower())
        and (since is None or thread.updated_at >= since)
    ]
    _sort(rows, query)
    return call.listed(rows, lambda thread: shapes_issues.issue(at, thread))


def _names(text: str) -> set[str]:
    return {name.strip().lower() for name in text.split(",") if name.strip()}


def _sort(rows: list[Thread], query: dict[str, str]) -> None:
    sort = query.get("sort", "created")
    if sort == "updated":
        rows.sort(key=lambda thread: (thread.updated_at, thread.number))
    elif sort == "comments":
        rows.sort(key=lambda thread: (len(thread.comments), thread.number))
    else:
        rows.sort(key=lambda thread: thread.number)
    if query.get("direction", "desc") == "desc":
        rows.reverse()


def create_issue(call: Call) -> Answer:
    """Labels that are missing are created; somebody who cannot be assigned refuses it all."""
    repository = call.repository()
    if not repository.has_issues:
        raise issues_off()
    body = call.json(CREATE)
    _check(repository, body)
    draft = Draft(
        call.actor, body["title"], body.get("body") or "", tuple(body.get("labels", ())),
        tuple(body.get("assignees", ())),
    )  # fmt: skip
    issue = open_issue(repository, draft)
    answer = ok(shapes_issues.issue_alone(call.github.shapes, issue), 201)
    answer.headers["location"] = f"{call.github.shapes.api}{call.path}/{issue.number}"
    return answer


def _check(repository: Repository, body: Json) -> None:
    """Raises Refusal (422)."""
    title = body.get("title")
    if title is not None and not title.strip():
        raise invalid("Issue", "title", "missing_field")
    if len(title or "") > TITLE_LIMIT:
        words = f"title is too long (maximum is {TITLE_LIMIT} characters)"
        raise invalid("Issue", "title", "custom", words)
    if len(body.get("body") or "") > BODY_LIMIT:
        words = f"body is too long (maximum is {BODY_LIMIT} characters)"
        raise invalid("Issue", "body", "custom", words)
    for name in body.get("labels", ()):
        check_label_name(name)
    if len(body.get("labels", ())) > LABELS_LIMIT:
        raise invalid("Issue", "labels", "custom", f"An issue may only have {LABELS_LIMIT} labels")
    _check_assignees(repository, body.get("assignees", []))


def _check_assignees(repository: Repository, logins: list[str]) -> None:
    if len(logins) > ASSIGNEES_LIMIT:
        words = f"cannot have more than {ASSIGNEES_LIMIT} assignees"
        raise invalid("Issue", "assignees", "custom", words)
    try:
        assignable(repository, logins)
    except NotAssignable as wrong:
        row = {"value": wrong.login, "resource": "Issue", "field": "assignees", "code": "invalid"}
        raise Refusal(422, "Validation Failed", errors=[row]) from None


def get_issue(call: Call) -> Answer:
    thread = call.seen_thread()
    return call.conditional(ok(shapes_issues.issue_alone(call.github.shapes, thread)))


def edit_issue(call: Call) -> Answer:
    """Of a pull, too: what is not said stays, labels and assignees are replaced whole."""
    thread, by = call.thread(), call.actor.login
    body = call.json(CHANGE)
    _check(thread.repository, body)
    if "title" in body or "body" in body:
        text = (body["body"] or "") if "body" in body else None
        thread.edit(by, title=body.get("title"), body=text)
    if "labels" in body:
        _set_labels(thread, body["labels"], by)
    if "assignees" in body:
        _set_assignees(thread, body["assignees"], by)
    _turn(thread, body, by)
    return ok(shapes_issues.issue_alone(call.github.shapes, thread))


def _set_labels(thread: Thread, names: list[str], by: str) -> None:
    kept = {name.lower() for name in names}
    for name in sorted(thread.labels):
        if name.lower() not in kept:
            thread.remove_label(name, by)
    for name in names:
        thread.add_label(name, by)


def _set_assignees(thread: Thread, logins: list[str], by: str) -> None:
    kept = {login.lower() for login in logins}
    for user in list(thread.assignees):
        if user.login.lower() not in kept:
            thread.unassign(user.login, by)
    for login in logins:
        thread.assign(login, by)


def _turn(thread: Pull | Issue, body: Json, by: str) -> None:
    state = body.get("state", thread.state)
    if state == thread.state:
        return
    if state == "open":
        thread.reopen(by)
    elif isinstance(thread, Issue):
        thread.close(by, body.get("state_reason") or "completed")
    else:
        thread.close(by)


def get_assignee(call: Call) -> Answer:
    """204 where the user can be assigned to an issue here, 404 where not."""
    user = call.github.users.get(call.params["username"].lower())
    if user is None or not call.repository().may_be_assigned(user):
        raise not_found()
    return Answer(204)
