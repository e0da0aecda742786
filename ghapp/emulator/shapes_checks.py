"""Check runs and check suites as GitHub's JSON, in answers and in deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ghapp.emulator.shapes import Shapes, node_id
from ghapp.emulator.state import CheckRun, CheckSuite, Json, iso

if TYPE_CHECKING:
    from ghapp.emulator.pull_state import PullState
    from ghapp.emulator.repository import Repository


def check_run(at: Shapes, repository: Repository, run: CheckRun) -> Json:
    """A check run as the API answers it. Actions are not shown, as on GitHub."""
    url = f"{at.repository_url(repository)}/check-runs/{run.id}"
    page = f"{at.html}/{repository.full_name}/runs/{run.id}"
    return {
        "id": run.id,
        "name": run.name,
        "node_id": node_id("CheckRun", run.id),
        "head_sha": run.head_sha,
        "external_id": run.external_id,
        "url": url,
        "html_url": page,
        "details_url": run.details_url or page,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": iso(run.started_at),
        "completed_at": iso(run.completed_at),
        "output": _output(run, url),
        "check_suite": {"id": run.suite.id},
        "app": at.app,
        "pull_requests": _pulls(at, repository, run.head_sha),
    }


def _output(run: CheckRun, url: str) -> Json:
    return {
        "title": run.title,
        "summary": run.summary,
        "text": run.text,
        "annotations_count": len(run.annotations),
        "annotations_url": f"{url}/annotations",
    }


def check_run_delivered(at: Shapes, repository: Repository, run: CheckRun) -> Json:
    """A check run inside a `check_run` delivery: its suite is told in full."""
    shape = check_run(at, repository, run)
    suite = check_suite(at, repository, run.suite)
    for left_out in ("latest_check_runs_count", "check_runs_url", "rerequestable"):
        suite.pop(left_out, None)
    return {**shape, "check_suite": suite}


def check_suite(at: Shapes, repository: Repository, suite: CheckSuite) -> Json:
    runs = repository.latest_runs(suite)
    url = f"{at.repository_url(repository)}/check-suites/{suite.id}"
    status, conclusion = _standing(runs)
    return {
        "id": suite.id,
        "node_id": node_id("CheckSuite", suite.id),
        "head_branch": suite.head_branch,
        "head_sha": suite.head_sha,
        "status": status,
        "conclusion": conclusion,
        "url": url,
        "before": suite.before,
        "after": suite.head_sha,
        "pull_requests": _pulls(at, repository, suite.head_sha),
        "app": at.app,
        "created_at": iso(suite.created_at),
        "updated_at": iso(suite.updated_at),
        "rerequestable": True,
        "runs_rerequestable": True,
        "latest_check_runs_count": len(runs),
        "check_runs_url": f"{url}/check-runs",
        "head_commit": _head_commit(suite),
    }


def _head_commit(suite: CheckSuite) -> Json:
    nobody = {"name": "", "email": ""}
    return {
        "id": suite.head_sha,
        "tree_id": suite.head_sha,
        "message": "",
        "timestamp": iso(suite.created_at),
        "author": nobody,
        "committer": nobody,
    }


def _standing(runs: list[CheckRun]) -> tuple[str, str | None]:
    if not runs:
        return "queued", None
    if any(run.status != "completed" for run in runs):
        return "in_progress", None
    worst = (
        "action_required",
        "timed_out",
        "cancelled",
        "failure",
        "neutral",
        "skipped",
    )
    found = {run.conclusion for run in runs}
    return "completed", next((name for name in worst if name in found), "success")


def _pulls(at: Shapes, repository: Repository, sha: str) -> list[Json]:
    """Open pulls with this head; those from forks are left out.

    Source: https://docs.github.com/rest/checks/runs (pull_requests is empty for forks)
    """
    return [
        _pull(at, pull)
        for pull in repository.pulls.values()
        if pull.head_sha == sha and pull.state == "open" and pull.head_repository is repository
    ]


def _pull(at: Shapes, pull: PullState) -> Json:
    repository = pull.repository
    minimal = {
        "id": repository.id,
        "url": at.repository_url(repository),
        "name": repository.name,
    }
    return {
        "url": f"{at.repository_url(repository)}/pulls/{pull.number}",
        "id": pull.id,
        "number": pull.number,
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": minimal},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": minimal},
    }
