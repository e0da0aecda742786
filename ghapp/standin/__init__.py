"""A GitHub with state, over HTTP: what tests, benchmarks and `ghapp demo` run against."""

from ghapp.standin.diffs import DiffLimits
from ghapp.standin.github import Standin
from ghapp.standin.gitrepo import Entry
from ghapp.standin.pull import Pull
from ghapp.standin.repository import Repository
from ghapp.standin.server import StandinServer

__all__ = ["DiffLimits", "Entry", "Pull", "Repository", "Standin", "StandinServer"]
