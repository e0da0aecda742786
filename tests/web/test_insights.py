"""`/insights`: what was counted, for whoever may see it, on both databases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ghapp.core.areas import Text
from ghapp.core.insights import LEAST_ASKED
from ghapp.core.ledger import Verb
from ghapp.core.model import Repository
from ghapp.core.records import Asked, FollowUp, Note, Overview
from ghapp.store import Store
from ghapp.store.insights import Narrowed, insights
from ghapp.store.rollups import roll_up
from tests.store.stores import HEAD, NOON, story
from tests.web.reviews import BATCH, SETTINGS, SHOP, WEB, area, client, overview, recorded
from tests.web.test_pages import DESCRIBED, faults, get
from tests.web.test_security_pages import HOSTILE, PLAIN, Tags

NOW = datetime.now(UTC)
ZONE = SETTINGS.timezone
ALWAYS = replace(
    overview().hours, days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"), hours="00:00-24:00"
)
NOTE = Note(Verb.CHECK, "ann", NOON)


def shown(days: float = 0, *areas: Any, **changes: Any) -> Overview:
    """As a run read it so many days ago."""
    at = NOW - timedelta(days=days)
    return overview(areas=areas or (area(),), at=at, hours=ALWAYS, head_sha=HEAD, **changes)


async def waited(
    store: Store, number: int, minutes: int, days: float = 0, repository: Repository = SHOP
) -> None:
    """A pull that SRE signed off after so many minutes."""
    begun = shown(days + minutes / 1440)
    await recorded(store, number, "waiting_reviewers", begun, repository=repository)
    signed = area(state="signed_off", signed=replace(NOTE, verb=Verb.SIGN_OFF, at=NOW))
    merged = shown(days, signed, is_merged=True)
    await recorded(store, number, "signed_off", merged, is_open=False, repository=repository)


async def asked_often(store: Store, verb: Verb, text: str = "", times: int = LEAST_ASKED) -> None:
    for number in range(times):
        item = Asked("dbm-online-ddl", "must", Text("q", "q"), replace(NOTE, verb=verb, text=text))
        await recorded(store, 100 + number, shown=shown(0, area(items=(item,))))


async def found(store: Store, query: str = "") -> dict[str, Any]:
    await roll_up(store.records, ZONE)
    answer: dict[str, Any] = (await get(store, f"/api/v1/insights{query}")).json()
    return answer


def last(answer: Mapping[str, Any], turn: str) -> Any:
    return answer["weeks"][-1][turn]


@story
async def test_waits_have_percentiles_if_there_are_enough(store: Store) -> None:
    for number in range(4):
        await waited(store, number + 1, 10 + number)
    few = last(await found(store), "reviewers")
    assert few == {"count": 4, "median": None, "p90": None, "minutes": [10, 11, 12, 13]}
    for number in range(6):
        await waited(store, number + 10, 60)
    many = last(await found(store), "reviewers")
    assert many == {"count": 10, "median": 60, "p90": 60, "minutes": []}


@story
async def test_numbers_are_of_the_weeks_that_are_asked_for(store: Store) -> None:
    await waited(store, 1, 10)
    await waited(store, 2, 10, days=40)
    for weeks, count in ((4, 1), (12, 2), (26, 2), (52, 2), (7, 2)):
        answer = await found(store, f"?weeks={weeks}")
        assert len(answer["weeks"]) == (weeks if weeks != 7 else 12)
        assert sum(week["signed_off"] for week in answer["weeks"]) == count
        assert sum(week["reviewers"]["count"] for week in answer["weeks"]) == count
        mondays = [datetime.fromisoformat(week["monday"]) for week in answer["weeks"]]
        assert {one.weekday() for one in mondays} == {0}
        assert mondays == sorted(mondays)
    first = (NOW - timedelta(days=40)).astimezone(ZONE).date()
    assert answer["since"] == (first - timedelta(days=first.weekday())).isoformat()


@story
async def test_numbers_are_narrowed_by_repository_and_area(store: Store) -> None:
    await waited(store, 1, 10)
    await recorded(store, 2, shown=shown(0, area("payments")), repository=BATCH)
    for query, areas, signed, opened in (
        ("", {"database-migration", "payments"}, 1, 1),
        ("?repository=ACME/shop", {"database-migration"}, 1, 0),
        ("?repository=acme/batch", {"payments"}, 0, 1),
        ("?repository=acme/none", set(), 0, 0),
        ("?area=payments", {"payments"}, 0, 1),
        ("?area=database-migration", {"database-migration"}, 1, 0),
        ("?area=none", set(), 0, 0),
    ):
        answer = await found(store, query)
        assert {one["id"] for one in answer["areas"]} == areas, query
        assert sum(one["signed_off"] for one in answer["areas"]) == signed, query
        assert last(answer, "reviewers")["count"] == signed, query
        assert sum(one["count"] for one in answer["open"]) == opened, query
        assert {one["area"] for one in answer["questions"]} == areas, query


@story
async def test_open_reviews_are_counted_by_age(store: Store) -> None:
    for number, days in ((1, 0), (2, 40), (3, 50)):
        await recorded(store, number, "waiting_author", since=NOW - timedelta(days=days))
    ages = {one["id"]: one["count"] for one in (await found(store))["open"]}
    assert ages == {"hours": 1, "day": 0, "days": 0, "older": 2}


@story
async def test_questions_have_proposals_with_their_numbers(store: Store) -> None:
    await asked_often(store, Verb.NA, "No  table")
    (one,) = (await found(store, "?lang=en"))["questions"]
    assert (one["asked"], one["not_applicable_percent"], one["findings"]) == (20, 100, 0)
    assert re.fullmatch(r"checklists/database-migration\.yml:\d+", one["defined"])
    assert [each["kind"] for each in one["proposals"]] == ["retire", "automate"]
    assert one["proposals"][0]["text"] == (
        "Of 20 answers 100 % are n.a., and no finding raised it in 20 askings."
    )
    page = (await get(store, "/insights?lang=en")).text
    assert "Retire?" in page and "All 20 answers have the same words" in page
    assert one["defined"] in page


@story
async def test_what_was_merged_without_sign_off_is_listed(store: Store) -> None:
    left = shown(0, area(), area("payments", state="signed_off"), is_merged=True)
    await recorded(store, 1, "waiting_author", left, is_open=False)
    await recorded(store, 2, "waiting_author", shown(0), is_open=False)  # closed without a merge
    held = shown(0, area("payments", state="signed_off"), is_merged=True)
    await recorded(store, 3, "on_hold", held, is_open=False, repository=BATCH)
    answer = await found(store)
    assert answer["unsigned_total"] == 2
    listed = {(one["repository"], one["number"]): one for one in answer["unsigned"]}
    assert listed["acme/shop", 1]["areas"] == ["database-migration"]
    assert listed["acme/shop", 1]["url"] == f"{WEB}/acme/shop/pull/1"
    assert ("acme/batch", 3) in listed
    week = answer["weeks"][-1]
    assert (week["unsigned"], week["closed"]) == (2, 1)
    assert "acme/shop#1" in (await get(store, "/insights?lang=en")).text
    assert (await found(store, "?area=payments"))["unsigned_total"] == 0


@story
async def test_follow_ups_add_up(store: Store) -> None:
    due = [FollowUp(1, one, "database-migration", "2020-01-01", "bob") for one in "ab"]
    await recorded(store, 1, "signed_off", shown(15), follow_ups=tuple(due))
    await found(store)
    closed = (due[0], replace(due[1], is_open=False))
    await recorded(store, 1, "signed_off", shown(0), follow_ups=closed)
    answer = await found(store)
    assert sum(week["deferred"] for week in answer["weeks"]) == 2
    assert answer["weeks"][-1]["resolved"] == 1
    assert (answer["follow_ups_open"], answer["follow_ups_overdue"]) == (1, 1)
    page = (await get(store, "/insights?lang=en")).text
    assert "Open now: 1, overdue: 1." in page


@story
async def test_nothing_of_a_repository_that_one_may_not_see_is_counted(store: Store) -> None:
    """As if the other repository did not exist."""

    async def both(seen: frozenset[int] | None) -> Any:
        one = await store.records.read(insights, seen, Narrowed(weeks=52), ZONE)
        return replace(one, now=NOW)

    await waited(store, 1, 10)
    await recorded(store, 2, "waiting_author", shown(0, is_merged=True), is_open=False)
    await recorded(store, 3)
    await roll_up(store.records, ZONE)
    alone = await both(None)
    await waited(store, 1, 50, repository=BATCH)
    await recorded(store, 2, "on_hold", shown(0, is_merged=True), is_open=False, repository=BATCH)
    owed = (FollowUp(3, "x", "payments", "2020-01-01", "bob"),)
    secret = shown(0, area("secret", items=(Asked("secret-item", "must", Text("", ""), NOTE),)))
    await recorded(store, 3, shown=secret, repository=BATCH, follow_ups=owed)
    await roll_up(store.records, ZONE)
    assert await both(frozenset({SHOP.id})) == alone
    assert await both(None) != alone
    nothing = await both(frozenset())
    assert nothing == await both(frozenset({999}))
    assert nothing.repositories == nothing.all_areas == nothing.questions == ()
    assert (nothing.since, nothing.ages, nothing.owed, nothing.unsigned) == (None, {}, 0, (0, ()))


@story
async def test_answers_are_as_the_openapi_file_says(store: Store) -> None:
    schema = {"$ref": "#/components/schemas/Insights"}
    assert list(faults(await found(store), schema)) == []
    for number in range(6):
        await waited(store, number + 1, 10 + number)
    await asked_often(store, Verb.NA, "none")
    await recorded(store, 9, "on_hold", shown(0, is_merged=True), is_open=False)
    answer = await found(store)
    assert answer["questions"][0]["proposals"] and answer["unsigned"]
    assert list(faults(answer, schema)) == []
    assert "/api/v1/insights" in DESCRIBED["paths"]


@story
async def test_charts_say_everything_in_words(store: Store) -> None:
    for number in range(6):
        await waited(store, number + 1, 700 * (number + 1), days=7 * (number % 3))
    await recorded(store, 20, "waived", shown(0), is_open=False)
    await recorded(store, 21, "waiting_author", shown(0, is_merged=True), is_open=False)
    owed = (FollowUp(22, "x", "db", "2020-01-01", "bob"),)
    await recorded(store, 22, "waiting_author", shown(0), follow_ups=owed)
    await roll_up(store.records, ZONE)
    for language in ("en", "ja"):
        page = (await get(store, f"/insights?lang={language}")).text
        assert "style=" not in page
        drawn = re.findall(r"<svg class=\"plot\".*?</svg>", page, re.DOTALL)
        assert len(drawn) == 4  # nobody waited for an author
        for one in drawn:
            svg = ET.fromstring(one)  # of this process's own making
            assert svg.get("role") == "img" and svg.get("viewBox")
            (named,) = [each for each in svg if each.get("id") == svg.get("aria-labelledby")]
            assert named.text
            for mark in svg.iter():
                is_mark = mark.tag in ("circle", "rect", "polyline") and mark.get("class") != "s2"
                if is_mark and mark.get("class") not in ("s3", "line scale"):
                    assert mark.findtext("title"), (mark.tag, mark.attrib)
        assert (
            page.count("<figcaption>") == 10
        )  # six charts and figures, and the groups of the self-review
        assert page.count("<details>") == 4
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))


@story
async def test_an_empty_page_says_why(store: Store) -> None:
    page = (await get(store, "/insights?lang=en")).text
    assert "Nothing was counted in this time." in page
    assert "<svg" not in page
    assert "Nothing was merged without the sign-offs that it waited for." in page
    assert "400 日間" not in (await get(store, "/insights?lang=ja")).text


@story
async def test_hostile_words_do_nothing(store: Store) -> None:
    item = Asked(PLAIN, "must", Text("", ""), NOTE)
    left = overview(
        HOSTILE, author=HOSTILE, areas=(area(PLAIN, items=(item,)),), at=NOW, is_merged=True
    )
    await recorded(store, 1, "waiting_author", left, is_open=False)
    await roll_up(store.records, ZONE)
    for language in ("en", "ja"):
        query = {"lang": language, "area": HOSTILE[:60], "repository": "<b>"}
        async with client(store) as browser:
            for params in (query, {"lang": language}):
                page = (await browser.get("/insights", params=params)).text
                assert "&lt;script&gt;alert(1)" in page
                assert not {"\u202e", "\u200b", "\x00", "\u2066"} & {*page}
                for tag, attributes in Tags(page).tags:
                    assert tag not in ("script", "img", "iframe", "object", "style", "base")
                    assert not [name for name in attributes if name.startswith("on")]
            text = (await browser.get("/insights", params={"lang": language, "format": "md"})).text
    assert text.startswith("## ")
    text = re.sub(r"``.*?``", "", text)  # code, as ids are written
    assert "@" not in text and "<b>" not in text and "<script" not in text


@story
async def test_text_to_paste_has_all_tables(store: Store) -> None:
    await asked_often(store, Verb.NA)
    await waited(store, 1, 10)
    await roll_up(store.records, ZONE)
    text = (await get(store, "/insights?format=md&lang=en")).text
    for heading in ("Wait on SRE.", "Outcomes.", "Open now.", "Follow-ups.", "Areas", "Questions"):
        assert f"### {heading}" in text
    assert "`dbm-online-ddl`" in text and "| 100 % |" in text
    assert "Of 20 answers 100 % are n.a." in text


@pytest.mark.parametrize("query", ["?weeks=x", "?weeks=-1", "?weeks=9999999999", "?weeks="])
def test_a_number_of_weeks_that_is_not_offered_is_twelve(query: str) -> None:
    from starlette.datastructures import QueryParams

    from ghapp.web.insights import narrowed

    assert narrowed(QueryParams(query.lstrip("?"))) == Narrowed()
