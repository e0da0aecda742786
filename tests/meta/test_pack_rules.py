"""The rules that the built-in packs keep: what is asked, when, how grave, and in which words."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from ghapp import builtin_packs
from ghapp.core.areas import Area, AtLeast, Clause, Combined, Hazard, InFile, Item, When
from ghapp.core.policy.areas import DEFAULT, spelled
from tests.meta.test_pack_examples import FOLDER

AREAS = builtin_packs.builtin()
ITEMS = [(area, item) for area in AREAS for item in area.items]
HAZARDS = [(area, hazard) for area in AREAS for hazard in area.hazards]
MOST_WORDS, MOST_CHARACTERS = 15, 40
# Clauses that look at a line of the change, or at what a line has brought up.
LINES = ("diff", "removed", "hazard", "table_in")
TRADE = re.compile(
    r"(?i)\b(?:shops?|shoppers?|buyers?|merchants?|carts?|storefronts?|store owners?|sales?"
    r"|retail\w*)\b"
    r"|ショップ|購入者|販売|カート|店舗|加盟店|出店"
)
# Where the trade is the subject.
SEQUENCE = re.compile(
    r"\b(?:in(?: \w+)?|lock|write|sort|whatever|which\w*) order\b|\border of\b|ORDER BY"
)
OF_PAYMENTS = re.compile(r"(?i)\borders?\b|注文|購入")


def named(pairs: list[tuple[Area, Item]] | list[tuple[Area, Hazard]]) -> list[str]:
    return [one.id for _, one in pairs]


def calls_for_it(when: When | None) -> bool:
    """Whether the condition holds only where a line of the change, or a new file, calls for it."""
    if isinstance(when, InFile):
        return bool(when.diff or when.removed or when.bump or (when.new and when.path))
    if isinstance(when, Clause):
        # A new folder at the top is a new service, and who puts the label on says so.
        said = when.kind == "flagged_by" and {"folder", "label"}.issuperset(when.values)
        return when.kind in LINES or said
    if when is None or isinstance(when, AtLeast) or when.how == "not":
        return False
    return (all if when.how == "any" else any)(map(calls_for_it, when.of))


def is_about_size(when: When | None) -> bool:
    """Whether the condition asks for so many added lines that the size is the risk."""
    parts = when.of if isinstance(when, Combined) else (when,)
    return any(
        isinstance(one, AtLeast) and one.kind == "pull_added_gte" and one.count >= 1_500
        for one in parts
    )


@pytest.mark.parametrize(("area", "item"), ITEMS, ids=named(ITEMS))
def test_a_question_is_asked_because_a_line_calls_for_it(area: Area, item: Item) -> None:
    assert calls_for_it(item.when) or (
        area.id == "new-service-large-change" and is_about_size(item.when)
    )


@pytest.mark.parametrize(("area", "item"), ITEMS, ids=named(ITEMS))
def test_a_must_needs_a_line_of_exactly_its_kind(area: Area, item: Item) -> None:
    assert item.must_when is None or calls_for_it(item.must_when)
    if item.severity == "must":
        assert calls_for_it(item.when)


def test_every_question_says_what_it_is_about() -> None:
    for file in FOLDER.glob("*.yml"):
        for item in yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader).get("items", ()):
            assert item["scope"] in ("project", "change"), item["id"]


@pytest.mark.parametrize(("area", "item"), ITEMS, ids=named(ITEMS))
def test_a_question_is_short_and_one(area: Area, item: Item) -> None:
    en, ja = spelled(item.question.en, "en"), spelled(item.question.ja, "ja")
    assert len(en.split()) <= MOST_WORDS, en
    assert len(ja) <= MOST_CHARACTERS, (len(ja), ja)
    assert en.count("?") == 1 and en.endswith("?")
    assert ja.count("？") == 1 and ja.endswith("？")
    assert ";" not in en


def texts(area: Area) -> Iterator[tuple[str, str]]:
    for item in area.items:
        for text in (item.question, item.why, item.evidence):
            yield from ((item.id, text.en), (item.id, text.ja))
    for hazard in area.hazards:
        yield from ((hazard.id, hazard.message.en), (hazard.id, hazard.message.ja))


@pytest.mark.parametrize("area", AREAS, ids=[area.id for area in AREAS])
def test_no_word_of_a_single_trade_is_used(area: Area) -> None:
    for owner, text in texts(area):
        assert not TRADE.search(text), (owner, text)
        if area.id != "payments-checkout":
            assert not OF_PAYMENTS.search(SEQUENCE.sub("", text)), (owner, text)


@pytest.mark.parametrize("area", AREAS, ids=[area.id for area in AREAS])
def test_places_for_words_are_known_ones(area: Area) -> None:
    for owner, text in texts(area):
        for place in re.findall(r"\{([^}]*)\}", text):
            assert place in DEFAULT or place == "table", owner


@pytest.mark.parametrize(("area", "hazard"), HAZARDS, ids=named(HAZARDS))
def test_a_message_says_first_what_is_wrong(area: Area, hazard: Hazard) -> None:
    en, ja = hazard.message.naming("t").en, hazard.message.naming("t").ja
    assert hazard.id not in en + ja
    first = re.split(r"(?<=[.!])\s", en)[0]
    assert first.endswith("."), first
    assert len(first.split()) <= 32, first
    assert ja.endswith("。")


def test_retired_ids_are_never_used_again() -> None:
    retired = [id for area in AREAS for id, _ in area.retired]
    asked = {item.id for _, item in ITEMS}
    assert len(retired) == len(set(retired))
    assert not asked.intersection(retired)


def test_a_question_with_the_answer_of_another_names_one_of_another_area() -> None:
    homes = {item.id: area.id for area, item in ITEMS}
    same = [(area, item, item.same_as) for area, item in ITEMS if item.same_as]
    assert same
    for area, item, other in same:
        assert homes[other.item] != area.id, item.id
        # Else both might be left out, or neither.
        assert next(one for _, one in ITEMS if one.id == other.item).same_as is None


def test_conditions_name_hazards_and_areas_that_there_are() -> None:
    hazards, areas = {one.id for _, one in HAZARDS}, {area.id for area in AREAS}

    def clauses(when: When | None) -> Iterator[Clause]:
        if isinstance(when, Clause):
            yield when
        elif isinstance(when, Combined):
            for one in when.of:
                yield from clauses(one)

    for _, item in ITEMS:
        for clause in (*clauses(item.when), *clauses(item.must_when)):
            if clause.kind == "hazard":
                assert set(clause.values) <= hazards, item.id
            if clause.kind == "area":
                assert set(clause.values) <= areas, item.id
