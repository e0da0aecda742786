"""The interface for what counts the events of a process; `metrics.Metrics` implements it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from ghapp.core.model import Delivery, ProjectKey, PullKey
from ghapp.core.records import Claim


class Observer:
    """Each method is called after one thing has happened; by default it does nothing."""

    def stored(self, delivery: Delivery, seconds: float) -> None:
        """A delivery was stored, or was known. seconds: how long the database took."""

    def delivered(self, outcome: str, delivery: Delivery | None, seconds: float) -> None:
        """A delivery was answered. delivery: None if it is not authentic or not readable."""

    def began(self, claim: Claim) -> None:
        """A run begins; it covers every delivery of its key so far."""

    def running(self, claim: Claim) -> AbstractContextManager[None]:  # noqa: ARG002 -- for others
        """Entered in the task of a run, for as long as it lasts."""
        return nullcontext()

    def step(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002 -- for others
        """Entered for as long as a step of the current run lasts."""
        return nullcontext()

    def ended(self, claim: Claim, outcome: str, seconds: float) -> None:
        """A run has ended. outcome: as in the log."""

    def applied(self, effect: str, result: str) -> None:
        """An effect was tried. result: taken | failed | rejected | gone."""

    def repaired(self, key: PullKey | ProjectKey, effect: str, *, known: bool) -> None:
        """An effect was taken that no delivery asked for. known: an earlier run has ended."""

    def called(self, method: str, path: str, status: int, result: str, seconds: float) -> None:
        """A request to GitHub has ended. status: 0 if no answer came. result: `errors.result`."""

    def reached(self, *, is_there: bool) -> None:
        """GitHub has gone away, or is back."""

    def swept(self, installations: int | None) -> None:
        """A sweep has ended. installations: how many it marked; None if it failed."""

    def digested(self) -> None:
        """Everything that was due for a stand-up is sent, or was nothing."""

    def posted(self, kind: str, outcome: str) -> None:
        """A message to a team was tried.

        kind: slack | issue. outcome: sent | refused | later | unknown.
        """

    def redelivered(self, asked: int, lost: int) -> None:
        """A round of redelivery has ended. asked, lost: how many deliveries were."""
