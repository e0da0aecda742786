"""The policies of docs/cookbook.md do what its tables say."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ghapp.builtin_packs import rules
from ghapp.core.decide import decide
from ghapp.core.model import File
from ghapp.core.policy.policy import Policy, effective, problems_of
from ghapp.core.records import PolicySource
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.scan import scan
from tests.core.build import facts, history, pull

PAGE = (Path(__file__).parents[2] / "docs" / "cookbook.md").read_text(encoding="utf-8")
RULES = rules("advise")
BEFORE, AFTER = datetime(2027, 1, 31, 12, tzinfo=UTC), datetime(2027, 2, 1, 12, tzinfo=UTC)


def added(path: str, *lines: str) -> File:
    patch = f"@@ -0,0 +1,{len(lines)} @@\n" + "\n".join(f"+{line}" for line in lines)
    return File(path, "added", len(lines), 0, patch=patch)


INDEX = added("db/migrate/1_points.sql", "CREATE INDEX points_of ON orders (points);")
OPEN = added(
    "infra/network.tf",
    'resource "aws_security_group_rule" "web" {',
    '  type        = "ingress"',
    '  cidr_blocks = ["0.0.0.0/0"]',
    "  from_port   = 22",
    "  to_port     = 22",
    "}",
)
CALL = added("app/tax.py", "import requests", 'found = requests.get("https://tax.example/v1")')
CHANGES = {
    "builds an index": INDEX,
    "インデックスを作成する": INDEX,
    "calls a service without a timeout": CALL,
    "changes a text": added("app/words.py", 'TITLE = "Welcome"'),
    "opens a port to the world": OPEN,
}
CONCLUSIONS = {
    "in progress": "",
    "進行中": "",
    "neutral": "neutral",
    "中立": "neutral",
    "success": "success",
    "none": None,
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A section: its policies in order, and the rows of its table."""

    name: str
    policies: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def in_force(self, at: int) -> Policy:
        """The policy at this place, over the first one if that is an organisation's."""
        texts = self.policies
        below = None
        if "locked:" in texts[0] and at:
            below = PolicySource(text=texts[0], good=texts[0])
        return effective(PolicySource(text=texts[at], organisation=below), RULES)


def recipes() -> list[Recipe]:
    found = []
    for section in PAGE.split("\n## ")[1:]:
        name, _, body = section.partition("\n")
        policies = re.findall(r"^```yaml\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
        lines = re.findall(r"^\| (.*) \|$", body, re.MULTILINE)[1:]
        rows = (tuple(line.split(" | ")) for line in lines if not line.startswith("---"))
        found.append(Recipe(name, tuple(policies), tuple(rows)))
    return found


RECIPES = {one.name: one for one in recipes()}
OBSERVE_FIRST = RECIPES["Observe first"]
ROWS = [
    pytest.param(recipe, row, id=f"{recipe.name}: {row[0]}")
    for recipe in RECIPES.values()
    if recipe is not OBSERVE_FIRST
    for row in recipe.rows
]


def decided(policy: Policy, file: File, now: datetime) -> tuple[dict[str, object], object, str]:
    """The areas with their reviewers, the conclusion (None if nothing is written), the summary."""
    policy = policy.on(now)
    asking = pull(files=(file,), changed_files=1, is_guarded=True)
    seen = facts(policy, files=asking.files, changed_files=1)
    scanned = scan(seen.pull, policy, only_author_pushed=True)
    asked = checklist(scanned, policy, findings(scanned.suspicion, {}))
    made = decide(replace(seen, now=now), history(), asked, (), ())
    run = made.marks.check_run
    assert run
    areas: dict[str, object] = {one.id: one.reviewers.teams for one in made.review.areas}
    return areas, run.conclusion if made.writes else None, run.summary


def changed(words: str) -> File:
    named = re.search(r"`(app/\S+|design/\S+)`", words)
    if named:
        return added(named[1], "total = price * 2")
    return next(file for which, file in CHANGES.items() if which in words)


def test_there_are_five_recipes_and_every_policy_is_good() -> None:
    assert len(RECIPES) == 5
    for recipe in RECIPES.values():
        for text in recipe.policies:
            layer = "organisation" if "locked:" in text else "repository"
            assert problems_of(text, RULES, layer=layer) == (), recipe.name


@pytest.mark.parametrize(("recipe", "row"), ROWS)
def test_a_recipe_does_what_its_table_says(recipe: Recipe, row: tuple[str, ...]) -> None:
    what, areas, check = row
    named, _, signed_by = areas.partition(", signed off by ")
    found, conclusion, summary = decided(recipe.in_force(-1), changed(what), BEFORE)
    assert set(found) == set(re.findall(r"`([\w-]+)`", named))
    assert conclusion == CONCLUSIONS[re.split(r" until|, ", check)[0]]
    for team in re.findall(r"`([\w-]+)`", signed_by or check):
        assert all(teams == (team,) for teams in found.values())
        assert team in summary


def test_a_repository_cannot_weaken_what_the_platform_locks() -> None:
    recipe = RECIPES["A platform with a team for each area"]
    for text in ("mode: observe\n", "areas: {database-migration: off}\n"):
        weaker = replace(recipe, policies=(recipe.policies[0], text))
        assert decided(weaker.in_force(1), INDEX, BEFORE)[:2] == (
            {"database-migration": ("dba",)}, "",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "now", "row"), [(0, BEFORE, 0), (1, BEFORE, 1), (2, BEFORE, 2), (2, AFTER, 3)]
)
def test_a_roll_out_goes_from_observing_to_enforcing(step: int, now: datetime, row: int) -> None:
    expected = OBSERVE_FIRST.rows[row][1]
    _, conclusion, summary = decided(OBSERVE_FIRST.in_force(step), INDEX, now)
    assert conclusion == CONCLUSIONS[expected.partition(",")[0]]
    assert ("block" in summary and "2027" in summary) == ("will block" in expected)
