"""Who is notified of what this process does; `metrics.Metrics` is such an observer."""

from __future__ import annotations

from ghapp.core.model import Delivery, PullKey
from ghapp.core.records import Claim


class Observer:
    """Each method is notified of one thing that has happened, and does nothing about it here."""

    def delivered(self, outcome: str, delivery: Delivery | None, seconds: float) -> None:
        """A delivery was answered. delivery: None if it is not authentic or not readable."""

    def began(self, claim: Claim) -> None:
        """A run begins: what came so far is what it works off."""

    def ended(self, claim: Claim, outcome: str, seconds: float) -> None:
        """A run has ended. outcome: as in its line of the log."""

    def applied(self, effect: str, result: str) -> None:
        """An effect was tried. result: taken | failed | rejected | gone."""

    def repaired(self, key: PullKey, effect: str, *, known: bool) -> None:
        """An effect was taken that no delivery asked for. known: whether a run has ended before."""

    def called(self, method: str, path: str, status: int, result: str, seconds: float) -> None:
        """GitHub was asked. status: 0 if no answer came. result: as `github.errors.result`."""

    def reached(self, *, is_there: bool) -> None:
        """GitHub has gone away, or is back."""

    def swept(self, installations: int | None) -> None:
        """A sweep has ended. installations: how many it marked; None if it failed."""

    def redelivered(self, asked: int, lost: int) -> None:
        """A round of redelivery has ended: how many were requested, and how many are lost."""
