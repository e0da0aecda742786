"""What people and the App do to a pull request.

Every change moves `updated_at`, keeps the state before it (for reads that lag) and tells the App.
"""

from __future__ import annotations

import copy
from collections import deque
from typing import TYPE_CHECKING

from ghapp.standin import shapes_pulls
from ghapp.standin.gitrepo import Files
from ghapp.standin.locking import locked
from ghapp.standin.pull_state import PullState
from ghapp.standin.state import Comment, Event, Json, Label, Reaction, User

if TYPE_CHECKING:
    from ghapp.standin.repository import Repository


class Pull(PullState):
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
            raise ValueError("the head repository was deleted")
        return self.head_repository

    @locked
    def comment(self, body: str, by: str) -> int:
        """The id of a new comment."""
        github = self.repository.github
        user, now = github.user(by), github.now()
        comment = Comment(github.new_id(), user, body, now, now, via_app=user is github.app.bot)
        self.touch()
        self.comments.append(comment)
        self.repository.comments[comment.id] = (self, comment)
        self._tell_comment("created", comment, user)
        return comment.id

    @locked
    def edit_comment(self, comment_id: int, body: str, by: str) -> None:
        comment, user = self.find_comment(comment_id), self.repository.github.user(by)
        before, comment.body = comment.body, body
        self.touch()
        comment.updated_at = self.updated_at
        self._tell_comment("edited", comment, user, changes={"body": {"from": before}})

    @locked
    def delete_comment(self, comment_id: int, by: str) -> None:
        comment = self.find_comment(comment_id)
        self.touch()
        self.comments.remove(comment)
        del self.repository.comments[comment_id]
        self._tell_comment("deleted", comment, self.repository.github.user(by))

    @locked
    def react(self, comment_id: int, content: str, by: str) -> tuple[Reaction, bool]:
        """The reaction, and whether it is new. It moves no `updated_at`, and tells nobody."""
        github, comment = self.repository.github, self.find_comment(comment_id)
        user = github.user(by)
        for known in comment.reactions:
            if known.user is user and known.content == content:
                return known, False
        reaction = Reaction(github.new_id(), user, content, github.now())
        comment.reactions.append(reaction)
        return reaction, True

    @locked
    def add_label(self, name: str, by: str) -> None:
        """A label already on the pull changes nothing; an unknown one is created."""
        user = self.repository.github.user(by)
        label = self.repository.label(name) or self.repository.create_label(name, by=user)
        if label in self.label_list:
            return
        self.touch()
        self.label_list = [*self.label_list, label]
        self._tell_label("labeled", label, user)

    @locked
    def remove_label(self, name: str, by: str) -> None:
        """Raises KeyError (not on the pull)."""
        label = self.repository.label(name)
        if label is None or label not in self.label_list:
            raise KeyError(name)
        self.touch()
        self.label_list = [other for other in self.label_list if other is not label]
        self._tell_label("unlabeled", label, self.repository.github.user(by))

    @locked
    def edit(self, by: str | None = None, *, title: str | None = None, body: str = "") -> None:
        self.touch()
        changes: Json = {}
        if title is not None:
            changes["title"] = {"from": self.title}
            self.title = title
        if body:
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
        self._happen("closed", by)
        self.tell("closed", by)

    @locked
    def reopen(self, by: str | None = None) -> None:
        self.touch()
        self.state, self.closed_at = "open", None
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
        repository.move(self.base_ref, sha, by or self.author.login)
        self.touch()
        self.state, self.merge_commit_sha = "closed", sha
        self.closed_at = self.merged_at = self.updated_at
        self.merged_by = github.user(by or self.author.login)
        self._happen("merged", by, commit_id=sha)
        self._happen("closed", by, commit_id=sha)
        self.tell("closed", by)
        return sha

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

    def count_commits(self) -> None:
        git = self.repository.network.git
        self.commits = len(git.commits(self.merge_base(), self.head_sha))

    def touch(self) -> None:
        """Keep the state as it was, then move `updated_at`."""
        before = copy.copy(self)
        before.past = deque()
        before.comments, before.events = list(self.comments), list(self.events)
        self.past.append(before)
        self.updated_at = self.repository.github.now()

    def tell(self, action: str, by: str | None = None, **more: object) -> None:
        """Send a `pull_request` delivery."""
        github = self.repository.github
        shape = shapes_pulls.pull(github.shapes, self)
        sender = github.user(by or self.author.login)
        parts: Json = {"number": self.number, "pull_request": shape, **more}
        github.emit("pull_request", action, self.repository, sender, parts)

    def tell_labelled(self, label: Label) -> None:
        """The event and the delivery of a label that is on the pull from the start."""
        self._tell_label("labeled", label, self.author)

    def _tell_label(self, action: str, label: Label, user: User) -> None:
        self._happen(action, user.login, label=label)
        shape = self.repository.github.shapes.label(self.repository, label)
        self.tell(action, user.login, label=shape)

    def _tell_comment(self, action: str, comment: Comment, user: User, **more: object) -> None:
        github = self.repository.github
        parts: Json = {
            "issue": shapes_pulls.issue(github.shapes, self),
            "comment": github.shapes.comment(self, comment),
            **more,
        }
        github.emit("issue_comment", action, self.repository, user, parts)

    def _happen(
        self,
        name: str,
        by: str | None,
        *,
        label: Label | None = None,
        commit_id: str | None = None,
    ) -> None:
        github = self.repository.github
        actor = github.user(by or self.author.login)
        event = Event(
            github.new_id(), name, actor, self.updated_at, label, commit_id,
            via_app=actor is github.app.bot,
        )  # fmt: skip
        self.events.append(event)
