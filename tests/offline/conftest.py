"""The command and a pack, for each test of packs."""

from tests.offline.packs import ghapp, own

__all__ = ["ghapp", "own"]
