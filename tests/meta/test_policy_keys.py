"""The pages about the policy file have the keys of the model that reads it, in both languages.

`GHAPP_WRITE_SNAPSHOTS=1 uv run pytest tests/meta/test_policy_keys.py` rewrites the tables; what a
key means in Japanese is kept, and has to be written for a new one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ghapp.cli import app
from ghapp.core.policy.policy_schema import PolicyFile
from ghapp.offline.policy_keys import Key, as_markdown, keys

DOCS = Path(__file__).parents[2] / "docs"
ENGLISH, JAPANESE = DOCS / "policy.md", DOCS / "ja" / "policy.md"
MADE = re.compile(
    r"(<!-- made by `ghapp schema --format markdown` -->\n)(.*?)(\n<!-- end of what is made -->)",
    re.DOTALL,
)
TABLE = re.compile(r"(\| キー \| 型 .*\n\| ---.*\n)((?:\|.*\n)+)")
KEYS = tuple(keys())


def row(key: Key) -> str:
    """The cells that both languages share."""
    cells = f"`{key.name}`", key.type, key.default, key.example, key.since
    return "| " + " | ".join(cells) + " |"


def japanese() -> dict[str, str]:
    """What each key means in Japanese, by its name."""
    found = TABLE.search(JAPANESE.read_text(encoding="utf-8"))
    assert found
    lines = (re.split(r"(?<!\\)\|", line) for line in found[2].splitlines())
    return {cells[1].strip().strip("`"): cells[-2].strip() for cells in lines}


def test_the_english_table_is_that_of_the_model() -> None:
    text = ENGLISH.read_text(encoding="utf-8")
    written = MADE.sub(lambda found: found[1] + as_markdown() + found[3], text)
    if os.environ.get("GHAPP_WRITE_SNAPSHOTS"):
        ENGLISH.write_text(written, encoding="utf-8")
    assert MADE.search(text)
    assert text == written


def test_the_japanese_table_has_the_same_rows_and_a_meaning_for_each() -> None:
    text, meanings = JAPANESE.read_text(encoding="utf-8"), japanese()
    rows = "".join(f"{row(key)} {meanings.get(key.name, '')} |\n" for key in KEYS)
    written = TABLE.sub(lambda found: found[1] + rows, text)
    if os.environ.get("GHAPP_WRITE_SNAPSHOTS"):
        JAPANESE.write_text(written, encoding="utf-8")
    assert text == written
    for key in KEYS:
        assert re.search(r"[ぁ-んァ-ヶ一-龠]", meanings[key.name]), key.name


def test_every_key_of_the_model_is_in_the_table() -> None:
    names = {key.name.partition(".")[0] for key in KEYS}
    assert names == set(PolicyFile.model_fields)
    assert len({key.name for key in KEYS}) == len(KEYS)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_a_key_says_what_it_means_and_how_it_is_written(key: Key) -> None:
    assert key.type
    assert key.example
    assert key.meaning.endswith((".", "`"))


def test_the_command_prints_the_table_and_not_that_of_packs() -> None:
    shown = CliRunner().invoke(app, ["schema", "--format", "markdown"])
    assert (shown.exit_code, shown.output.rstrip("\n")) == (0, as_markdown())
    refused = CliRunner().invoke(app, ["schema", "--pack", "--format", "markdown"])
    assert refused.exit_code == 2
