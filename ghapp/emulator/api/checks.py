"""Check runs: created, changed and found, within the limits GitHub sets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field
from starlette.responses import Response

from ghapp.emulator.api.answers import Refusal, not_found, ok
from ghapp.emulator.api.call import Body, Call
from ghapp.emulator.checks import CheckRun, Conclusion, Status
from ghapp.emulator.json import Json
from ghapp.emulator.json import repository as repositories

# Source of all limits: https://docs.github.com/rest/checks/runs
LongText = Annotated[str, Field(max_length=65_535)]
Details = Annotated[str, Field(max_length=64 * 1024)]
Short = Annotated[str, Field(max_length=20)]


class Annotation(Body):
    path: str
    start_line: int
    end_line: int
    start_column: int = 0
    end_column: int = 0
    annotation_level: Literal["notice", "warning", "failure"]
    message: Details
    title: Annotated[str, Field(max_length=255)] = ""
    raw_details: Details = ""


class Image(Body):
    alt: str
    image_url: str
    caption: str = ""


class Output(Body):
    title: str = ""
    summary: LongText
    text: LongText = ""
    annotations: Annotated[Sequence[Annotation], Field(max_length=50)] = ()
    images: Sequence[Image] = ()


class TitledOutput(Output):
    title: str


class Action(Body):
    label: Short
    description: Annotated[str, Field(max_length=40)]
    identifier: Short


class Change(Body):
    """To change a run."""

    name: str = ""
    details_url: Annotated[str, Field(pattern="^https?://")] = ""
    external_id: str = ""
    status: Status = "queued"
    started_at: AwareDatetime | None = None
    conclusion: Conclusion | None = None
    completed_at: AwareDatetime | None = None
    actions: Annotated[Sequence[Action], Field(max_length=3)] = ()
    output: Output | None = None


class New(Change):
    """To create a run."""

    name: str
    head_sha: str
    output: TitledOutput | None = None


def create_run(call: Call) -> Response:
    repository, body = call.repository(), _checked(call.body(New))
    if body["head_sha"] not in repository.network.git.parents:
        raise Refusal(422, f"No commit found for SHA: {body['head_sha']}")
    return _shown(call, repository.create_run(body), 201)


def change_run(call: Call) -> Response:
    run = _run(call)
    call.repository().change_run(run, _checked(call.body(Change)))
    return _shown(call, run)


def _checked(body: Change) -> Json:
    """What the body names, if it keeps the rules between fields."""
    named = body.model_dump(exclude_unset=True)
    if named.get("status") == "completed" and "conclusion" not in named:
        raise Refusal(422, "Invalid request.\n\nconclusion is required when status is completed.")
    for row in (named.get("output") or {}).get("annotations", ()):
        if row["start_line"] > row["end_line"] or row["start_line"] < 0:
            raise Refusal(422, "Invalid request.\n\nstart_line must not be after end_line.")
        columns = "start_column" in row or "end_column" in row
        if columns and row["start_line"] != row["end_line"]:
            raise Refusal(422, "Invalid request.\n\nColumns need start_line and end_line equal.")
    return named


def get_run(call: Call) -> Response:
    return _shown(call, _run(call))


def _run(call: Call) -> CheckRun:
    run = call.repository().check_runs.get(call.number("id"))
    if run is None:
        raise not_found()
    return run


def _shown(call: Call, run: CheckRun, status: int = 200) -> Response:
    return ok(repositories.check_run(call.at, call.repository(), run), status)


def list_annotations(call: Call) -> Response:
    run = _run(call)
    blank = dict.fromkeys(("start_column", "end_column", "title", "raw_details"))
    url = f"{call.at.html}/{call.repository().full_name}/blob/{run.head_sha}"
    return call.listed(
        run.annotations, lambda row: {**blank, **row, "blob_href": f"{url}/{row['path']}"}
    )


def list_runs(call: Call) -> Response:
    """Of one head, newest first. Filters: check_name, status, app_id, filter (latest or all)."""
    repository, query, ref = call.repository(), call.query, call.params["ref"]
    sha = repository.branches.get(ref.removeprefix("heads/"), ref)
    if sha not in repository.network.git.parents:
        raise Refusal(422, f"No commit found for SHA: {ref}")
    suite = repository.suites.get(sha)
    rows = [run for run in repository.check_runs.values() if run.suite is suite]
    if suite is not None and query.get("filter", "latest") != "all":
        rows = repository.latest_runs(suite)
    app_id = str(call.github.app.id)
    rows = [
        run
        for run in rows
        if query.get("check_name", run.name) == run.name
        and query.get("status", run.status) == run.status
        and query.get("app_id", app_id) == app_id
    ]
    rows.sort(key=lambda run: -run.id)
    del rows[: call.stale]  # a list that lags does not have the newest
    return call.counted(rows, "check_runs", partial(repositories.check_run, call.at, repository))
