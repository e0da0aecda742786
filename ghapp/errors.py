"""Every exception that ghapp raises.

GhappError
  Refused     the delivery is not authentic or not readable: 4xx, nothing stored
  Busy        too much is queued, or the database is out of reach: 503 with Retry-After
  StoreFailed the database refused a statement: a bug in ghapp, or a row it cannot hold
  Rejected    GitHub refuses one write for good: logged, the other writes go on
  Retry       an attempt failed, as when GitHub answers 502: the key waits; attempts are limited
    Unanswered GitHub failed or did not answer: the call is repeated at once if that does no harm
  Wait        nothing failed, it is only too early, as with a rate limit: the key waits
    Lag       GitHub's reads are behind what is known: the key waits; Lags in a row are limited
  Gone        installation, repository or pull out of reach: the key is done, the log says so
  LeaseLost   this run no longer holds the key: it stops before its next write
  WrongDatabase the database cannot be used: reported with its fix before anything starts
  WrongSetting  a setting is missing or broken: named with its fix before anything starts
  BadRange    `ghapp check` cannot read the repository or range it was given
  BadPack     a file or folder of packs that was named cannot be read, or an area is not known
"""

from __future__ import annotations

# The end of a sentence about a missing PostgreSQL driver, which settings and store report.
GET_DRIVER = (
    "in ghapp's folder, start it as `uv run --no-dev --extra postgres ghapp ...`, or install it "
    "with `uv pip install '.[postgres]'`"
)


class GhappError(Exception):
    """The root: ghapp raises no exception outside this tree."""


class Refused(GhappError):
    """A delivery that is not stored. `status`: 400 unreadable, 401 not authentic, 413 too large."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Busy(GhappError):
    """The writer's queue is full, or the database is out of reach; perhaps nothing is stored.

    The delivery is answered 503, and ghapp requests it again. A worker waits and goes on.
    """


class StoreFailed(GhappError):
    """The database refused a statement, and would refuse it again; nothing is stored."""


class Retry(GhappError):
    """An attempt failed: try the key again after `after_seconds`; the last attempt parks it."""

    def __init__(self, text: str, *, after_seconds: float) -> None:
        super().__init__(text)
        self.after_seconds = after_seconds


class Unanswered(Retry):
    """GitHub failed, or did not answer: a write may have taken effect all the same."""


class Wait(GhappError):
    """Nothing failed, it is only too early: try the key again after `after_seconds`.

    GitHub limits the rate or is away, or another run works on the same head.
    """

    def __init__(self, text: str, *, after_seconds: float) -> None:
        super().__init__(text)
        self.after_seconds = after_seconds


class Lag(Wait):
    """GitHub's reads do not show yet what is known.

    `History.waited` counts Lags in a row, and their number is limited. Other waits in between do
    not count.
    """


class Rejected(GhappError):
    """GitHub refuses this write, and would refuse it again: a permission, a lock, a limit."""


class Gone(GhappError):
    """Installation, repository or pull out of reach: nothing to do and nothing to repeat.

    perhaps: GitHub answered 404, as it also does for a moment about what is new.
    """

    def __init__(self, text: str, *, perhaps: bool = False) -> None:
        super().__init__(text)
        self.perhaps = perhaps


class LeaseLost(GhappError):
    """The run's lease has expired or passed to another worker, or its key was deleted.

    To write now could be to write twice.
    """


class WrongDatabase(GhappError):
    """A database that cannot be used. found: which one, and what is wrong; fix: what to do.

    passes: whether it may pass by itself, as during a failover.
    """

    def __init__(self, found: str, fix: str, *, passes: bool = False) -> None:
        super().__init__(f"{found}; {fix}")
        self.found, self.fix, self.passes = found, fix, passes


class WrongSetting(GhappError):
    """Settings that cannot work; one line each: which one, what is wrong, how to fix it."""


class BadRange(GhappError):
    """A local git range that cannot be read: which one, what is wrong, what to do."""


class BadPack(GhappError):
    """A pack that was named and is not there: which one, what is wrong, what to do."""
