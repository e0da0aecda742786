"""Check suites and check runs: how they come to be, change, and are asked for again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ghapp.emulator import shapes_checks
from ghapp.emulator.state import CheckRun, CheckSuite, Json, User
from ghapp.emulator.words import Cannot

if TYPE_CHECKING:
    from ghapp.emulator.repository import Repository


def suite(repository: Repository, sha: str, branch: str | None = None) -> CheckSuite:
    """The App's check suite on a head, made when missing."""
    if sha not in repository.suites:
        now = repository.github.now()
        repository.suites[sha] = CheckSuite(repository.github.new_id(), sha, branch, now, now)
    return repository.suites[sha]


def request_suite(
    repository: Repository, sha: str, branch: str, before: str, user: User
) -> CheckSuite:
    """A push makes a suite for each App that may write checks, and tells the App."""
    made = suite(repository, sha, branch)
    made.before = before
    _tell_suite(repository, "requested", made, user)
    return made


def rerequest_suite(repository: Repository, sha: str, user: User) -> None:
    _tell_suite(repository, "rerequested", suite(repository, sha), user)


def rerequest_run(repository: Repository, run: CheckRun, user: User) -> None:
    """GitHub resets the run at once and waits for the App to write a new one.

    Source: https://docs.github.com/rest/checks/runs#rerequest-a-check-run
    """
    run.status, run.conclusion, run.completed_at = "queued", None, None
    tell_run(repository, "rerequested", run, user)


def press(repository: Repository, run: CheckRun, identifier: str, user: User) -> None:
    """Raises ValueError (no such button, or not one who may write).

    GitHub's pages do not say who sees the buttons. That it takes write is assumed here, by likeness
    to running a workflow again; an App must still check by itself who pressed.
    """
    if not repository.may_write(user):
        raise Cannot("sees_no_buttons", by=user.login)
    known = {action["identifier"] for action in run.actions}
    if identifier not in known or run.status != "completed":
        raise Cannot("no_button", run=run.id, identifier=identifier)
    tell_run(
        repository,
        "requested_action",
        run,
        user,
        requested_action={"identifier": identifier},
    )


def create_run(repository: Repository, body: Json) -> CheckRun:
    """body: as GitHub admits it, checked before."""
    github = repository.github
    run = CheckRun(
        github.new_id(), body["name"], body["head_sha"],
        suite(repository, body["head_sha"]), github.now(),
    )  # fmt: skip
    repository.check_runs[run.id] = run
    update_run(repository, run, body)
    tell_run(repository, "created", run, github.app.bot)
    if run.status == "completed":
        tell_run(repository, "completed", run, github.app.bot)
    repository.heed(run)
    return run


def change_run(repository: Repository, run: CheckRun, body: Json) -> None:
    was = (run.status, run.conclusion)
    update_run(repository, run, body)
    if run.status == "completed" and (run.status, run.conclusion) != was:
        tell_run(repository, "completed", run, repository.github.app.bot)
    repository.heed(run)


def update_run(repository: Repository, run: CheckRun, body: Json) -> None:
    """A conclusion completes the run; annotations are added to those there are."""
    now = repository.github.now()
    for key in (
        "name",
        "external_id",
        "details_url",
        "status",
        "conclusion",
        "actions",
    ):
        if key in body:
            setattr(run, key, body[key])
    if "conclusion" in body:
        run.status = "completed"
    if run.status == "completed":
        run.completed_at = _time(body.get("completed_at")) or run.completed_at or now
    else:
        run.conclusion, run.completed_at = None, None
    run.started_at = _time(body.get("started_at")) or run.started_at
    output = body.get("output") or {}
    for key in ("title", "summary", "text"):
        if key in output:
            setattr(run, key, output[key])
    run.annotations += output.get("annotations", [])
    run.suite.updated_at = now


def tell_run(
    repository: Repository, action: str, run: CheckRun, user: User, **more: object
) -> None:
    github = repository.github
    shape = shapes_checks.check_run_delivered(github.shapes, repository, run)
    github.emit("check_run", action, repository, user, {"check_run": shape, **more})


def _tell_suite(repository: Repository, action: str, made: CheckSuite, user: User) -> None:
    github = repository.github
    shape = shapes_checks.check_suite(github.shapes, repository, made)
    github.emit("check_suite", action, repository, user, {"check_suite": shape})


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
