"""The recipe for a trigger kind in CONTRIBUTING, followed with a throw-away kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from ghapp.core.areas import Clause, Detect, Hit
from ghapp.core.decide import decide
from ghapp.core.i18n import LANGUAGES, Words, table
from ghapp.core.policy.fields import Count
from ghapp.core.policy.pack_schema import DetectPart
from ghapp.core.policy.policy import Policy
from ghapp.core.scan import rulebook
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.scan import scan
from ghapp.core.scan.triggers import KINDS, Matches, Trigger
from ghapp.core.text.reasons import why
from ghapp.offline.pack_show import as_text
from ghapp.offline.packs import builtin
from tests.core.build import facts, history, item, policy, pull
from tests.core.pulls import AREA, PULL, file

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class BranchHit(Hit):
    kind = words = "branch"
    branch: str


@dataclass(frozen=True, slots=True)
class BranchTrigger(Trigger):
    """Fires for a release; counts the files that it asked to have matched."""

    whole = True

    @property
    def globs(self) -> tuple[str, ...]:
        return ("**/*.release",)

    def hits(self, found: Matches) -> Iterable[Hit]:
        notes = [one for one in found.files if "**/*.release" in one.kind.globs]
        return [BranchHit(found.pull.head_ref)] if notes else []


class BranchPart(DetectPart):
    branch_gte: Count | None = None


@pytest.fixture(autouse=True)
def with_the_kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(rulebook, "KINDS", (*KINDS, BranchTrigger))
    for language in LANGUAGES:
        texts = cast("dict[str, str]", table(language))
        monkeypatch.setitem(texts, "hit_branch", f"branch {{branch}} ({language})")
        monkeypatch.setitem(texts, "pack_branch_gte", f"branches ({language})")
    rulebook.rulebook.cache_clear()
    yield
    rulebook.rulebook.cache_clear()


def test_it_flags_an_area_with_all_files_and_a_reason_in_both_languages() -> None:
    by_branch = replace(item("db-a"), when=Clause("flagged_by", ("branch",)))
    other = replace(item("db-b"), when=Clause("flagged_by", ("path",)))
    area = replace(AREA, detect=Detect(), items=(by_branch, other))
    rules = Policy(areas=(area,))
    files = (file("a.py", "x"), file("notes/1.release", "x"))
    (found,) = checklist(scan(replace(PULL, files=files), rules), rules).flagged
    assert (found.hits, len(found.files)) == ((BranchHit("topic"),), 2)
    assert [one.id for one in found.items] == ["db-a"]
    assert why(found.hits[0], Words("en")) == "branch `topic` (en)"
    assert why(found.hits[0], Words("ja")) == "branch `topic` (ja)"
    assert checklist(scan(replace(PULL, files=files[:1]), rules), rules).flagged == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_of_detect_has_a_label(language: str) -> None:
    keys = set(DetectPart.model_fields) - {"path_hit", "path_miss"}
    assert {f"pack_{key}" for key in keys} <= set(table(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_comment_has_its_reason(language: str) -> None:
    area = replace(AREA, detect=Detect(), items=(item("db-a"),))
    rules, files = policy(area, language=language), (file("notes/1.release", "x"),)
    asked = checklist(scan(pull(files=files), rules), rules)
    marks = decide(facts(rules, files=files), history(), asked, (), ()).marks
    assert marks.comment and f"branch `feat/points` ({language})" in marks.comment


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pack_is_shown_with_a_key_that_is_a_number(language: str) -> None:
    source = builtin().sources[0]
    part = source.pack.part.model_copy(update={"detect": BranchPart(branch_gte=2)})
    text = as_text([replace(source, pack=replace(source.pack, part=part))], Words(language))
    assert re.search(rf"branches \({language}\) +2\n", text)


def test_the_recipe_names_five_source_files_at_most() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.search(r"^## How to add a trigger kind\n(.*?)Tests:", text, re.MULTILINE | re.DOTALL)
    assert found
    files = set(re.findall(r"`(core/[\w/]+\.(?:py|yml))`", found.group(1)))
    assert all((ROOT / "ghapp" / name).is_file() for name in files)
    assert len(files) == 5
