"""Issues: opened, edited, closed, reopened, deleted, transferred.

Source: https://docs.github.com/webhooks/webhook-events-and-payloads#issues
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ghapp.emulator import shapes_issues
from ghapp.emulator.issue_state import IssueState
from ghapp.emulator.locking import locked
from ghapp.emulator.state import Json, User
from ghapp.emulator.thread import Thread

if TYPE_CHECKING:
    from ghapp.emulator.repository import Repository


ASSIGNEES_LIMIT = 10  # https://docs.github.com/rest/issues/assignees
REASONS = ("completed", "not_planned", "duplicate")


class Issue(Thread, IssueState):
    """An issue that can be acted upon."""

    @locked
    def close(self, by: str, reason: str = "completed") -> None:
        """reason: completed, not_planned or duplicate. A closed one is closed no second time."""
        if reason not in REASONS:
            raise ValueError(f"reason {reason!r}: one of {', '.join(REASONS)}")
        if self.state == "open":
            self._turn("closed", by, reason)

    @locked
    def reopen(self, by: str) -> None:
        if self.state == "closed":
            self._turn("reopened", by, "reopened")

    def _turn(self, action: str, by: str, reason: str) -> None:
        self.touch()
        closes = action == "closed"
        self.state, self.state_reason = "closed" if closes else "open", reason
        self.closed_at = self.updated_at if closes else None
        self.closed_by = self.repository.github.user(by) if closes else None
        self._happen(action, by)
        self.tell(action, by)

    @locked
    def edit(self, by: str, *, title: str | None = None, body: str | None = None) -> None:
        """What is as it was changes nothing and is not told."""
        changes: Json = {}
        if title is not None and title != self.title:
            changes["title"] = {"from": self.title}
        if body is not None and body != (self.body or ""):
            changes["body"] = {"from": self.body or ""}
        if not changes:
            return
        self.touch()
        before, self.title = self.title, title if title is not None else self.title
        self.body = body if body is not None else self.body
        if "title" in changes:
            self._happen("renamed", by, more={"rename": {"from": before, "to": self.title}})
        self.tell("edited", by, changes=changes)

    @locked
    def delete(self, by: str) -> None:
        """From now on 410. Only administrators are let to do so."""
        self._leave()
        self.repository.deleted_issues.add(self.number)
        self.tell("deleted", by)

    @locked
    def transfer(self, to: Repository, by: str) -> Issue:
        """The new issue; the old address leads there. Labels go along where `to` has them."""
        old = self.repository
        moved = _new_issue(to, self.author, self.title, self.body or "", via_app=self.via_app)
        moved.created_at, moved.state = self.created_at, self.state
        moved.label_list = [label for name in self.labels if (label := to.label(name))]
        moved.comments, moved.history = self.comments, self.history
        self._leave()
        for comment in moved.comments:
            to.comments[comment.id] = (moved, comment)
        old.moved_issues[self.number] = moved
        at = old.github.shapes
        changes = {
            "new_issue": shapes_issues.issue(at, moved),
            "new_repository": at.repository(to),
        }
        self.tell("transferred", by, changes=changes)
        before = {
            "old_issue": shapes_issues.issue(at, self),
            "old_repository": at.repository(old),
        }
        moved.tell("opened", by, changes=before)
        return moved

    def _leave(self) -> None:
        self.touch()
        del self.repository.issues[self.number]
        for comment in self.comments:
            self.repository.comments.pop(comment.id, None)

    def tell(self, action: str, by: str | None = None, **more: object) -> None:
        """Send an `issues` delivery."""
        github = self.repository.github
        parts: Json = {"issue": shapes_issues.issue(github.shapes, self), **more}
        sender = github.user(by or self.author.login)
        github.emit("issues", action, self.repository, sender, parts)


@dataclass(frozen=True, slots=True)
class Draft:
    """An issue to be."""

    author: User
    title: str
    body: str
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()


def open_issue(repository: Repository, wanted: Draft) -> Issue:
    """Raises ValueError (issues are switched off, somebody cannot be assigned).

    Labels that the repository does not know are created, as when they are put on later. GitHub's
    pages only say that labels of people without push access are dropped; that an unknown name is
    created for all others is assumed here.
    """
    github = repository.github
    if not repository.has_issues:
        raise ValueError("Issues are disabled for this repo")
    people = assignable(repository, wanted.assignees)
    is_ours = wanted.author is github.app.bot
    issue = _new_issue(repository, wanted.author, wanted.title, wanted.body, via_app=is_ours)
    by = wanted.author
    issue.label_list = [
        repository.label(name) or repository.create_label(name, by=by) for name in wanted.labels
    ]
    issue.assignees = people
    issue.tell("opened")
    for label in issue.label_list:
        issue.tell_labelled(label)
    for user in people:
        issue.tell_assigned(user, by.login)
    return issue


def assignable(repository: Repository, logins: Iterable[str]) -> list[User]:
    """Raises NotAssignable (somebody cannot be assigned)."""
    people: list[User] = []
    for login in logins:
        user = repository.github.users.get(login.lower())
        if user is None or not repository.may_be_assigned(user):
            raise NotAssignable(login)
        people += [user] if user not in people else []
    return people


class NotAssignable(ValueError):
    """login: who cannot be assigned."""

    def __init__(self, login: str) -> None:
        super().__init__(f"{login} cannot be assigned")
        self.login = login


def _new_issue(
    repository: Repository, author: User, title: str, body: str, *, via_app: bool
) -> Issue:
    github, now = repository.github, repository.github.now()
    issue = Issue(
        repository=repository, number=repository.next_number(), issue_id=github.new_id(),
        author=author, title=title, body=body or None, created_at=now, updated_at=now,
        via_app=via_app,
    )  # fmt: skip
    repository.issues[issue.number] = issue
    return issue
