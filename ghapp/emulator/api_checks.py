"""Check runs: created, changed and found, within the limits GitHub sets."""

from __future__ import annotations

from ghapp.emulator import checks, shapes_checks
from ghapp.emulator.bodies import Items, Moment, Number, Object, Shape, Text
from ghapp.emulator.repository import Repository
from ghapp.emulator.rest import Answer, Call, Refusal, not_found, ok
from ghapp.emulator.state import CheckRun, CheckSuite, Json

# Source of all limits: https://docs.github.com/rest/checks/runs
TEXT_LIMIT, ANNOTATION_LIMIT, ACTION_LIMIT = 65_535, 50, 3
STATUSES = ("queued", "in_progress", "completed")
CONCLUSIONS = (
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out",
)  # fmt: skip
ANNOTATION = Object(
    {
        "path": Text(),
        "start_line": Number(),
        "end_line": Number(),
        "start_column": Number(),
        "end_column": Number(),
        "annotation_level": Text(choices=("notice", "warning", "failure")),
        "message": Text(most=64 * 1024),
        "title": Text(most=255),
        "raw_details": Text(most=64 * 1024),
    },
    ("path", "start_line", "end_line", "annotation_level", "message"),
)
IMAGE = Object({"alt": Text(), "image_url": Text(), "caption": Text()}, ("alt", "image_url"))
OUTPUT: dict[str, Shape] = {
    "title": Text(),
    "summary": Text(most=TEXT_LIMIT),
    "text": Text(most=TEXT_LIMIT),
    "annotations": Items(ANNOTATION, ANNOTATION_LIMIT),
    "images": Items(IMAGE),
}
ACTION = Object(
    {"label": Text(most=20), "description": Text(most=40), "identifier": Text(most=20)},
    ("label", "description", "identifier"),
)
FIELDS: dict[str, Shape] = {
    "name": Text(),
    "details_url": Text(start=("http://", "https://")),
    "external_id": Text(),
    "status": Text(choices=STATUSES),
    "started_at": Moment(),
    "conclusion": Text(choices=CONCLUSIONS),
    "completed_at": Moment(),
    "actions": Items(ACTION, ACTION_LIMIT),
}
CREATE = Object(
    {**FIELDS, "head_sha": Text(), "output": Object(OUTPUT, ("title", "summary"))},
    ("name", "head_sha"),
)
CHANGE = Object({**FIELDS, "output": Object(OUTPUT, ("summary",))})


def create_run(call: Call) -> Answer:
    repository = call.repository()
    body = call.json(CREATE)
    _check(body)
    if body["head_sha"] not in repository.network.git.parents:
        raise Refusal(422, f"No commit found for SHA: {body['head_sha']}")
    return _shown(call, repository, checks.create_run(repository, body), 201)


def change_run(call: Call) -> Answer:
    repository = call.repository()
    run = _run(call, repository)
    body = call.json(CHANGE)
    _check(body)
    checks.change_run(repository, run, body)
    return _shown(call, repository, run)


def _check(body: Json) -> None:
    """Rules between fields."""
    if body.get("status") == "completed" and "conclusion" not in body:
        raise Refusal(422, "Invalid request.\n\nconclusion is required when status is completed.")
    for row in (body.get("output") or {}).get("annotations", ()):
        if row["start_line"] > row["end_line"] or row["start_line"] < 0:
            raise Refusal(422, "Invalid request.\n\nstart_line must not be after end_line.")
        columns = "start_column" in row or "end_column" in row
        if columns and row["start_line"] != row["end_line"]:
            raise Refusal(422, "Invalid request.\n\nColumns need start_line and end_line equal.")


def get_run(call: Call) -> Answer:
    repository = call.repository()
    return _shown(call, repository, _run(call, repository))


def list_annotations(call: Call) -> Answer:
    run = _run(call, call.repository())
    blank = {
        "start_column": None,
        "end_column": None,
        "title": None,
        "raw_details": None,
    }
    href = f"{call.github.shapes.html}/{call.repository().full_name}/blob/{run.head_sha}"
    return call.listed(
        run.annotations,
        lambda row: {**blank, **row, "blob_href": f"{href}/{row['path']}"},
    )


def _run(call: Call, repository: Repository) -> CheckRun:
    run = repository.check_runs.get(call.number("id"))
    if run is None:
        raise not_found()
    return run


def _shown(call: Call, repository: Repository, run: CheckRun, status: int = 200) -> Answer:
    return ok(shapes_checks.check_run(call.github.shapes, repository, run), status)


def list_runs(call: Call) -> Answer:
    """Of one head, newest first. Filters: check_name, status, app_id, filter (latest or all)."""
    repository, query = call.repository(), call.query
    suite = repository.suites.get(_sha(repository, call.params["ref"]))
    rows = _candidates(repository, suite, query.get("filter", "latest"))
    rows = [
        run
        for run in rows
        if query.get("check_name", run.name) == run.name
        and query.get("status", run.status) == run.status
        and query.get("app_id", str(call.github.app.id)) == str(call.github.app.id)
    ]
    rows.sort(key=lambda run: -run.id)
    del rows[: call.stale]  # a list that lags knows nothing of the newest
    page, size = call.page()
    at = call.github.shapes
    shown = rows[(page - 1) * size : page * size]
    runs = [shapes_checks.check_run(at, repository, run) for run in shown]
    answer = ok({"total_count": len(rows), "check_runs": runs})
    answer.headers |= call.links(len(rows))
    return answer


def _candidates(repository: Repository, suite: CheckSuite | None, kept: str) -> list[CheckRun]:
    if suite is None:
        return []
    if kept == "all":
        return [run for run in repository.check_runs.values() if run.suite is suite]
    return repository.latest_runs(suite)


def _sha(repository: Repository, ref: str) -> str:
    sha = repository.branches.get(ref.removeprefix("heads/"), ref)
    if sha not in repository.network.git.parents:
        raise Refusal(422, f"No commit found for SHA: {ref}")
    return sha
