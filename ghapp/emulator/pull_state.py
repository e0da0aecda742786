"""What a pull request is: its fields, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ghapp.emulator.diffs import Change
from ghapp.emulator.state import CheckRun, Review, ReviewComment, User
from ghapp.emulator.thread_state import ThreadState

if TYPE_CHECKING:
    from ghapp.emulator.repository import Repository


@dataclass(eq=False, repr=False, kw_only=True)
class PullState(ThreadState):
    """head_owner: kept for the label "owner:ref" when the fork is gone."""

    id: int
    head_repository: Repository | None
    head_owner: str
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    is_draft: bool = False
    commits: int = 0
    merged_at: datetime | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    reviews: list[Review] = field(default_factory=list)
    review_comments: list[ReviewComment] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Pull {self.repository.full_name}#{self.number} at {self.head_sha[:7]}>"

    def merge_base(self) -> str:
        return self.repository.network.git.merge_base(self.base_sha, self.head_sha)

    def changes(self) -> tuple[Change, ...]:
        """The three-dot diff: from where the head left the base, to the head."""
        return self.repository.network.diffs.between(self.merge_base(), self.head_sha)

    def check_runs(self, head_sha: str | None = None) -> list[CheckRun]:
        """All runs on a head (by default the newest), oldest first."""
        sha = head_sha or self.head_sha
        return [run for run in self.repository.check_runs.values() if run.head_sha == sha]

    def find_review(self, review_id: int) -> Review:
        """Raises KeyError (no such review)."""
        return self.repository.reviews[review_id][1]

    def find_review_comment(self, comment_id: int) -> ReviewComment:
        """Raises KeyError (no such comment)."""
        return self.repository.review_comments[comment_id][1]
