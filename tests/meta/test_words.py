"""The project writes plain English, with one word for one thing, in lines that fit on a screen.

The words are held over the package (names, comments, strings), the English texts, the questions of
the packs and the documents. docs/glossary.md lists the words to use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
CODE = [*sorted(ROOT.glob("ghapp/**/*.py")), ROOT / "ghapp/core/text/en.yml"]
PACKS = sorted(ROOT.glob("checklists/*.yml"))
MOST_COLUMNS = 139

# What is not written -> what to write instead. Names are read as words: `given_up` as "given up".
INSTEAD = {
    r"utterances?": "message",
    r"doors?": "channel",
    r"told(?! apart)|tells? of|is told|hears?( of)?|heard": "reported, is notified, names",
    r"unheard|untold|unwatched": "a name that says what it is, as Observer",
    r"gates?": "check run",
    r"courtes(y|ies)": "best-effort write",
    r"mend(s|ed|ing)?": "fix",
    r"puts? (it |them |this )?right": "restore",
    r"(takes?|taken|taking|took) (\w+ )?back": "undo, roll back",
    r"(given|giving) (\w+ )?up|(give|gives|gave) up on": "failed, parked, lost, stop waiting",
    r"puts? (\w+ )?off|putoff": "defer",
    r"made up for": "caught up",
    r"of ours|none of ours": "the noun itself, as ghapp's check run",
    r"what (is|was|are) there": "the existing …",
    r"(it|them) no more(?! than)|of no more use": "no longer",
    r"loudly": "visibly",
    r"look(s|ed|ing)? (at )?again|looked at": "check again, checked, read",
    r"(?<!there )(is|are) none of": "does not belong to",
}
WORDS = re.compile("|".join(rf"\b(?:{words})\b" for words in INSTEAD), re.IGNORECASE)

# A file's words that stay -> why.
EXCEPTIONS = {
    ("ghapp/metrics.py", "given up"): "a value of a label, which dashboards name",
    ("docs/operations.md", "given up"): "the same value, and the alert on it",
    ("checklists/background-jobs.yml", "unwatched"): "a queue that nobody watches",
    ("checklists/ci-cd-pipeline.yml", "gate"): "a gate of somebody's pipeline",
    ("checklists/external-integration.yml", "hear of"): "people report a failure",
}


def plain(text: str) -> str:
    """Names as the words they are made of, and without what only names a test or shows code."""
    text = re.sub(r"`tests/[^`]*`", "", text)
    text = re.sub(r"(?<=[a-z])_(?=[a-z])", " ", text)
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", text)


def found(text: str) -> set[str]:
    return {" ".join(match[0].lower().split()) for match in WORDS.finditer(plain(text))}


def without_code(page: str) -> str:
    return re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)


def shown(value: Any, key: str = "") -> Iterator[str]:
    """The English texts of a pack that people read."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from shown(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from shown(inner)
    elif key in ("en", "why_en", "ev_en") and isinstance(value, str):
        yield value


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def excepted(name: str) -> set[str]:
    return {words for file, words in EXCEPTIONS if file == name}


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_the_package_is_written_in_plain_words(path: Path) -> None:
    assert found(path.read_text(encoding="utf-8")) - excepted(name_of(path)) == set()


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_is_written_in_plain_words(path: Path) -> None:
    page = without_code(path.read_text(encoding="utf-8"))
    assert found(page) - excepted(name_of(path)) == set()


@pytest.mark.parametrize("path", PACKS, ids=name_of)
def test_questions_are_written_in_plain_words(path: Path) -> None:
    texts = shown(yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader))
    assert found("\n".join(texts)) - excepted(name_of(path)) == set()


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_the_lines_of_a_page_fit(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    wide = [
        number
        for number, line in enumerate(lines, 1)
        # The rows of the table of keys are made from the model.
        if len(line) > MOST_COLUMNS and not (path.name == "policy.md" and line.startswith("| `"))
    ]
    assert wide == []


def test_the_glossary_lists_each_word_once_in_order() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| .+ \|$", page, re.MULTILINE)[1:]
    words = [word for row in rows for word in row.split(", ")]
    assert len(set(words)) == len(words) > 60
    assert rows == sorted(rows, key=str.casefold)


def test_exceptions_are_still_needed() -> None:
    for name, words in EXCEPTIONS:
        assert words in found((ROOT / name).read_text(encoding="utf-8")), (name, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def put_off(): ...", {"put off"}),
        ("class UnheardOne: ...", {"unheard"}),
        ("told apart by their places", set()),
        ("it is told what GitHub\nno longer has", {"is told"}),
        ("see `tests/a/test_b.py::test_nothing_is_told`", set()),
        ("GitHub lists no more pages and has it no more", {"it no more"}),
    ],
)
def test_words_are_found_in_names_and_prose(text: str, words: set[str]) -> None:
    assert found(text) == words


def test_only_the_texts_of_a_pack_that_people_read_count() -> None:
    pack = {"items": [{"en": "a", "ja": "b", "why_en": "c", "hit": ["d"]}], "title": {"en": "e"}}
    assert [*shown(pack)] == ["a", "c", "e"]
