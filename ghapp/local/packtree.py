"""A pack -> the tree that programs read: keys as in the pack, words in one language."""

from __future__ import annotations

from ghapp.core.packs.hazardfile import HazardPart
from ghapp.core.packs.packfile import ItemPart, References
from ghapp.local import packlist
from ghapp.local.packsource import Source

SAMPLES = {"hit", "miss"}
SAMPLES_OF_PATHS = {"path_hit", "path_miss"}
RENAMED = {"id", "item", "sev", "en", "ja"}  # said in the words of `ghapp check --format json`

Tree = dict[str, object]


def tree(source: Source, language: str) -> Tree:
    """All of the pack but its samples; every key is there, null or empty where it says nothing."""
    part = source.pack.part
    return {
        **packlist.summary(part, language),
        "detect": part.detect.model_dump(mode="json", exclude=SAMPLES_OF_PATHS),
        "items": [_item(item, source.references, language) for item in part.items],
        "hazards": [_hazard(hazard, language) for hazard in part.hazards],
        "retired": [one.model_dump(mode="json") for one in part.retired],
    }


def _item(item: ItemPart, references: References, language: str) -> Tree:
    japanese = language == "ja"
    when = item.when
    return {
        "id": item.id,
        "severity": item.sev,
        "category": item.cat,
        "question": item.ja if japanese else item.en,
        "why": item.why_ja if japanese else item.why_en,
        "evidence": item.ev_ja if japanese else item.ev_en,
        "links": [
            {"title": title, "url": address}
            for title, address in (references[key] for key in item.refs)
        ],
        "when": when and when.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def _hazard(hazard: HazardPart, language: str) -> Tree:
    return {
        "id": hazard.id,
        "severity": hazard.sev,
        "item": hazard.item,
        "message": hazard.ja if language == "ja" else hazard.en,
        **hazard.model_dump(mode="json", exclude=SAMPLES | RENAMED),
    }
