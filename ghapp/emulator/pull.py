"""What people and the App do to a pull request, beside reviewing and talking.

Every change moves `updated_at`, keeps the state before it (for reads that lag) and tells the App.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ghapp.emulator import shapes_pulls
from ghapp.emulator.gitrepo import Files
from ghapp.emulator.locking import locked
from ghapp.emulator.reviewing import Reviewing
from ghapp.emulator.state import Json, User
from ghapp.emulator.words import Cannot

if TYPE_CHECKING:
    from ghapp.emulator.repository import Repository


class Pull(Reviewing):
    """A pull that can be acted upon."""

    # --- what people and the App do --------------------------------------------------------

    @locked
    def push(self, files: Files, by: str | None = None, message: str = "Change") -> str:
        """Commit on top of the head; the new head SHA."""
        return self._head_repository().push(self.head_ref, files, by or self.author.login, message)

    @locked
    def force_push(self, files: Files, by: str | None = None) -> str:
        """Throw the pull's commits away and start again from the base branch."""
        tip = self.repository.branches[self.base_ref]
        who = by or self.author.login
        return self._head_repository().push(self.head_ref, files, who, parent=tip)

    @locked
    def rebase(self, by: str | None = None) -> str:
        """The same changes as one commit on the tip of the base branch. Raises GitFailed."""
        return self._move([self.repository.branches[self.base_ref]], by, "Rebased")

    @locked
    def merge_base_in(self, by: str | None = None) -> str:
        """What the button "Update branch" does. Raises GitFailed (conflict)."""
        tip = self.repository.branches[self.base_ref]
        return self._move([self.head_sha, tip], by, f"Merge {self.base_ref}")

    def _move(self, parents: list[str], by: str | None, message: str) -> str:
        tip = self.repository.branches[self.base_ref]
        git, now = self.repository.network.git, self.repository.github.now()
        sha = git.merge(tip, self.head_sha, parents=parents, message=message, at=now)
        self._head_repository().move(self.head_ref, sha, by or self.author.login)
        return sha

    def _head_repository(self) -> Repository:
        if self.head_repository is None:
            raise Cannot("no_head_repository")
        return self.head_repository

    @locked
    def edit(
        self, by: str | None = None, *, title: str | None = None, body: str | None = None
    ) -> None:
        self.touch()
        changes: Json = {}
        if title is not None:
            changes["title"] = {"from": self.title}
            self.title = title
        if body is not None:
            changes["body"] = {"from": self.body or ""}
            self.body = body
        self.tell("edited", by, changes=changes)

    @locked
    def retarget(self, base_ref: str, by: str | None = None) -> None:
        """Change the base branch."""
        self.touch()
        before = {"ref": {"from": self.base_ref}, "sha": {"from": self.base_sha}}
        self.base_ref, self.base_sha = base_ref, self.repository.branches[base_ref]
        self.tell("edited", by, changes={"base": before})

    @locked
    def ready(self, by: str | None = None) -> None:
        self.touch()
        self.is_draft = False
        self._happen("ready_for_review", by)
        self.tell("ready_for_review", by)

    @locked
    def draft(self, by: str | None = None) -> None:
        self.touch()
        self.is_draft = True
        self._happen("convert_to_draft", by)
        self.tell("converted_to_draft", by)

    @locked
    def close(self, by: str | None = None) -> None:
        self.touch()
        self.state, self.closed_at = "closed", self.updated_at
        self.closed_by = self.repository.github.user(by or self.author.login)
        self._happen("closed", by)
        self.tell("closed", by)
        self.dequeue(by)

    @locked
    def reopen(self, by: str | None = None) -> None:
        self.touch()
        self.state, self.closed_at, self.closed_by = "open", None, None
        self._happen("reopened", by)
        self.tell("reopened", by)

    @locked
    def merge(self, by: str | None = None) -> str:
        """The SHA of the merge commit on the base branch. Raises GitFailed (conflict)."""
        repository, github = self.repository, self.repository.github
        tip = repository.branches[self.base_ref]
        sha = repository.network.git.merge(
            tip, self.head_sha, parents=[tip, self.head_sha],
            message=f"Merge pull request #{self.number}", at=github.now(),
        )  # fmt: skip
        self.land(sha, by)
        return sha

    def land(self, sha: str, by: str | None = None) -> None:
        """The base branch moves to a commit that holds the pull, which is merged by that."""
        github = self.repository.github
        self.repository.move(self.base_ref, sha, by or self.author.login)
        self.touch()
        self.state, self.merge_commit_sha = "closed", sha
        self.closed_at = self.merged_at = self.updated_at
        self.merged_by = self.closed_by = github.user(by or self.author.login)
        self._happen("merged", by, commit_id=sha)
        self._happen("closed", by, commit_id=sha)
        self.tell("closed", by)

    @locked
    def enqueue(self, by: str | None = None) -> None:
        """Add it to the merge queue of its base branch. Raises KeyError and ValueError."""
        user = self.repository.github.user(by or self.author.login)
        self.repository.queues[self.base_ref].add(self, user)

    @locked
    def dequeue(self, by: str | None = None, reason: str = "MANUAL") -> None:
        """Take it out of the merge queue, where it is in one."""
        queue = self.repository.queues.get(self.base_ref)
        entry = queue.find(self) if queue else None
        if queue and entry:
            queue.drop(entry, reason, self.repository.github.user(by or self.author.login))

    @locked
    def delete_fork(self) -> None:
        """The head repository disappears; the pull stays."""
        self.touch()
        self.head_repository = None

    # --- telling ---------------------------------------------------------------------------

    def synchronize(self, before: str, after: str, user: User) -> None:
        """The head branch moved."""
        self.touch()
        git = self.repository.network.git
        self.head_sha, self.base_sha = after, self.repository.branches[self.base_ref]
        self.count_commits()
        if not git.is_ancestor(before, after):
            self._happen("head_ref_force_pushed", user.login, commit_id=after)
        self.tell("synchronize", user.login, before=before, after=after)
        self.dequeue(user.login, "UNKNOWN_REMOVAL_REASON")

    def count_commits(self) -> None:
        git = self.repository.network.git
        self.commits = len(git.commits(self.merge_base(), self.head_sha))

    def tell(self, action: str, by: str | None = None, **more: object) -> None:
        """Send a `pull_request` delivery."""
        github = self.repository.github
        shape = shapes_pulls.pull(github.shapes, self)
        sender = github.user(by or self.author.login)
        parts: Json = {"number": self.number, "pull_request": shape, **more}
        github.emit("pull_request", action, self.repository, sender, parts)
