"""What people write and do on an issue or a pull: messages, reactions, labels, events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from ghapp.emulator.accounts import User

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


@dataclass(slots=True)
class Label:
    id: int
    name: str
    color: str
    description: str | None = None
    default: bool = False


@dataclass(slots=True)
class Reaction:
    id: int
    user: User
    content: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Edit:
    """before: the body that it replaced."""

    at: datetime
    editor: User
    before: str


@dataclass(slots=True, kw_only=True)
class Message(ABC):
    """What a person or the App wrote. via_app: the App did.

    event, key: the delivery about it, and its key in that payload. kind: its type in GraphQL.
    """

    event: ClassVar[str]
    key: ClassVar[str] = "comment"
    kind: ClassVar[str]

    id: int
    user: User
    body: str
    created_at: datetime
    updated_at: datetime
    via_app: bool
    reactions: list[Reaction] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)

    @property
    @abstractmethod
    def anchor(self) -> str:
        """Its place on the page of its thread."""

    @property
    def last_edited_at(self) -> datetime | None:
        return self.edits[-1].at if self.edits else None

    @property
    def editor(self) -> User | None:
        return self.edits[-1].editor if self.edits else None


@dataclass(slots=True, kw_only=True)
class Comment(Message):
    """A comment on an issue or in the conversation of a pull."""

    event = "issue_comment"
    kind = "IssueComment"

    @property
    def anchor(self) -> str:
        return f"issuecomment-{self.id}"


@dataclass(slots=True, kw_only=True)
class Review(Message):
    """state: approved, changes_requested, commented or dismissed."""

    event = "pull_request_review"
    key = "review"
    kind = "PullRequestReview"

    state: str
    commit_id: str

    @property
    def anchor(self) -> str:
        return f"pullrequestreview-{self.id}"

    @property
    def submitted_at(self) -> datetime:
        return self.created_at


@dataclass(slots=True, kw_only=True)
class ReviewComment(Message):
    """A comment on a line of the diff, or on a whole file if `line` is None.

    in_reply_to: the id of the comment that began the thread.
    """

    event = "pull_request_review_comment"
    kind = "PullRequestReviewComment"

    review_id: int
    path: str
    line: int | None
    commit_id: str
    original_commit_id: str
    diff_hunk: str
    in_reply_to: int | None = None

    @property
    def anchor(self) -> str:
        return f"discussion_r{self.id}"


@dataclass(slots=True)
class Event:
    """A row of `GET issues/{n}/events`. label: for labeled and unlabeled, as it was then.

    Source: https://github.com/tiangolo/issue-manager/pull/9 (events keep a renamed label's name)

    details: what only this kind of event has, by GitHub's keys.
    """

    id: int
    name: str
    actor: User
    created_at: datetime
    label: Label | None = None
    commit_id: str | None = None
    via_app: bool = False
    details: dict[str, object] = field(default_factory=dict)
