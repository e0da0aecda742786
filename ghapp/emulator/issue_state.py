"""What an issue is that is no pull."""

from __future__ import annotations

from dataclasses import dataclass

from ghapp.emulator.thread_state import ThreadState


@dataclass(eq=False, repr=False, kw_only=True)
class IssueState(ThreadState):
    """state_reason: completed, not_planned or duplicate where closed, reopened where it was."""

    state_reason: str | None = None

    def __repr__(self) -> str:
        return f"<Issue {self.repository.full_name}#{self.number}: {self.title}>"
