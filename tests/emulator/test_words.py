"""What the demo says: the same in both languages, all of it in one file."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from ghapp.emulator.words import LANGUAGES, Cannot, table

GHAPP = Path(__file__).parents[2] / "ghapp"
TEMPLATES = sorted((GHAPP / "emulator" / "templates").glob("*.html"))
# GitHub's names and ours, which are the same in both languages.
NAMES = re.compile(
    r"(?:--(?:host|port)|\b(?:Approve|Ctrl-C|Files changed|GitHub|Issue|NFR review|PR|SRE|UTC"
    r"|acme|ann|feat|ghapp|git|push|sam-sre)\b)"
)


def fields(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


@pytest.mark.parametrize("key", table())
def test_both_languages_say_the_same_things_of_the_same_values(key: str) -> None:
    words = table()[key]
    assert set(words) == set(LANGUAGES)
    assert all(words.values())
    assert fields(words["en"]) == fields(words["ja"])


@pytest.mark.parametrize("key", table())
def test_the_japanese_has_no_english_beside_names(key: str) -> None:
    words = re.sub(r"\{[^}]*\}", "", table()[key]["ja"])
    assert re.findall(r"[A-Za-z]+", NAMES.sub("", words)) == []


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_templates_have_no_words_of_their_own(file: Path) -> None:
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    shown = re.findall(r'(?:title|aria-label|placeholder|alt)="([^"]*)"', text)
    shown.append(re.sub(r"<[^>]*>", "", text))
    commands = r"/nfr done|nfr: signed off"  # what is written in the fields, in any language
    assert re.findall(r"[^\W\d_]+", re.sub(commands, "", " ".join(shown))) == []


def test_all_words_are_used() -> None:
    files = [GHAPP / "demo.py", *(GHAPP / "emulator").glob("*.py"), *TEMPLATES]
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    whole = set(re.findall(r'["\'](\w+)["\']', source))
    starts = tuple(re.findall(r'"(\w+_)(?:" ~|\{)', source))
    assert [key for key in table() if key not in whole and not key.startswith(starts)] == []


def test_an_error_is_english_unless_another_language_is_asked_for() -> None:
    wrong = Cannot("may_not_dismiss", by="<bob>")
    assert str(wrong) == "<bob> may not dismiss reviews: that takes write access"
    assert wrong.explained("ja").startswith("<bob> さん")
