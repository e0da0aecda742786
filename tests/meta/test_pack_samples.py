"""Every sample of every pack that is shipped holds: one case each, by the engine of the App."""

from pathlib import Path

import pytest
import yaml

from ghapp.core.policy.pack_schema import area
from ghapp.core.scan.samples import fault, samples
from ghapp.offline.packs import builtin

FOLDER = Path(__file__).parents[2] / "checklists"
SOURCES = builtin().sources
AREAS = {source.name: area(source.pack.part, source.references) for source in SOURCES}
SAMPLES = [(source, sample) for source in SOURCES for sample in samples(source.pack.part)]
# Asked from 1,500 added lines on, which no sample has.
TOO_LARGE = {"new-launch-plan", "new-split"}
ITEMS = [item for source in SOURCES for item in source.pack.part.items]
HAZARDS = [hazard for source in SOURCES for hazard in source.pack.part.hazards]


def cases(*kinds):
    found = [(source, sample) for source, sample in SAMPLES if sample.kind in kinds]
    return [
        pytest.param(source, sample, id=f"{sample.subject}-{sample.kind}-{sample.loc[-1] + 1}")
        for source, sample in found
    ]


def written(holder, kinds):
    return sum(len(holder.get(kind, ())) for kind in kinds)


@pytest.mark.parametrize(("source", "sample"), cases("hit", "miss"))
def test_a_sample_of_a_question_or_a_hazard_holds(source, sample):
    assert fault(source.pack.part, AREAS[source.name], sample) == ""


@pytest.mark.parametrize(("source", "sample"), cases("path_hit", "path_miss"))
def test_a_path_of_an_area_holds(source, sample):
    assert fault(source.pack.part, AREAS[source.name], sample) == ""


def test_no_sample_is_lost():
    packs = [
        yaml.safe_load(file.read_text(encoding="utf-8"))  # another reader of YAML than ghapp's
        for file in sorted(FOLDER.glob("*.yml"))
        if file.name not in ("references.yml", "sets.yml")
    ]
    hazards = [hazard for pack in packs for hazard in pack.get("hazards", ())]
    assert len(hazards) == len(HAZARDS) >= 122
    of_hazards = sum(written(hazard, ("hit", "miss")) for hazard in hazards)
    items = [item for pack in packs for item in pack["items"]]
    of_items = sum(written(item, ("hit", "miss")) for item in items)
    assert of_hazards + of_items == len(cases("hit", "miss"))
    assert of_hazards >= 611
    of_paths = sum(written(pack["detect"], ("path_hit", "path_miss")) for pack in packs)
    assert of_paths == len(cases("path_hit", "path_miss")) >= 113
    assert len(packs) == len(SOURCES) >= 21


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
def test_every_question_shows_where_it_is_asked_and_where_it_is_not(item):
    assert item.hit or item.id in TOO_LARGE
    assert item.miss


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.id)
def test_every_hazard_shows_what_it_finds_and_what_it_leaves_alone(hazard):
    assert hazard.hit
    assert hazard.miss
