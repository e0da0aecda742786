"""What an examination finds: one sentence for each thing looked at, and what to change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """unknown: it could not be looked at, as a rule because of another problem."""

    GOOD = "good"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """part, name: what was looked at. fix: what to change, "" where nothing."""

    part: str
    name: str
    verdict: Verdict
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Makes the findings of one part."""

    name: str

    def good(self, name: str, found: str) -> Finding:
        return Finding(self.name, name, Verdict.GOOD, found)

    def warning(self, name: str, found: str, fix: str) -> Finding:
        return Finding(self.name, name, Verdict.WARNING, found, fix)

    def problem(self, name: str, found: str, fix: str) -> Finding:
        return Finding(self.name, name, Verdict.PROBLEM, found, fix)

    def unknown(self, name: str, found: str, fix: str = "") -> Finding:
        return Finding(self.name, name, Verdict.UNKNOWN, found, fix)


SETTINGS, DATABASE, SERVER = Part("Settings"), Part("Database"), Part("Server")
GITHUB, PERMISSIONS, EVENTS = Part("GitHub"), Part("Permissions"), Part("Events")
INSTALLATIONS, WEBHOOK = Part("Installations"), Part("Webhook")


def duration(seconds: float) -> str:
    """In the largest unit that fits, as people say it."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return counted(int(seconds // length), unit)
    return counted(int(seconds), "second")


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(names: tuple[str, ...], most: int = 5) -> str:
    """The names, cut where they are many."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
