"""What people and the App do alike to an issue and to a pull: comment, react, label, assign.

Every change moves `updated_at`, keeps the state before it (for reads that lag) and tells the App.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from ghapp.emulator import shapes_issues
from ghapp.emulator.locking import locked
from ghapp.emulator.state import Comment, Event, Json, Label, Reaction, Said, User
from ghapp.emulator.thread_state import ThreadState


class Thread(ThreadState, ABC):
    """An issue or a pull that can be acted upon."""

    @abstractmethod
    def tell(self, action: str, by: str | None = None, **more: object) -> None:
        """Send the delivery about this thread itself."""

    # --- comments and reactions ------------------------------------------------------------

    @locked
    def comment(self, body: str, by: str) -> int:
        """The id of a new comment."""
        github = self.repository.github
        user, now = github.user(by), github.now()
        comment = Comment(
            id=github.new_id(), user=user, body=body, created_at=now, updated_at=now,
            via_app=user is github.app.bot,
        )  # fmt: skip
        self.touch()
        self.comments.append(comment)
        self.repository.comments[comment.id] = (self, comment)
        self._tell_comment("created", comment, user)
        return comment.id

    @locked
    def edit_comment(self, comment_id: int, body: str, by: str) -> None:
        comment, user = self.find_comment(comment_id), self.repository.github.user(by)
        self.touch()
        changes = comment.change(body, user, self.updated_at)
        self._tell_comment("edited", comment, user, changes=changes)

    @locked
    def delete_comment(self, comment_id: int, by: str) -> None:
        comment = self.find_comment(comment_id)
        self.touch()
        self.comments.remove(comment)
        del self.repository.comments[comment_id]
        self._tell_comment("deleted", comment, self.repository.github.user(by))

    def react(self, comment_id: int, content: str, by: str) -> tuple[Reaction, bool]:
        return self.react_to(self.find_comment(comment_id), content, by)

    @locked
    def react_to(self, said: Said, content: str, by: str) -> tuple[Reaction, bool]:
        """The reaction, and whether it is new. It moves no `updated_at`, and tells nobody."""
        github = self.repository.github
        user = github.user(by)
        for known in said.reactions:
            if known.user is user and known.content == content:
                return known, False
        reaction = Reaction(github.new_id(), user, content, github.now())
        said.reactions.append(reaction)
        return reaction, True

    # --- labels and assignees --------------------------------------------------------------

    @locked
    def add_label(self, name: str, by: str) -> None:
        """A label already on the thread changes nothing; an unknown one is created."""
        user = self.repository.github.user(by)
        label = self.repository.label(name) or self.repository.create_label(name, by=user)
        if label in self.label_list:
            return
        self.touch()
        self.label_list = [*self.label_list, label]
        self._tell_label("labeled", label, user)

    @locked
    def remove_label(self, name: str, by: str) -> None:
        """Raises KeyError (not on the thread)."""
        label = self.repository.label(name)
        if label is None or label not in self.label_list:
            raise KeyError(name)
        self.touch()
        self.label_list = [other for other in self.label_list if other is not label]
        self._tell_label("unlabeled", label, self.repository.github.user(by))

    def tell_labelled(self, label: Label) -> None:
        """The event and the delivery of a label that is on the thread from the start."""
        self._tell_label("labeled", label, self.author)

    @locked
    def assign(self, login: str, by: str) -> None:
        """Raises ValueError (cannot be assigned)."""
        user = self.repository.github.user(login)
        if not self.repository.may_be_assigned(user):
            raise ValueError(f"{login} cannot be assigned in {self.repository.full_name}")
        if user not in self.assignees:
            self.touch()
            self.assignees = [*self.assignees, user]
            self.tell_assigned(user, by)

    @locked
    def unassign(self, login: str, by: str) -> None:
        user = self.repository.github.user(login)
        if user in self.assignees:
            self.touch()
            self.assignees = [other for other in self.assignees if other is not user]
            self._tell_assignee("unassigned", user, by)

    def tell_assigned(self, user: User, by: str) -> None:
        self._tell_assignee("assigned", user, by)

    # --- telling ---------------------------------------------------------------------------

    def _tell_assignee(self, action: str, user: User, by: str) -> None:
        github = self.repository.github
        told = {
            "assignee": github.shapes.user(user),
            "assigner": github.shapes.user(github.user(by)),
        }
        self._happen(action, by, more=told)
        self.tell(action, by, assignee=told["assignee"])

    def _tell_label(self, action: str, label: Label, user: User) -> None:
        self._happen(action, user.login, label=label)
        shape = self.repository.github.shapes.label(self.repository, label)
        self.tell(action, user.login, label=shape)

    def _tell_comment(self, action: str, comment: Comment, user: User, **more: object) -> None:
        github = self.repository.github
        parts: Json = {
            "issue": shapes_issues.issue(github.shapes, self),
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
        more: Json | None = None,
    ) -> None:
        github = self.repository.github
        actor = github.user(by or self.author.login)
        event = Event(
            github.new_id(), name, actor, self.updated_at, label, commit_id,
            via_app=actor is github.app.bot, more=more or {},
        )  # fmt: skip
        self.events.append(event)
