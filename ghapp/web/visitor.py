"""Who looks at a page, and what they may see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody whom the pages answer.

    login: on GitHub; "" for who is on this machine and did not sign in. repositories: the ids of
    those that they may see; None for all.
    """

    login: str
    repositories: frozenset[int] | None


HERE = Visitor("", None)
