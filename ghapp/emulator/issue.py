"""The issue tracker of a repository: people, labels, issues, and what is written in them.

People, the App and tests act by the methods; every act that GitHub reports to an App emits a
delivery.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Any, Self, TypeVar

from ghapp.emulator.accounts import Installation, Site, User, locked
from ghapp.emulator.conversation import Comment, Edit, Event, Label, Message, Reaction, Review
from ghapp.emulator.json import Json

M = TypeVar("M", bound=Message)
ROLES = ("none", "read", "triage", "write", "maintain", "admin")
CLOSE_REASONS = ("completed", "not_planned", "duplicate")
UNKNOWN_LABEL_COLOR = "ededed"  # of a label that is created by being put on an issue
EARLIER_STATES = 20


class NotAssignable(ValueError):
    """login: who cannot be assigned."""

    def __init__(self, login: str) -> None:
        super().__init__(f"{login} cannot be assigned")
        self.login = login


@dataclass(eq=False, repr=False, kw_only=True)
class Tracker:
    """The issue tracker of a repository; it knows nothing about code.

    has_issues: if off, it has only pulls. roles: by lower-case login. messages: all comments,
    reviews and review comments, by their ids.
    """

    github: Site
    owner: User
    id: int
    name: str
    installation: Installation | None = None
    has_issues: bool = True
    roles: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)  # by lower-case name
    issues: dict[int, Issue] = field(default_factory=dict)
    deleted_issues: set[int] = field(default_factory=set)
    moved_issues: dict[int, Issue] = field(default_factory=dict)
    messages: dict[int, tuple[Thread, Message]] = field(default_factory=dict)
    numbers: int = 0

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def lock(self) -> RLock:
        return self.github.lock

    def emit(self, event: str, action: str | None, by: str, **parts: object) -> None:
        """Report what happened in this repository, if the App is installed."""
        sender = self.github.user(by)
        parts = {**parts, "repository": self}
        self.github.emit(event, action, sender, self.installation, parts)

    # --- people ----------------------------------------------------------------------------

    @locked
    def collaborator(self, login: str, role: str) -> User:
        """role: read, triage, write, maintain or admin; "none" takes the rights away."""
        if role not in ROLES:
            raise ValueError(f"role {role!r}: one of {', '.join(ROLES)}")
        self.roles[login.lower()] = role
        return self.github.user(login)

    def role(self, user: User) -> str:
        """A word of ROLES; members of the organization may read."""
        if user is self.owner:
            return "admin"
        member = "read" if self.github.is_member(self.owner, user) else "none"
        return self.roles.get(user.login.lower(), member)

    def may_write(self, user: User) -> bool:
        """People with write, and the App, whose own permissions are checked elsewhere."""
        rank = ROLES.index(self.role(user))
        return rank >= ROLES.index("write") or user is self.github.app.bot

    def association(self, user: User) -> str:
        if user is self.owner:
            return "OWNER"
        if self.github.is_member(self.owner, user):
            return "MEMBER"
        return "COLLABORATOR" if user.login.lower() in self.roles else "NONE"

    def assignable(self, logins: Iterable[str]) -> list[User]:
        """These people, if all can be assigned: with write, or members who may read.

        GitHub also admits people who have commented on that very issue, which is left out here.
        Raises NotAssignable. Source:
        https://docs.github.com/issues/tracking-your-work-with-issues/using-issues/
        assigning-issues-and-pull-requests-to-other-github-users
        """
        people: dict[str, User] = {}
        for login in logins:
            user = self.github.users.get(login.lower())
            if user is None or user.kind != "User":
                raise NotAssignable(login)
            reads = self.github.is_member(self.owner, user) and self.role(user) != "none"
            if not reads and not self.may_write(user):
                raise NotAssignable(login)
            people[user.login] = user
        return list(people.values())

    # --- labels ----------------------------------------------------------------------------

    def label(self, name: str) -> Label | None:
        """Case does not tell names apart."""
        return self.labels.get(name.lower())

    @locked
    def create_label(
        self,
        name: str,
        color: str = UNKNOWN_LABEL_COLOR,
        description: str | None = None,
        by: str | None = None,
    ) -> Label:
        label = Label(self.github.new_id(), name, color, description)
        self.labels[name.lower()] = label
        self.emit("label", "created", by or self.owner.login, label=label)
        return label

    @locked
    def rename_label(self, name: str, new_name: str, by: str) -> None:
        """On every issue, too. Raises ValueError (no such label, or another one has the name)."""
        label, other = self.label(name), self.label(new_name)
        if label is None or other not in (None, label):
            raise ValueError(f"{name!r} cannot become {new_name!r}")
        self.edit_label(label, {"new_name": new_name}, by)

    @locked
    def edit_label(self, label: Label, change: Json, by: str | None = None) -> None:
        """change: any of new_name, color, description. Issues get neither event nor delivery."""
        changes = {}
        del self.labels[label.name.lower()]
        for key, name in (("new_name", "name"), ("color", "color"), ("description",) * 2):
            before = getattr(label, name)
            if key in change and change[key] != before:
                changes[name] = {"from": before or ""}
                setattr(label, name, change[key])
        self.labels[label.name.lower()] = label
        self.emit("label", "edited", by or self.owner.login, label=label, changes=changes)

    @locked
    def delete_label(self, name: str, by: str) -> None:
        """It leaves every issue, without event, delivery or change of `updated_at`.

        GitHub's pages do not say so; that is the worst case for whoever watches labels. Raises
        KeyError (no such label).
        """
        label = self.labels.pop(name.lower())
        for thread in self.threads():
            thread.label_list = [other for other in thread.label_list if other is not label]
        self.emit("label", "deleted", by, label=label)

    # --- issues ----------------------------------------------------------------------------

    def threads(self) -> Sequence[Thread]:
        """Whatever has a number here."""
        return tuple(self.issues.values())

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def message(self, kind: type[M], number: int) -> tuple[Thread, M]:
        """A message and its thread. Raises KeyError (no such message of this kind)."""
        thread, found = self.messages[number]
        if not isinstance(found, kind):
            raise KeyError(number)
        return thread, found

    @locked
    def open_issue(
        self,
        by: str,
        title: str,
        body: str = "",
        *,
        labels: Iterable[str] = (),
        assignees: Iterable[str] = (),
    ) -> Issue:
        """A new issue. Raises ValueError (issues are off, somebody cannot be assigned).

        Labels that the repository does not know are created, as when they are put on later.
        GitHub's pages only say that labels of people without push access are dropped; that an
        unknown name is created for all others is assumed here.
        """
        if not self.has_issues:
            raise ValueError("Issues are disabled for this repo")
        people, user = self.assignable(assignees), self.github.user(by)
        issue = self.new_issue(user, title, body, via_app=user is self.github.app.bot)
        issue.label_list = [self.label(name) or self.create_label(name, by=by) for name in labels]
        issue.assignees = people
        issue.notify("opened")
        for label in issue.label_list:
            issue.notify_label("labeled", label)
        for person in people:
            issue.notify_assignee("assigned", person, by)
        return issue

    def new_issue(self, author: User, title: str, body: str, *, via_app: bool) -> Issue:
        """An issue that nobody has been notified of."""
        now = self.github.now()
        issue = Issue(
            repository=self, number=self.next_number(), issue_id=self.github.new_id(),
            author=author, title=title, body=body or None, created_at=now, updated_at=now,
            via_app=via_app,
        )  # fmt: skip
        self.issues[issue.number] = issue
        return issue

    @locked
    def close_issue(self, number: int, by: str) -> None:
        """Raises KeyError (no such issue)."""
        self.issues[number].close(by)

    @locked
    def reopen_issue(self, number: int, by: str) -> None:
        """Raises KeyError (no such issue)."""
        self.issues[number].reopen(by)


@dataclass(eq=False, repr=False, kw_only=True)
class Thread(ABC):
    """What issues and pulls have in common: on GitHub, every pull is also an issue.

    Every act on it moves `updated_at`, keeps the state before it (for reads that lag) and is
    reported to the App. via_app: the App opened it. state_reason: why an issue was closed or opened
    last. parent: the issue that it is a sub-issue of.
    earlier: this thread before each of its last changes.
    """

    repository: Tracker
    number: int
    issue_id: int
    author: User
    title: str
    body: str | None
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    state_reason: str | None = None
    closed_at: datetime | None = None
    closed_by: User | None = None
    via_app: bool = False
    label_list: list[Label] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    parent: Issue | None = None
    comments: list[Comment] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    earlier: deque[Any] = field(default_factory=lambda: deque(maxlen=EARLIER_STATES))

    @property
    def lock(self) -> RLock:
        return self.repository.lock

    @property
    def github(self) -> Site:
        return self.repository.github

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(label.name for label in self.label_list)

    def as_of(self, changes_ago: int) -> Self:
        """This thread before its last changes, as a read that lags behind sees it."""
        if not changes_ago or not self.earlier:
            return self
        before: Self = self.earlier[-min(changes_ago, len(self.earlier))]
        return before

    def touch(self) -> None:
        """Keep the present state, then move `updated_at`."""
        before = copy.copy(self)
        before.earlier = deque()
        for name, value in vars(self).items():
            if isinstance(value, list):
                setattr(before, name, list(value))
        self.earlier.append(before)
        self.updated_at = self.github.now()

    @abstractmethod
    def notify(self, action: str, by: str | None = None, **parts: object) -> None:
        """Emit the delivery about this thread itself."""

    def _add_event(
        self,
        name: str,
        by: str | None,
        *,
        label: Label | None = None,
        commit_id: str | None = None,
        **details: object,
    ) -> None:
        actor, label = self.github.user(by or self.author.login), copy.copy(label)
        via_app = actor is self.github.app.bot
        event = Event(
            self.github.new_id(), name, actor, self.updated_at, label, commit_id, via_app, details
        )
        self.events.append(event)

    # --- title, body and state -------------------------------------------------------------

    @locked
    def edit(
        self, by: str | None = None, *, title: str | None = None, body: str | None = None
    ) -> None:
        """An edit that changes nothing is not reported."""
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
            self._add_event("renamed", by, rename={"from": before, "to": self.title})
        self.notify("edited", by, changes=changes)

    def _set_state(self, action: str, by: str | None, reason: str | None = None) -> None:
        self.touch()
        closes = action == "closed"
        self.state, self.state_reason = "closed" if closes else "open", reason
        self.closed_at = self.updated_at if closes else None
        self.closed_by = self.github.user(by or self.author.login) if closes else None
        self._add_event(action, by)
        self.notify(action, by)

    # --- messages and reactions ------------------------------------------------------------

    @locked
    def comment(self, body: str, by: str) -> int:
        """The id of a new comment."""
        return self._write(Comment, self.comments, by, body).id

    def find_comment(self, comment_id: int) -> Comment:
        """Raises KeyError (no such comment)."""
        return self.repository.message(Comment, comment_id)[1]

    @locked
    def edit_comment(self, comment_id: int, body: str, by: str) -> None:
        self._edit(self.find_comment(comment_id), body, by)

    @locked
    def delete_comment(self, comment_id: int, by: str) -> None:
        self._delete(self.comments, self.find_comment(comment_id), by)

    def react(self, comment_id: int, content: str, by: str) -> tuple[Reaction, bool]:
        return self.react_to(self.find_comment(comment_id), content, by)

    @locked
    def react_to(self, message: Message, content: str, by: str) -> tuple[Reaction, bool]:
        """The reaction, and whether it is new. GitHub reports none, nor moves `updated_at`."""
        user = self.github.user(by)
        for known in message.reactions:
            if known.user is user and known.content == content:
                return known, False
        reaction = Reaction(self.github.new_id(), user, content, self.github.now())
        message.reactions.append(reaction)
        return reaction, True

    def _write(
        self, kind: Callable[..., M], messages: list[M], by: str, body: str, **more: object
    ) -> M:
        self.touch()
        user, now = self.github.user(by), self.updated_at
        message = kind(
            id=self.github.new_id(), user=user, body=body, created_at=now, updated_at=now,
            via_app=user is self.github.app.bot, **more,
        )  # fmt: skip
        messages.append(message)
        self.repository.messages[message.id] = (self, message)
        action = "submitted" if isinstance(message, Review) else "created"
        self._notify_about(message, action, by)
        return message

    def _edit(self, message: Message, body: str, by: str) -> None:
        self.touch()
        message.edits.append(Edit(self.updated_at, self.github.user(by), message.body))
        before, message.body, message.updated_at = message.body, body, self.updated_at
        self._notify_about(message, "edited", by, changes={"body": {"from": before}})

    def _delete(self, messages: list[M], message: M, by: str) -> None:
        self.touch()
        messages.remove(message)
        del self.repository.messages[message.id]
        self._notify_about(message, "deleted", by)

    def _notify_about(self, message: Message, action: str, by: str, **parts: object) -> None:
        thread = {"issue" if isinstance(message, Comment) else "pull_request": self}
        self.repository.emit(message.event, action, by, **thread, **{message.key: message}, **parts)

    # --- labels and assignees --------------------------------------------------------------

    @locked
    def add_label(self, name: str, by: str) -> None:
        """A label already on the thread changes nothing; an unknown label is created."""
        label = self.repository.label(name) or self.repository.create_label(name, by=by)
        if label not in self.label_list:
            self.touch()
            self.label_list = [*self.label_list, label]
            self.notify_label("labeled", label, by)

    @locked
    def remove_label(self, name: str, by: str) -> None:
        """Raises KeyError (not on the thread)."""
        label = self.repository.label(name)
        if label is None or label not in self.label_list:
            raise KeyError(name)
        self.touch()
        self.label_list = [other for other in self.label_list if other is not label]
        self.notify_label("unlabeled", label, by)

    def set_labels(self, names: Sequence[str], by: str) -> None:
        """Replace all labels."""
        kept = {name.lower() for name in names}
        for name in sorted(self.labels):
            if name.lower() not in kept:
                self.remove_label(name, by)
        for name in names:
            self.add_label(name, by)

    def notify_label(self, action: str, label: Label, by: str | None = None) -> None:
        self._add_event(action, by, label=label)
        self.notify(action, by, label=label)

    @locked
    def assign(self, login: str, by: str) -> None:
        """Raises NotAssignable."""
        (user,) = self.repository.assignable([login])
        if user not in self.assignees:
            self.touch()
            self.assignees = [*self.assignees, user]
            self.notify_assignee("assigned", user, by)

    @locked
    def unassign(self, login: str, by: str) -> None:
        user = self.github.user(login)
        if user in self.assignees:
            self.touch()
            self.assignees = [other for other in self.assignees if other is not user]
            self.notify_assignee("unassigned", user, by)

    def set_assignees(self, logins: Sequence[str], by: str) -> None:
        """Replace all assignees."""
        kept = {login.lower() for login in logins}
        for user in list(self.assignees):
            if user.login.lower() not in kept:
                self.unassign(user.login, by)
        for login in logins:
            self.assign(login, by)

    def notify_assignee(self, action: str, user: User, by: str) -> None:
        self._add_event(action, by, assignee=user, assigner=self.github.user(by))
        self.notify(action, by, assignee=user)


class Issue(Thread):
    """An issue that is not a pull.

    Source: https://docs.github.com/webhooks/webhook-events-and-payloads#issues
    """

    def __repr__(self) -> str:
        return f"<Issue {self.repository.full_name}#{self.number}: {self.title}>"

    @locked
    def close(self, by: str, reason: str = "completed") -> None:
        """reason: completed, not_planned or duplicate. A closed issue stays as it is."""
        if reason not in CLOSE_REASONS:
            raise ValueError(f"reason {reason!r}: one of {', '.join(CLOSE_REASONS)}")
        if self.state == "open":
            self._set_state("closed", by, reason)

    @locked
    def reopen(self, by: str) -> None:
        if self.state == "closed":
            self._set_state("reopened", by, "reopened")

    @locked
    def set_parent(self, parent: Issue | None, by: str) -> None:
        """Make it a sub-issue of another issue, or of none.

        Source: https://docs.github.com/webhooks/webhook-events-and-payloads#sub_issues
        """
        before, self.parent = self.parent, parent
        action = "parent_issue_added" if parent else "parent_issue_removed"
        self.repository.emit(
            "sub_issues", action, by, sub_issue=self, parent_issue=parent or before
        )

    @locked
    def delete(self, by: str) -> None:
        """From now on 410. Only administrators may do so."""
        self._leave()
        self.repository.deleted_issues.add(self.number)
        self.notify("deleted", by)

    @locked
    def transfer(self, to: Tracker, by: str) -> Issue:
        """The new issue, to which the old address leads. It keeps the labels that `to` has."""
        old = self.repository
        moved = to.new_issue(self.author, self.title, self.body or "", via_app=self.via_app)
        moved.created_at, moved.state = self.created_at, self.state
        moved.label_list = [label for name in self.labels if (label := to.label(name))]
        moved.comments, moved.earlier = self.comments, self.earlier
        self._leave()
        to.messages |= {comment.id: (moved, comment) for comment in moved.comments}
        old.moved_issues[self.number] = moved
        self.notify("transferred", by, changes={"new_issue": moved, "new_repository": to})
        moved.notify("opened", by, changes={"old_issue": self, "old_repository": old})
        return moved

    def _leave(self) -> None:
        self.touch()
        del self.repository.issues[self.number]
        for comment in self.comments:
            self.repository.messages.pop(comment.id, None)

    def notify(self, action: str, by: str | None = None, **parts: object) -> None:
        self.repository.emit("issues", action, by or self.author.login, issue=self, **parts)
