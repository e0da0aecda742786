"""What GitHub keeps, as far as the emulator plays it: people, labels, comments, events, check runs.

Mutable on purpose: this is the state itself. Repositories and pulls have files of their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]

ROLES = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(slots=True)
class User:
    """kind: User, Bot or Organization."""

    id: int
    login: str
    kind: str = "User"


@dataclass(slots=True)
class Team:
    """members: logins; pending: those who were invited and have not accepted."""

    id: int
    organization: User
    slug: str
    created_at: datetime
    members: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)


@dataclass(slots=True)
class App:
    """permissions: what the App asks for, as {"checks": "write"}."""

    id: int
    slug: str
    name: str
    owner: User
    bot: User
    permissions: dict[str, str]
    events: tuple[str, ...]
    created_at: datetime


@dataclass(slots=True)
class Installation:
    """permissions: what the account granted, which may lag behind what the App asks for.

    suspended_by: None where it is in force. selection: all | selected, of its repositories.
    """

    id: int
    account: User
    permissions: dict[str, str]
    created_at: datetime
    selection: str = "all"
    suspended_at: datetime | None = None
    suspended_by: User | None = None


@dataclass(slots=True)
class Token:
    """An installation access token. repositories: ids, None where all of the installation's."""

    installation: Installation
    permissions: dict[str, str]
    expires_at: datetime
    repositories: frozenset[int] | None = None


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
    """before: the body that was there."""

    at: datetime
    editor: User
    before: str


@dataclass(slots=True, kw_only=True)
class Said(ABC):
    """What a person wrote, people may react to, and its author and others may edit."""

    id: int
    user: User
    body: str
    created_at: datetime
    updated_at: datetime
    via_app: bool = False
    reactions: list[Reaction] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)

    def change(self, body: str, editor: User, at: datetime) -> Json:
        """The new body; the `changes` that a delivery names."""
        self.edits.append(Edit(at, editor, self.body))
        before, self.body, self.updated_at = self.body, body, at
        return {"body": {"from": before}}

    @property
    @abstractmethod
    def anchor(self) -> str:
        """Where on the page of its thread it stands."""

    @property
    def last_edited_at(self) -> datetime | None:
        """None where it never was."""
        return self.edits[-1].at if self.edits else None

    @property
    def editor(self) -> User | None:
        return self.edits[-1].editor if self.edits else None


@dataclass(slots=True, kw_only=True)
class Comment(Said):
    """One on an issue or in the conversation of a pull."""

    @property
    def anchor(self) -> str:
        return f"issuecomment-{self.id}"


@dataclass(slots=True, kw_only=True)
class Review(Said):
    """state: approved, changes_requested, commented or dismissed. `created_at`: submitted."""

    state: str
    commit_id: str

    @property
    def anchor(self) -> str:
        return f"pullrequestreview-{self.id}"

    @property
    def submitted_at(self) -> datetime:
        return self.created_at


@dataclass(slots=True, kw_only=True)
class ReviewComment(Said):
    """One on a line of the diff, or on a whole file where line is None.

    in_reply_to: the id of the comment that began the thread.
    """

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
    """One row of `GET issues/{n}/events`. label: for labeled and unlabeled.

    more: what only this kind of event tells, as GitHub's JSON.
    """

    id: int
    name: str
    actor: User
    created_at: datetime
    label: Label | None = None
    commit_id: str | None = None
    via_app: bool = False
    more: Json = field(default_factory=dict)


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


def iso(moment: datetime | None) -> str | None:
    """GitHub's spelling of a time, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
