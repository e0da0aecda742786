"""All words of the demo, in English and Japanese: its story, its pages, and what they refuse.

They lie in `words.yml`, both languages of a thing side by side; read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import yaml

LANGUAGES = ("en", "ja")


@cache
def table() -> Mapping[str, Mapping[str, str]]:
    """By key, then by language."""
    source = resources.files("ghapp.emulator") / "words.yml"
    loaded: dict[str, dict[str, str]] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return loaded


def say(language: str, key: str, **values: object) -> str:
    """The words under `key`, their {placeholders} filled in as they are."""
    return table()[key][language].format_map(values)


class Cannot(ValueError):
    """What somebody asked for cannot be done; in any language, English where none is asked."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(say("en", key, **values))
        self.key = key
        self.values = values

    def told(self, language: str) -> str:
        return say(language, self.key, **self.values)
