"""A GitHub with state, over HTTP: what tests, benchmarks and `ghapp demo` run against."""

from ghapp.emulator.diffs import DiffLimits
from ghapp.emulator.git import Entry
from ghapp.emulator.github import Emulator
from ghapp.emulator.issue import Issue
from ghapp.emulator.repository import Pull, Repository
from ghapp.emulator.server import EmulatorServer

__all__ = ["DiffLimits", "Emulator", "EmulatorServer", "Entry", "Issue", "Pull", "Repository"]
