"""The environment for each test of a command."""

from tests.cli.commands import environment

__all__ = ["environment"]
