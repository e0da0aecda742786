"""What issues and pulls have in common: on GitHub, every pull is also an issue."""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import TYPE_CHECKING, Any, Self

from ghapp.emulator.state import Comment, Event, Label, User

if TYPE_CHECKING:
    from ghapp.emulator.repository import Repository


PAST_STATES = 20


@dataclass(eq=False, repr=False, kw_only=True)
class ThreadState:
    """author: who opened it. via_app: the App did.

    past: this thread before each of its last changes, for reads that lag behind.
    """

    repository: Repository
    number: int
    issue_id: int
    author: User
    title: str
    body: str | None
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    closed_at: datetime | None = None
    closed_by: User | None = None
    via_app: bool = False
    label_list: list[Label] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    history: deque[Any] = field(default_factory=lambda: deque(maxlen=PAST_STATES))

    @property
    def lock(self) -> RLock:
        return self.repository.lock

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(label.name for label in self.label_list)

    def find_comment(self, comment_id: int) -> Comment:
        """Raises KeyError (no such comment)."""
        return self.repository.comments[comment_id][1]

    def as_of(self, changes_ago: int) -> Self:
        """This thread before its last changes, as a read that lags behind sees it."""
        if not changes_ago or not self.history:
            return self
        before: Self = self.history[-min(changes_ago, len(self.history))]
        return before

    def touch(self) -> None:
        """Keep the state as it was, then move `updated_at`."""
        before = copy.copy(self)
        before.history = deque()
        for name, value in vars(self).items():
            if isinstance(value, list):
                setattr(before, name, list(value))
        self.history.append(before)
        self.updated_at = self.repository.github.now()
