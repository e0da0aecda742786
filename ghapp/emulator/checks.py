"""Check suites and check runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from ghapp.emulator.json import Json

Status = Literal["queued", "in_progress", "completed"]
Conclusion = Literal[
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"
]
CONCLUSIONS: tuple[str, ...] = get_args(Conclusion)
WORST_FIRST = ("action_required", "timed_out", "cancelled", "failure", "neutral", "skipped")


@dataclass(slots=True)
class CheckSuite:
    """All check runs of the App on one head SHA."""

    id: int
    head_sha: str
    head_branch: str | None
    created_at: datetime
    updated_at: datetime
    before: str | None = None


@dataclass(slots=True)
class CheckRun:
    """annotations only ever grow; actions are replaced by each write that names them."""

    id: int
    name: str
    head_sha: str
    suite: CheckSuite
    started_at: datetime
    status: str = "queued"
    conclusion: str | None = None
    completed_at: datetime | None = None
    external_id: str = ""
    details_url: str = ""
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[Json] = field(default_factory=list)
    actions: list[Json] = field(default_factory=list)

    def update(self, body: Json, now: datetime) -> None:
        """Take over what a request names. A conclusion completes the run.

        body: as GitHub admits it, checked before; its times are datetimes.
        """
        for key in ("name", "external_id", "details_url", "status", "conclusion", "actions"):
            if key in body:
                setattr(self, key, body[key])
        if "conclusion" in body:
            self.status = "completed"
        if self.status == "completed":
            self.completed_at = body.get("completed_at") or self.completed_at or now
        else:
            self.conclusion, self.completed_at = None, None
        self.started_at = body.get("started_at") or self.started_at
        output = body.get("output") or {}
        for key in ("title", "summary", "text"):
            if key in output:
                setattr(self, key, output[key])
        self.annotations += output.get("annotations", [])
        self.suite.updated_at = now


def combined(runs: Sequence[CheckRun]) -> tuple[str, str | None]:
    """Status and conclusion of a suite with these runs."""
    statuses = {run.status for run in runs}
    if not statuses:
        return "queued", None
    if statuses != {"completed"}:
        return "in_progress", None
    conclusions = {run.conclusion for run in runs}
    return "completed", next((name for name in WORST_FIRST if name in conclusions), "success")
