"""A site for each test of the web."""

from __future__ import annotations

from tests.web.site import site, works

__all__ = ["site", "works"]
