from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import ghapp
from ghapp.core.areas import Text
from ghapp.core.i18n import LANGUAGES, Words, both, table

PACKAGE = Path(ghapp.__file__).parent


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def patterns() -> Iterator[str]:
    """Regexes for the keys that the code names: whole strings, and f-strings with fixed parts.

    A template names whole strings, and beginnings that a `+` continues.
    """
    for file in PACKAGE.glob("web/templates/*.html"):
        for name, goes_on in re.findall(
            r'"(page_\w+|setup_\w+|sev_|who_\w+)"( \+)?', file.read_text("utf-8")
        ):
            yield name + ("[a-z_]+" if goes_on else "")
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.escape(node.value)
            elif isinstance(node, ast.JoinedStr):
                fixed = [part.value for part in node.values if isinstance(part, ast.Constant)]
                if any(re.search("[a-z]_|_[a-z]", str(part)) for part in fixed):
                    yield "".join(
                        re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z_]+"
                        for part in node.values
                    )


def test_both_languages_have_the_same_keys() -> None:
    assert list(table("en")) == list(table("ja"))


@pytest.mark.parametrize("key", sorted(table("en")))
def test_both_languages_have_the_same_placeholders(key: str) -> None:
    english, japanese = (table(language)[key] for language in LANGUAGES)
    assert english and japanese
    assert placeholders(english) == placeholders(japanese)


def test_every_key_is_used() -> None:
    used = re.compile("|".join(sorted(set(patterns()))))
    assert [key for key in table("en") if not used.fullmatch(key)] == []


def test_values_are_put_in_as_they_are() -> None:
    assert Words("en")("title_waiting_author", areas="{x}") == "Waiting for the author: {x}"


@pytest.mark.parametrize(
    ("language", "listed", "cut", "joined", "chosen"),
    [
        ("en", "a, b", "a, and 2 more files", "A. C.", "yes"),
        ("ja", "a、b", "a、ほか 2 ファイル", "A.C.", "はい"),
    ],
)
def test_words_are_bound_to_a_language(
    language: str, listed: str, cut: str, joined: str, chosen: str
) -> None:
    words = Words(language)
    assert words.language == language
    assert words.joined(("a", "b")) == listed
    assert words.joined(["a"], 2, "and_more_files") == cut
    assert words.sentences("A.", "", "C.") == joined
    assert words.text(Text("yes", "はい")) == chosen


def test_a_text_in_both_languages() -> None:
    expected = Text("Concern 2 (sue)", "懸念 2（sue さん）")
    assert both("concern_title", number="2", who="sue") == expected
