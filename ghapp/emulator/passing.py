"""Calls on their way, for whoever wants to see them begin and end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, eq=False)
class Passing:
    """One call that reached a route, as "METHOD /route/{template}".

    client: the address and port it came from.
    """

    route: str
    path: str
    client: tuple[str, int]


class Watch(Protocol):
    """Hears of each call before anything becomes of it, and once its answer is on the way."""

    def began(self, call: Passing) -> None: ...
    def ended(self, call: Passing) -> None: ...


class Unwatched:
    """Nobody looks."""

    def began(self, call: Passing) -> None:
        pass

    def ended(self, call: Passing) -> None:
        pass
