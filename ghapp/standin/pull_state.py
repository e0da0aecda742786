"""What a pull request is: its fields, and what follows from them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import TYPE_CHECKING

from ghapp.standin.diffs import Change
from ghapp.standin.state import CheckRun, Comment, Event, Label, User

if TYPE_CHECKING:
    from ghapp.standin.repository import Repository

PAST_STATES = 20


@dataclass(eq=False, repr=False)
class PullState:
    """author: who opened it. head_owner: kept for the label "owner:ref" when the fork is gone."""

    repository: Repository
    number: int
    id: int
    issue_id: int
    author: User
    title: str
    body: str | None
    head_repository: Repository | None
    head_owner: str
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    created_at: datetime
    updated_at: datetime
    is_draft: bool = False
    state: str = "open"
    commits: int = 0
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    label_list: list[Label] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    past: deque[PullState] = field(default_factory=lambda: deque(maxlen=PAST_STATES))

    def __repr__(self) -> str:
        return f"<Pull {self.repository.full_name}#{self.number} at {self.head_sha[:7]}>"

    @property
    def lock(self) -> RLock:
        return self.repository.lock

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(label.name for label in self.label_list)

    def merge_base(self) -> str:
        return self.repository.network.git.merge_base(self.base_sha, self.head_sha)

    def changes(self) -> tuple[Change, ...]:
        """The three-dot diff: from where the head left the base, to the head."""
        return self.repository.network.diffs.between(self.merge_base(), self.head_sha)

    def check_runs(self, head_sha: str | None = None) -> list[CheckRun]:
        """All runs on a head (by default the newest), oldest first."""
        sha = head_sha or self.head_sha
        return [run for run in self.repository.check_runs.values() if run.head_sha == sha]

    def find_comment(self, comment_id: int) -> Comment:
        """Raises KeyError (no such comment)."""
        return self.repository.comments[comment_id][1]

    def as_of(self, changes_ago: int) -> PullState:
        """This pull before its last changes, as a read that lags behind sees it."""
        return self.past[-min(changes_ago, len(self.past))] if changes_ago and self.past else self
