"""All texts that people see: a key and values -> a sentence in English or Japanese.

The texts are in `text/en.yml` and `text/ja.yml`, one flat mapping each. They are data of the
package and are read once; a test holds both languages to the same keys and placeholders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

import yaml

from ghapp.core.areas import Text

LANGUAGES = ("en", "ja")


@cache
def table(language: str) -> Mapping[str, str]:
    """All texts of a language by key."""
    source = resources.files("ghapp.core") / "text" / f"{language}.yml"
    loaded: dict[str, str] = yaml.load(source.read_text("utf-8"), yaml.CSafeLoader)
    return loaded


class Words:
    """The texts of one language, which is chosen once: `words("title_merged")`."""

    __slots__ = ("_comma", "_space", "_table", "language")

    def __init__(self, language: str) -> None:
        self.language = language
        self._table = table(language)
        self._comma, self._space = ("、", "") if language == "ja" else (", ", " ")

    def __call__(self, key: str, /, **values: object) -> str:
        """The text under `key`. The values of its placeholders have to be escaped already."""
        return self._table[key].format_map(values)

    def text(self, text: Text) -> str:
        """The text of a pack or a policy in this language."""
        return text.to(self.language)

    def joined(self, names: Iterable[str], left: int = 0, more: str = "and_more") -> str:
        """A list in a sentence: "a, b" or 「a、b」.

        A Japanese name may end in a space that the next word needs; before a comma it is left out.
        left: how many names are left out; the text `more` counts them: "a, b, and 2 more".
        """
        listed = [*names, self(more, count=left)] if left > 0 else [*names]
        listed[:-1] = (name.rstrip() for name in listed[:-1])
        return self._comma.join(listed)

    def sentences(self, *parts: str) -> str:
        """The parts that are not empty, one after the other; Japanese has no space between them."""
        return self._space.join(filter(None, parts))


def both(key: str, /, **values: object) -> Text:
    """The text under `key` in both languages."""
    return Text(*(Words(language)(key, **values) for language in LANGUAGES))
