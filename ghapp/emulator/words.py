"""All words of the demo, in English and Japanese: its story, its pages, and what they refuse.

They are in `words.yml`, both languages side by side.
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
    text = source.read_text(encoding="utf-8")
    loaded: dict[str, dict[str, str]] = yaml.load(text, yaml.CSafeLoader)
    return loaded


def say(language: str, key: str, **values: object) -> str:
    """The words under `key`, with their {placeholders} filled in."""
    return table()[key][language].format_map(values)


class Cannot(ValueError):
    """Somebody asked for something impossible. As a string it is English."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(say("en", key, **values))
        self.key = key
        self.values = values

    def explained(self, language: str) -> str:
        return say(language, self.key, **self.values)
