"""When deliveries came whose pulls are not worked off yet; for one process that does all of it."""

from __future__ import annotations

from collections.abc import Iterable

from ghapp.core.model import Key

# Those that come while so many wait are not timed: there is no better sign of a queue that grows.
MOST = 10_000


class Arrivals:
    """Times by key, apart for those that a run has begun to work off. The clock is the caller's."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[float]] = {}
        self._begun: dict[str, list[float]] = {}
        self._count = 0

    def came(self, keys: Iterable[Key], at: float) -> None:
        """A delivery that made these keys dirty came at that time."""
        for key in keys:
            if self._count < MOST:
                self._waiting.setdefault(str(key), []).append(at)
                self._count += 1

    def asked(self, key: Key) -> bool:
        """Whether a delivery has asked for the run that goes on."""
        return bool(self._begun.get(str(key)))

    def began(self, key: Key) -> None:
        """A run begins, which works off all that came until now."""
        name = str(key)
        self._begun[name] = self._begun.pop(name, []) + self._waiting.pop(name, [])

    def ended(self, key: Key, *, worked_off: bool) -> tuple[float, ...]:
        """The times that this run has worked off; else none, and a later run does."""
        name = str(key)
        times = self._begun.pop(name, [])
        if worked_off:
            self._count -= len(times)
            return tuple(times)
        if times:
            self._waiting[name] = times + self._waiting.get(name, [])
        return ()
