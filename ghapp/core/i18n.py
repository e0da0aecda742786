"""All words users see: a key and values -> a sentence in English or Japanese.

The sentences lie in `texts/en.yml` and `texts/ja.yml`, one flat mapping each. They are data of
the package, read once; a test holds the two languages to the same keys and placeholders.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import yaml

LANGUAGES = ("en", "ja")


@cache
def table(language: str) -> Mapping[str, str]:
    """All sentences of a language by key."""
    source = resources.files("ghapp.core") / "text" / f"{language}.yml"
    loaded: dict[str, str] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return loaded


def say(language: str, key: str, **values: object) -> str:
    """The sentence under `key`, its {placeholders} filled in as they are (escape them before)."""
    return table(language)[key].format_map(values)


def sentences(language: str, *words: str) -> str:
    """One after the other; Japanese puts no space between them."""
    return ("" if language == "ja" else " ").join(word for word in words if word)


def joined(language: str, names: tuple[str, ...]) -> str:
    """A list in a sentence: "a, b" or 「a、b」."""
    return ("、" if language == "ja" else ", ").join(names)
