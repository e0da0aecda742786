"""What the documents say is what the code has."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import pytest

from ghapp.core.i18n import Words
from ghapp.core.ledger import AREA, CONCERN, HOLD, ITEM, State, Verb
from ghapp.core.review import configuration
from ghapp.core.review.commands import COMMANDS
from ghapp.core.text.replies import usage

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REVIEW = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
REVIEW_JA = (ROOT / "docs" / "ja" / "review.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
POLICY = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def _drawn(start: str) -> set[tuple[str, str, str]]:
    """The arrows of the chart that begins in a state, each named by one verb."""
    charts = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", REVIEW, re.DOTALL)
    (chart,) = (one for one in charts if one.startswith(f"  [*] --> {start}\n"))
    return set(re.findall(r"^  (\w+) --> (\w+): (\w+)$", chart, re.MULTILINE))


@pytest.mark.parametrize("table", [ITEM, HOLD, CONCERN])
def test_the_chart_of_a_state_is_its_table(table: dict[tuple[StrEnum, Verb], StrEnum]) -> None:
    start = next(iter(type(next(iter(table.values())))))
    arrows = {(str(state), str(to), str(verb)) for (state, verb), to in table.items()}
    assert _drawn(str(start)) == arrows


def test_the_chart_of_an_area_is_its_table() -> None:
    arrows = {(str(state), str(to), str(verb)) for (state, verb), to in AREA.items()}
    # Stale is the same state seen from another diff, so it has the same arrows.
    stale = {
        ("stale", str(to), str(verb))
        for (state, verb), to in AREA.items()
        if state in (State.SIGNED_OFF, State.WAIVED)
    }
    assert _drawn("waiting") == arrows | stale


@pytest.mark.parametrize(("language", "page"), [("en", REVIEW), ("ja", REVIEW_JA)])
def test_the_table_of_commands_is_the_one_that_reads_them(language: str, page: str) -> None:
    words = Words(language)
    rows = re.findall(r"^\| (`/nfr .*) \|$", page, re.MULTILINE)
    assert [row.split(" | ") for row in rows] == [
        [f"`/nfr {usage(spec.usage, words)}`", words(f"who_{spec.who.key}"), words(f"help_{name}")]
        for name, spec in COMMANDS.items()
    ]


def test_the_table_of_commands_on_the_issue_of_the_standing_review_is_the_one_that_reads_them() -> (
    None
):
    words = Words("en")
    rows = re.findall(r"^\| (`/nfr .*) \|$", CONFIGURATION, re.MULTILINE)
    does = {one: words(f"configuration_help_{one}") for one in ("accept", "undo")}
    does["help"] = words("help_help")
    assert [row.split(" | ") for row in rows] == [
        [f"`/nfr {usage}`", words(f"who_{who}"), does[name]]
        for name, (_, usage, who) in configuration.COMMANDS.items()
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert re.search(rf"`/nfr {name}[ `]", README)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (document.parent / target).exists(), f"{document.name}: {target}"
