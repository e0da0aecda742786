"""The words of a company in the texts of packs: `{users}` may be buyers, `{service}` a shop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ghapp.core.areas import Area, Text

Vocabulary = Mapping[str, Text]

DEFAULT: Vocabulary = {
    "users": Text("users", "利用者"),
    "service": Text("service", "サービス"),
    "tenants": Text("tenants", "テナント"),
}
_PLACE = re.compile(r"(^|[.?!] )?\{(users|service|tenants)\}")


def worded(area: Area, vocabulary: Vocabulary = DEFAULT) -> Area:
    """The area with its questions and messages in these words; `{table}` stays for the finding."""
    items = (
        replace(
            item,
            question=_said(item.question, vocabulary),
            why=_said(item.why, vocabulary),
            evidence=_said(item.evidence, vocabulary),
        )
        for item in area.items
    )
    hazards = (replace(one, message=_said(one.message, vocabulary)) for one in area.hazards)
    return replace(area, items=tuple(items), hazards=tuple(hazards))


def spelled(text: str, language: str, vocabulary: Vocabulary = DEFAULT) -> str:
    """The text with the words in their places, capitals where an English sentence begins."""
    if "{" not in text:
        return text

    def word(found: re.Match[str]) -> str:
        before, key = found[1], found[2]
        known = vocabulary.get(key, DEFAULT[key]).to(language)
        if before is None:
            return known
        return before + (known[:1].upper() + known[1:] if language == "en" else known)

    return _PLACE.sub(word, text)


def _said(text: Text, vocabulary: Vocabulary) -> Text:
    if "{" not in text.en and "{" not in text.ja:
        return text
    return Text(spelled(text.en, "en", vocabulary), spelled(text.ja, "ja", vocabulary))
