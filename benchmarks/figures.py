"""Figures of several contestants in one run, beside each other and beside the targets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

WIDTH, NAME_WIDTH = 22, 50


class Figures:
    """name -> contestant -> a value from each round; shown is their median.

    names keep the order in which they were first noted.
    """

    def __init__(self, contestants: Sequence[str]) -> None:
        self.contestants = tuple(contestants)
        self._values: dict[str, dict[str, list[float]]] = {}
        self._targets: dict[str, str] = {}

    def note(self, name: str, contestant: str, value: float, target: str = "") -> None:
        """target: as DESIGN has it, in words."""
        self._values.setdefault(name, defaultdict(list))[contestant].append(value)
        if target:
            self._targets[name] = target

    def value(self, name: str, contestant: str) -> float | None:
        values = self._values.get(name, {}).get(contestant)
        return median(values) if values else None

    def text(self) -> str:
        """A row for each name; in brackets how many times the first contestant's figure it is."""
        head = ["".ljust(NAME_WIDTH), *(name.rjust(WIDTH) for name in self.contestants), "  target"]
        return "\n".join(["".join(head), *(self._row(name) for name in self._values)])

    def _row(self, name: str) -> str:
        first = self.value(name, self.contestants[0])
        cells = [self._cell(self.value(name, one), first) for one in self.contestants]
        words = self._targets.get(name, "")
        return "".join([name.ljust(NAME_WIDTH), *cells, f"  {words}"]).rstrip()

    def _cell(self, value: float | None, first: float | None) -> str:
        if value is None:
            return "-".rjust(WIDTH)
        ratio = f" ({value / first:.2f})" if first else ""
        return f"{shown(value)}{ratio}".rjust(WIDTH)


def shown(value: float) -> str:
    """Three digits that say something."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
