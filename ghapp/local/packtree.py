"""A pack -> the tree that programs read: keys as in the pack, words in one language."""

from __future__ import annotations

from ghapp.core.packs.hazardfile import HazardPart
from ghapp.core.packs.packfile import ItemPart, References, WhenPart
from ghapp.core.policies.vocabulary import spelled
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
    return {
        "id": item.id,
        "severity": item.sev,
        "category": item.cat,
        "question": spelled(item.ja if japanese else item.en, language),
        "why": spelled(item.why_ja if japanese else item.why_en, language),
        "evidence": spelled(item.ev_ja if japanese else item.ev_en, language),
        "links": [
            {"title": title, "url": address}
            for title, address in (references[key] for key in item.refs)
        ],
        "scope": item.scope,
        "when": _condition(item.when),
        "must_when": _condition(item.must_when),
    }


def _condition(when: WhenPart | None) -> Tree | None:
    if when is None:
        return None
    return when.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def _hazard(hazard: HazardPart, language: str) -> Tree:
    return {
        "id": hazard.id,
        "severity": hazard.sev,
        "item": hazard.item,
        "message": spelled(hazard.ja if language == "ja" else hazard.en, language),
        **hazard.model_dump(mode="json", exclude=SAMPLES | RENAMED),
    }
