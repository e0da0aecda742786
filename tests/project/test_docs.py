"""What the documents say is what the code has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ghapp.core.commands import COMMANDS
from ghapp.core.policies.policyfile import schema
from ghapp.core.standing import NEXT, State

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
POLICY = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def test_the_chart_of_a_sign_off_is_its_table() -> None:
    arrows = re.findall(r"^  (\w+) --> (\w+): (\w+)$", ARCHITECTURE, re.MULTILINE)
    # Stale is the same state seen from another diff, so it has the same arrows.
    table = {(str(state), str(to), str(verb)) for (state, verb), to in NEXT.items()}
    table |= {
        ("stale", str(to), str(verb))
        for (state, verb), to in NEXT.items()
        if state is State.SIGNED_OFF
    }
    assert set(arrows) == table


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"| `/nfr {COMMANDS[name].usage}` |" in README


def _keys(part: dict[str, Any], above: str = "") -> Iterator[str]:
    """All keys of the policy's schema, as `a.b`."""
    for name, value in part.get("properties", {}).items():
        refs = re.findall(r"'\$ref': '#/\$defs/(\w+)'", str(value))
        inner = [schema()["$defs"][ref] for ref in refs]
        key = f"{above}{name}"
        if key == "areas":
            yield from _keys(schema()["$defs"]["AreaPart"], "areas.ID.")
        elif inner and above == "":
            yield from _keys(inner[0], f"{key}.")
        else:
            yield key


@pytest.mark.parametrize("key", sorted(set(_keys(schema()))))
def test_every_key_of_the_policy_is_documented(key: str) -> None:
    assert f"`{key}`" in POLICY


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (document.parent / target).exists(), f"{document.name}: {target}"
