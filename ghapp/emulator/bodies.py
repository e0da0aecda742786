"""What GitHub admits in a request body. A body that does not fit is described in its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


class Shape(Protocol):
    def problem(self, value: Any, at: str) -> str:
        """What is wrong with the value found `at` a place; "" where nothing is."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """most: characters, 0 for any number. start: one of which the text has to start with."""

    most: int = 0
    choices: tuple[str, ...] = ()
    nullable: bool = False
    start: tuple[str, ...] = ()

    def problem(self, value: Any, at: str) -> str:
        if value is None and self.nullable:
            return ""
        if not isinstance(value, str):
            return f"For '{at}', {_shown(value)} is not a string."
        if self.choices and value not in self.choices:
            admitted = ", ".join(f'"{choice}"' for choice in self.choices)
            return f"For '{at}', {_shown(value)} is not a member of [{admitted}]."
        if self.most and len(value) > self.most:
            return f"Only {self.most} characters are allowed; {len(value)} were supplied."
        if self.start and not value.startswith(self.start):
            return f"For '{at}', {_shown(value)} is not a valid URI."
        return ""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in ISO 8601."""

    def problem(self, value: Any, at: str) -> str:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return f"For '{at}', {_shown(value)} is not a valid date-time."
        return "" if moment.tzinfo else f"For '{at}', {_shown(value)} is not a valid date-time."


@dataclass(frozen=True, slots=True)
class Number:
    def problem(self, value: Any, at: str) -> str:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return "" if whole else f"For '{at}', {_shown(value)} is not an integer."


@dataclass(frozen=True, slots=True)
class Items:
    """most: rows, 0 for any number."""

    of: Shape
    most: int = 0

    def problem(self, value: Any, at: str) -> str:
        if not isinstance(value, list):
            return f"For '{at}', {_shown(value)} is not an array."
        if self.most and len(value) > self.most:
            return f"No more than {self.most} items are allowed; {len(value)} were supplied."
        found = (self.of.problem(row, f"{at}/{place}") for place, row in enumerate(value))
        return next((problem for problem in found if problem), "")


@dataclass(frozen=True, slots=True)
class Object:
    fields: Mapping[str, Shape]
    required: tuple[str, ...] = ()

    def problem(self, value: Any, at: str) -> str:
        if not isinstance(value, dict):
            return f"For '{at}', {_shown(value)} is not an object."
        for name in value:
            if name not in self.fields:
                return f'"{name}" is not a permitted key.'
        for name in self.required:
            if name not in value:
                return f'"{name}" wasn\'t supplied.'
        found = (
            self.fields[name].problem(inner, f"{at}/properties/{name}".lstrip("/"))
            for name, inner in value.items()
        )
        return next((problem for problem in found if problem), "")


def _shown(value: Any) -> str:
    if value is None:
        return "nil"
    return f'"{value}"' if isinstance(value, str) else str(value)[:80]
