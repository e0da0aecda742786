"""What the worlds of several folders share."""

from __future__ import annotations

from ghapp.emulator.github import new_private_key

PRIVATE_KEY = new_private_key()  # one for all: making a key takes a while
