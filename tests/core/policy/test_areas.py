"""A company's own words in the texts of packs, and the table in the message of a finding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.areas import Area, Detect, Hazard, Item, Text
from ghapp.core.policy.areas import spelled
from ghapp.core.policy.policy import Policy, Rules, effective
from ghapp.core.records import PolicySource

ITEM = Item(
    "slow-page",
    "should",
    "performance",
    Text("What do {users} see when the {service} is slow?", "{users}には何が見えますか？"),
    Text("It is slow. {users} leave; {tenants} pay.", "{tenants}が困ります。"),
    Text("A test", "試験"),
)
HAZARD = Hazard(
    "SLOW-1",
    "should",
    "slow-page",
    "pages",
    "x",
    Text("It blocks {users} on {table}.", "{table} で{users}を止めます。"),
)
PAGES = Area("pages", Text("Pages", "画面"), 3, Detect(("**",)), (ITEM,), hazards=(HAZARD,))


def policy(text: str) -> Policy:
    return effective(PolicySource(text=text), Rules((PAGES,), "advise"))


@pytest.mark.parametrize(
    ("words", "en", "ja"),
    [
        ("", "What do users see when the service is slow?", "利用者には何が見えますか？"),
        (
            "words: {users: buyers, service: {en: shop}}",
            "What do buyers see when the shop is slow?",
            "buyersには何が見えますか？",
        ),
        (
            "words: {users: {ja: 購入者}}",
            "What do users see when the service is slow?",
            "購入者には何が見えますか？",
        ),
    ],
)
def test_a_policy_may_set_its_own_words(words: str, en: str, ja: str) -> None:
    (area,) = policy(words).areas
    assert area.items[0].question == Text(en, ja)
    assert area.items[0].evidence == ITEM.evidence


def test_a_sentence_begins_with_a_capital() -> None:
    (area,) = policy("words: {tenants: stores}").areas
    assert area.items[0].why == Text("It is slow. Users leave; stores pay.", "storesが困ります。")
    assert spelled("{service} x", "en") == "Service x"
    assert spelled("Is it fast?", "en") == "Is it fast?"


@pytest.mark.parametrize(
    ("table", "en", "ja"),
    [
        ("orders", "It blocks users on `orders`.", "`orders` で利用者を止めます。"),
        ("shop.orders", "It blocks users on `orders`.", "`orders` で利用者を止めます。"),
        ("", "It blocks users on the table.", "対象テーブルで利用者を止めます。"),
        ("www.evil.example/", "It blocks users on the table.", "対象テーブルで利用者を止めます。"),
        ("x" * 64, "It blocks users on the table.", "対象テーブルで利用者を止めます。"),
    ],
)
def test_a_finding_names_its_table(table: str, en: str, ja: str) -> None:
    (area,) = policy("").areas
    assert area.hazards[0].message.naming(table) == Text(en, ja)


def test_a_message_without_a_table_stays_as_it_is() -> None:
    words = Text("It is slow.", "遅いです。")
    assert replace(HAZARD, message=words).message.naming("orders") is words


def test_an_area_that_the_policy_names_is_flagged_by_a_touch() -> None:
    flags = {
        "": "evidence",
        "areas: {pages: on}": "touch",
        "areas: {pages: {mode: enforce}}": "touch",
        "areas: {pages: {mode: enforce, flag: evidence}}": "evidence",
    }
    for text, flag in flags.items():
        assert [area.flag for area in policy(text).areas] == [flag]


def test_a_retired_question_may_be_switched_off_and_so_are_those_in_its_place() -> None:
    retired = replace(PAGES, retired=(("slow-old", ("slow-page",)), ("slow-gone", ())))
    rules = Rules((retired,), "advise")
    for item, items in (("slow-old", 0), ("slow-gone", 1)):
        source = PolicySource(text=f"areas: {{pages: {{items: {{{item}: off}}}}}}")
        made = effective(source, rules)
        assert not made.problems
        assert len(made.areas[0].items) == items
