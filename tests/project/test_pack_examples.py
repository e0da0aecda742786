"""Every pack that is shipped holds its own promises."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from ghapp import catalogue
from ghapp.core.areas import Area
from ghapp.core.model import File, Pull, PullKey, Repository
from ghapp.core.triggers import changes_of, touch

FOLDER = Path(__file__).parents[2] / "checklists"
PACKS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.yml"))
    if path.stem != "references"
}
AREAS = {area.id: area for area in catalogue.builtin()}
PULL = Pull(
    PullKey(Repository(1, 1, "acme/shop"), 1),
    title="",
    author="ann",
    head_sha="",
    head_ref="",
    base_ref="",
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def samples(key):
    return [(name, path) for name, pack in PACKS.items() for path in pack["detect"].get(key, ())]


def flags(area: Area, path: str) -> bool:
    pull = replace(PULL, files=(File(path, "modified", 1, 0, "@@ -1 +1 @@\n+x"),))
    return touch(area, pull, changes_of(pull)) is not None


@pytest.mark.parametrize(("name", "path"), samples("path_hit"))
def test_a_path_that_should_flag_does(name, path):
    assert flags(AREAS[name], path)


@pytest.mark.parametrize(("name", "path"), samples("path_miss"))
def test_a_path_that_should_not_flag_does_not(name, path):
    assert not flags(AREAS[name], path)


def test_every_file_is_named_after_its_area_and_loaded():
    assert {name: pack["area"] for name, pack in PACKS.items()} == {name: name for name in AREAS}


def test_item_ids_are_unique_over_all_packs():
    ids = [item.id for area in AREAS.values() for item in area.items]
    assert len(ids) == len(set(ids))


def test_every_pack_has_samples_of_both_kinds():
    assert all(pack["detect"]["path_hit"] for pack in PACKS.values())
    assert all(pack["detect"]["path_miss"] for pack in PACKS.values())


def test_references_are_all_used_and_lead_somewhere():
    used = {key for area in AREAS.values() for item in area.items for key in item.refs}
    assert used == set(catalogue.references())
    assert all(url.startswith("https://") for _, url in catalogue.references().values())


@pytest.mark.parametrize("area", AREAS.values(), ids=AREAS)
def test_japanese_is_written_as_japanese(area):
    for item in area.items:
        assert item.question.ja.endswith("？"), item.id
        assert item.why.ja.endswith("。"), item.id
        assert not item.evidence.ja.endswith("。"), item.id
        for text in (item.question.ja, item.why.ja, item.evidence.ja):
            assert not re.search(r"[\u3040-\u30ff\u4e00-\u9fff][()?:,]", text), item.id
