"""What the pages show of what runs recorded, on both databases."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import bindparam, update

from ghapp.core.areas import Text
from ghapp.core.i18n import LANGUAGES, table
from ghapp.core.ledger import Refusal, Verb
from ghapp.core.model import Channel, ProjectKey, PullKey
from ghapp.core.records import (
    Asked,
    FollowUp,
    Found,
    Note,
    OfProject,
    Overview,
    PolicyFile,
    PolicySource,
    ProjectArea,
    RunNote,
    Shown,
)
from ghapp.core.releases import Freeze, Release
from ghapp.store import Store, policies
from ghapp.store.pages import (
    MOST_ENTRIES,
    MOST_ROWS,
    Narrowed,
    ProjectPage,
    all_projects,
    check_again,
    pull,
    queue,
)
from ghapp.store.pages import project as page_of_project
from ghapp.store.schema import projects
from ghapp.store.sql import Connection, Statement
from ghapp.store.stand_up import FAILS_AFTER
from ghapp.web.pages import PAGE_HEADERS
from tests.store.stores import (
    HEAD,
    NEXT_HEAD,
    NOON,
    changed,
    claimed,
    delivery,
    due,
    opened,
    story,
)
from tests.web.reviews import (
    ANSWER,
    BATCH,
    SHOP,
    WEB,
    area,
    client,
    days_from_now,
    entry,
    overview,
    project,
    recorded,
    searched,
)

HOLD = Note(Verb.HOLD, "suzuki", NOON, "load test first")


async def get(store: Store, path: str, **headers: str) -> httpx.Response:
    async with client(store) as browser:
        answer = await browser.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


async def listed(store: Store, query: str = "") -> dict[str, list[int]]:
    """The numbers in each section of the queue, in their order."""
    found = (await get(store, f"/api/v1/queue{query}")).json()
    return {one["id"]: [row["number"] for row in one["reviews"]] for one in found["sections"]}


@story
async def test_reviews_are_grouped_by_turn_oldest_first(store: Store) -> None:
    await recorded(store, 1, "waiting_reviewers", since=NOON)
    await recorded(store, 2, "waiting_reviewers", since=NOON - timedelta(days=1))
    await recorded(store, 3, "waiting_author")
    await recorded(store, 4, "on_hold", overview(holds=(HOLD,)))
    await recorded(store, 5, "unreadable")
    ordered = {
        "reviewers": [2, 1],
        "consultations": [],
        "hold": [4],
        "author": [3],
        "waived": [],
        "admin": [5],
    }
    found = await listed(store)
    assert {*found.pop("new")} == {1, 2, 3, 4, 5}
    assert found == ordered


@story
async def test_what_waits_for_nobody_is_not_listed(store: Store) -> None:
    await recorded(store, 1, "waiting_reviewers", is_open=False)
    await recorded(store, 2, "waiting_reviewers", overview(is_draft=True))
    await recorded(store, 3, "signed_off")
    await recorded(store, 4, "clear", overview(areas=()))
    await recorded(store, 5, "waiting_author")
    await recorded(store, 5, "waived")
    assert not any((await listed(store)).values())


def test_what_was_flagged_since_the_last_stand_up_is_new(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await recorded(store, 1, since=datetime.now(UTC) - timedelta(hours=2))
            await recorded(store, 2, "waiting_author", repository=BATCH)
            await recorded(store, 3, "waiting_reviewers", overview(is_draft=True))
            await recorded(store, 4, "clear", overview(areas=()))
            old = "UPDATE reviews SET flagged_since = 1 WHERE number = 1"
            changed(database_url, old)
            await recorded(store, 1, since=datetime.now(UTC) - timedelta(hours=2))
            assert (await listed(store))["new"] == [2]
            assert (await listed(store, "?repository=acme/shop"))["new"] == []
            page = (await get(store, "/?lang=en")).text
            assert page.count('<span class="new">new</span>') == 1
            assert "Longest wait on SRE: " in page
            await recorded(store, 1, "clear", overview(areas=()))
            await recorded(store, 1, "waiting_author")
            await recorded(store, 3, "waiting_author")
            assert {*(await listed(store))["new"]} == {1, 2, 3}

    asyncio.run(play())


@story
async def test_what_was_waived_since_the_last_stand_up_is_listed(store: Store) -> None:
    note = Note(Verb.WAIVE, "lea", NOON, "incident 42")
    waived = overview(areas=(area(state="waived", signed=note), area("x", state="waived")))
    now = datetime.now(UTC)
    await recorded(store, 1, "waived", waived, since=now)
    await recorded(store, 2, "waived", waived, since=now - timedelta(days=30))
    await recorded(store, 3, "waived", waived, since=now, is_open=False)
    assert {*(await listed(store))["waived"]} == {1, 3}
    assert "waived by lea: “incident 42”." in (await get(store, "/?lang=en")).text


@story
async def test_each_row_says_why_it_is_there(store: Store) -> None:
    stale = area("payments", state="stale", reviewers=())
    await recorded(store, 1, "waiting_reviewers", overview(areas=(area(), stale)))
    await recorded(store, 2, "waiting_author")
    await recorded(store, 3, "on_hold", overview(holds=(HOLD, replace(HOLD, text=""))))
    text = (await get(store, "/?lang=en")).text
    assert "database-migration: team dba, sue can sign off." in text
    assert (
        "payments: the sign-off went stale; a maintainer of this repository can sign off." in text
    )
    assert "must questions still open: 1 (dbm-rollback)" in text
    assert "held by suzuki: “load test first”. held by suzuki." in text


@story
async def test_the_queue_is_narrowed_by_repository_area_and_team(store: Store) -> None:
    await recorded(store, 1)
    mine = overview(areas=(area("payments", reviewers=("team pay",)),))
    await recorded(store, 2, "waiting_author", mine, repository=BATCH)
    for query, numbers in (
        ("", {1, 2}),
        ("?repository=acme/shop", {1}),
        ("?repository=ACME/Batch", {2}),
        ("?repository=acme/none", set()),
        ("?area=payments", {2}),
        ("?area=pay", set()),
        ("?team=dba", {1}),
        ("?team=pay&area=payments", {2}),
        ("?team=dba&area=payments", set()),
    ):
        found = await listed(store, query)
        assert {number for some in found.values() for number in some} == numbers, query
    page = (await get(store, "/?lang=en&area=payments&refresh=60")).text
    for option in ("acme/batch", "acme/shop", "database-migration", "dba", "pay"):
        assert f"<option>{option}</option>" in page
    assert "<option selected>payments</option>" in page
    assert '<input type="hidden" name="refresh" value="60">' in page
    assert "Nothing here matches the filter." in page


FREEZE = Freeze("2026-12-29", "2027-01-03", "New <b>Year</b>")


@story
async def test_a_section_begins_with_what_is_frozen_and_what_is_released_next(
    store: Store,
) -> None:
    day = timedelta(days=1)
    await recorded(store, 1, since=NOON - 9 * day)
    await recorded(store, 2, shown=overview(release=Release("2026-12-10", "v2")))
    await recorded(store, 3, shown=overview(release=Release("2026-11-26", "v1")))
    await recorded(store, 4, shown=overview(release=Release("2026-11-26")), since=NOON - day)
    frozen = overview(release=Release("2027-01-14", "v3"), freeze=FREEZE)
    await recorded(store, 5, shown=frozen)
    await recorded(store, 6, "frozen", overview(areas=(area(state="signed_off"),), freeze=FREEZE))
    found = await listed(store)
    assert (found["reviewers"], found["hold"]) == ([5, 4, 3, 2, 1], [6])
    text = (await get(store, "/?lang=en")).text
    for words in (
        '<time datetime="2026-11-26"><bdi>26 Nov (v1)</bdi></time>',
        '<time datetime="2026-11-26"><bdi>26 Nov</bdi></time>',
        '<span class="state">release freeze</span>',
        "signed off; release freeze (New &lt;b&gt;Year&lt;/b&gt;, until 3 January 2027).",
    ):
        assert words in text
    assert "リリース <time" in (await get(store, "/?lang=ja")).text
    pull = (await get(store, "/pulls/acme/shop/5?lang=en")).text
    assert "<dt>Release</dt><dd><bdi>14 Jan (v3)</bdi></dd>" in pull
    assert "<dd><bdi>New &lt;b&gt;Year&lt;/b&gt;, until 3 January 2027</bdi></dd>" in pull
    pasted = (await get(store, "/?lang=en&format=md")).text
    assert "Release 14 Jan (v3) · release freeze" in pasted


@story
async def test_the_queue_is_narrowed_by_the_day_of_a_release(store: Store) -> None:
    await recorded(store, 1, shown=overview(release=Release("2026-11-26", "v1")))
    await recorded(store, 2, shown=overview(release=Release("2026-12-10", "x area:payments")))
    assert (await listed(store, "?release=2026-11-26"))["reviewers"] == [1]
    assert (await listed(store, "?release=2026-11-2"))["reviewers"] == []
    assert (await listed(store, "?area=payments"))["reviewers"] == []
    page = (await get(store, "/?lang=en&release=2026-12-10")).text
    assert "<option selected>2026-12-10</option>" in page
    assert "<option>2026-11-26</option>" in page


@story
async def test_the_next_release_is_counted_above_the_queue(store: Store) -> None:
    async def text() -> str | None:
        found = (await get(store, "/api/v1/queue?lang=en")).json()["release"]
        return found and found["text"]

    assert await text() is None
    past, soon, late = (Release(days_from_now(days), f"v{days}") for days in (-1, 3, 9))
    for number, state, release in (
        *((1, "waiting_author", past), (2, "waiting_author", late), (3, "waiting_author", soon)),
        *((4, "signed_off", soon), (5, "waived", soon), (6, "frozen", soon)),
    ):
        await recorded(store, number, state, overview(release=release))
    await recorded(store, 7, shown=overview(release=soon), is_open=False)
    await recorded(store, 8, "clear", overview(areas=(), release=soon))
    found = await text()
    assert found
    assert found.endswith("(v3): 4 flagged, 1 not signed")
    assert f"<strong>{found}</strong>" in (await get(store, "/?lang=en")).text
    assert found.split(":")[0] in (await get(store, "/?lang=en&format=md")).text


@story
async def test_consultations_stand_between_what_waits_on_sre_and_what_is_on_hold(
    store: Store,
) -> None:
    await recorded(store, 1)
    question = "is <b>500</b> rps fine? [x](http://evil.example) @all"
    await project(store, 12, asked=question)
    await project(store, 13, asked="", repository=BATCH, title="@all <i>", areas=("caching",))
    await project(store, 14)
    found = (await get(store, "/api/v1/queue?lang=en")).json()["sections"]
    assert [one["id"] for one in found[1:4]] == ["reviewers", "consultations", "hold"]
    first, second = found[2]["reviews"]
    assert (found[2]["total"], first["number"], second["number"]) == (2, 12, 13)
    assert (first["url"], first["page"]) == (
        f"{WEB}/acme/shop/issues/12",
        "/projects/acme/shop/12",
    )
    assert (first["areas"], first["is_new"], first["author"]) == (["external-api"], False, "bob")
    page = (await get(store, "/?lang=en")).text
    assert "is &lt;b&gt;500&lt;/b&gt; rps fine?" in page and "@all &lt;i&gt;" in page
    pasted = (await get(store, "/?lang=en&format=md")).text
    assert "### Consultations (2)" in pasted and "@" not in pasted
    assert "[x](http://evil" not in pasted and "<b>" not in pasted
    assert "### 事前相談 (2)" in (await get(store, "/?lang=ja&format=md")).text
    for query, numbers in (
        ("?repository=acme/batch", [13]),
        ("?repository=acme/none", []),
        ("?area=external-api", [12]),
        ("?team=dba", [12, 13]),
        ("?team=pay", []),
        ("?release=2026-11-26", []),
    ):
        assert (await listed(store, query))["consultations"] == numbers, query


@story
async def test_consultations_of_repositories_that_are_not_seen_are_not_listed(
    store: Store,
) -> None:
    await project(store, 12, asked="fine?")

    async def count(*ids: int, repository: str = "") -> int:
        narrowed = Narrowed(repository=repository)
        seen = frozenset(ids)
        found = await store.records.read(queue, seen, narrowed, UTC)
        return found.consultations[0]

    assert await count(SHOP.id) == 1
    assert await count(BATCH.id) == await count() == 0
    assert await count(BATCH.id, repository="acme/shop") == 0


@story
async def test_a_long_list_is_cut_and_counted(store: Store) -> None:
    for number in range(MOST_ROWS + 3):
        since = NOON + timedelta(minutes=number)
        await recorded(store, number + 1, "waiting_author", since=since)
    found = (await get(store, "/api/v1/queue")).json()["sections"][4]
    assert (found["total"], len(found["reviews"])) == (MOST_ROWS + 3, MOST_ROWS)
    assert found["reviews"][0]["number"] == 1
    assert "3 more are not listed here" in (await get(store, "/?lang=en")).text


def test_a_parked_review_needs_the_admin(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            await recorded(store, 1)
            claim = await claimed(store, PullKey(SHOP, 1))
            await store.queue.fail(claim, after_seconds=0, reason="GitHub is <b>down</b>")
            changed(database_url, "UPDATE keys SET parked_at = 1")
            found = (await get(store, "/api/v1/queue")).json()["sections"][-1]
            assert (found["total"], found["reviews"][0]["number"]) == (1, 1)
            text = (await get(store, "/?lang=en")).text
            assert "parked after too many failures: GitHub is &lt;b&gt;down&lt;/b&gt;" in text
            pull = (await get(store, "/api/v1/pulls/acme/shop/1")).json()
            assert (pull["state"], pull["next"]) == ("parked", "GitHub is <b>down</b>")
            assert pull["title"] == "pull 1"

    asyncio.run(play())


def test_what_fails_again_and_again_needs_the_admin(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            for failures in (FAILS_AFTER - 1, FAILS_AFTER):
                key = PullKey(SHOP, failures)
                await recorded(store, failures)
                claim = await claimed(store, key)
                await store.queue.fail(claim, after_seconds=600, reason="the App lacks checks")
                changed(
                    database_url,
                    f"UPDATE keys SET attempts = {failures} WHERE number = {failures}",
                )
            found = (await get(store, "/api/v1/queue?lang=en")).json()["sections"][-1]
            assert [(one["number"], one["why"]) for one in found["reviews"]] == [
                (3, "3 checks in a row failed; the next is made later: the App lacks checks")
            ]

    asyncio.run(play())


@story
async def test_a_policy_that_cannot_be_read_needs_the_admin(store: Store) -> None:
    await recorded(store, 1)
    await recorded(store, 2, repository=BATCH)
    now = datetime.now(UTC)
    broken = PolicySource("mode: x", "2", now, "mode: advise")
    layer = PolicySource("mode: x", "2", now)
    await store.records.write(policies.keep, SHOP.id, broken, 0)
    await store.records.write(policies.keep_organisation, "acme", layer, 0)
    await store.records.write(policies.keep_organisation, "other", layer, 0)
    found = (await get(store, "/api/v1/queue?lang=en")).json()["sections"][-1]
    assert found["total"] == 2
    assert [(one["repository"], one["url"]) for one in found["reviews"]] == [
        ("acme/shop", f"{WEB}/acme/shop/blob/HEAD/.github/nfr.yml"),
        ("acme/.github", f"{WEB}/acme/.github/blob/HEAD/.github/nfr.yml"),
    ]
    assert "its last good version is in force" in found["reviews"][0]["why"]
    narrowed = (await get(store, "/api/v1/queue?repository=acme/batch")).json()["sections"][-1]
    assert [one["repository"] for one in narrowed["reviews"]] == ["acme/.github"]
    good = replace(broken, text="mode: advise", read_at=now + timedelta(minutes=1))
    await store.records.write(policies.keep, SHOP.id, good, 0)
    found = (await get(store, "/api/v1/queue")).json()["sections"][-1]
    assert [one["repository"] for one in found["reviews"]] == ["acme/.github"]


@story
async def test_a_repository_out_of_reach_is_not_listed(store: Store) -> None:
    await recorded(store, 1)
    await recorded(store, 2, repository=BATCH)
    await store.queue.accept(delivery(left=(SHOP,)))
    assert (await listed(store))["reviewers"] == [2]
    await recorded(store, 1)
    assert (await listed(store))["reviewers"] == [1, 2]


@story
async def test_follow_ups_are_grouped_by_when_they_are_due(store: Store) -> None:
    made = tuple(
        FollowUp(1, f"item-{days}", "db", days_from_now(days), "bob", "after launch", issue=9)
        for days in (-3, 0, 5, 30)
    )
    closed = replace(made[0], item="closed", is_open=False, area="web", asked_by="sue")
    late = replace(closed, item="late", owner="Eve", asked_at=datetime.now(UTC), extended=True)
    in_time = replace(late, item="in-time", due=days_from_now(3))
    made = (*made, late, in_time)
    await recorded(store, 1, "signed_off", follow_ups=(*made, closed))
    found = (await get(store, "/api/v1/follow-ups?lang=en")).json()["sections"]
    assert [(one["id"], [row["item"] for row in one["follow_ups"]]) for one in found] == [
        ("overdue", ["item--3"]),
        ("today", ["item-0"]),
        ("soon", ["item-5"]),
        ("later", ["item-30"]),
        ("closed", ["closed", "in-time", "late"]),
    ]
    assert (found[4]["note"], found[4]["follow_ups"][2]["closed"]) == (
        "In time: 1 of 3.",
        days_from_now(0),
    )

    async def narrowed(query: str) -> list[tuple[str, list[str]]]:
        sections = (await get(store, f"/api/v1/follow-ups?{query}")).json()["sections"]
        return [(one["id"], [row["item"] for row in one["follow_ups"]]) for one in sections]

    assert await narrowed("show=closed&owner=eve") == [("closed", ["in-time", "late"])]
    assert await narrowed("show=soon") == [("soon", ["item-5"])]
    assert [one for _, one in await narrowed("show=open&area=web")] == [[], [], [], []]
    text = (await get(store, "/follow-ups?lang=en&format=md")).text
    assert "deferred by sue · 0 d ago · extended once" in text
    assert found[0]["follow_ups"][0]["url"] == f"{WEB}/acme/shop/issues/9"
    page = (await get(store, "/follow-ups?lang=en")).text
    assert "3 d overdue" in page and "after launch" in page and "in 5 d" in page
    queue = (await get(store, "/api/v1/queue")).json()["follow_ups"]
    assert [(one["id"], one["total"]) for one in queue] == [("overdue", 1), ("today", 1)]


@story
async def test_a_pull_shows_why_questions_answers_and_ledger(store: Store) -> None:
    refused = entry(
        *(Verb.REFUSED, "", 2), right="", refusal=Refusal("not_reviewer"), channel=Channel.LABEL
    )
    hold = entry(Verb.HOLD, "database-migration", 1, note="wait for the backup")
    await recorded(store, 7, "waiting_reviewers", None, hold, refused)
    found = (await get(store, "/api/v1/pulls/ACME/shop/7?lang=en")).json()
    assert (found["state"], found["url"]) == ("waiting_reviewers", f"{WEB}/acme/shop/pull/7")
    assert [one["verb"] for one in found["timeline"]] == ["refused", "hold"]
    assert found["judged"] == 2
    assert found["areas"][0]["items"][0]["answer"]["text"] == "online, 40 s on a copy"
    page = (await get(store, "/pulls/acme/shop/7?lang=en")).text
    for text in (
        "db/1.sql:3: add_column",
        "How long is the lock?",
        "online, 40 s on a copy",
        "wait for the backup",
        "by the right team acme/dba",
        "only team dba, sue may sign off",
        f'href="{WEB}/acme/shop/pull/7"',
    ):
        assert text in page, text


@story
async def test_a_refusal_is_a_sentence_in_both_languages(store: Store) -> None:
    refused = entry(
        *(Verb.REFUSED, "", 2),
        refusal=Refusal("unknown_area", "dbs", instead="db<x>"),
        comment_id=9,
    )
    await recorded(store, 7, "waiting_reviewers", None, refused)
    english, japanese = [(await get(store, f"/pulls/acme/shop/7?lang={n}")).text for n in LANGUAGES]
    for part in ("<code>dbs</code> is not an area", "<code>db&lt;x&gt;</code>", "<code>/nfr done"):
        assert part in english
    assert "<code>dbs</code>" in japanese and "領域" in japanese
    assert f'href="{WEB}/acme/shop/pull/7#issuecomment-9"' in english
    assert "is not an area" in (await get(store, "/pulls/acme/shop/7?format=md&lang=en")).text


@story
async def test_every_refusal_has_a_sentence(store: Store) -> None:
    reasons = sorted(key[8:] for key in table("en") if key.startswith("refused_"))
    entries = [
        entry(Verb.REFUSED, "", n, refusal=Refusal(one, "x", "y", ("database-migration",)))
        for n, one in enumerate(reasons)
    ]
    await recorded(store, 7, "waiting_reviewers", None, *entries)
    for language in LANGUAGES:
        found = (await get(store, f"/api/v1/pulls/acme/shop/7?lang={language}")).json()
        assert all(one["refusal_text"] for one in found["timeline"])


@story
async def test_findings_stand_at_their_question_with_a_link_to_the_line(store: Store) -> None:
    message = Text("<b>a lock</b>", "ロック")
    at_item = Found("DB-1", "must", "dbm-rollback", "db/a b.sql", 3, message)
    gone = Found("DB-2", "should", "no-item", "db/2.sql", 0, message, "empty table")
    shown = overview(areas=(area(findings=(at_item, gone), fingerprint="f" * 40),))
    await recorded(store, 7, "waiting_reviewers", shown)
    page = (await get(store, "/pulls/acme/shop/7?lang=en")).text
    head = f"{SHOP.id:08x}{7:032x}"
    assert f'href="{WEB}/acme/shop/blob/{head}/db/a%20b.sql#L3"' in page
    assert "&lt;b&gt;a lock&lt;/b&gt;" in page and "empty table" in page and "ffffffffffff" in page
    question = page.index("Is there a way back?")
    assert question < page.index("db/a b.sql:3") < page.index("db/2.sql")


@story
async def test_a_pull_shows_where_its_policy_comes_from(store: Store) -> None:
    files = (PolicyFile("repository", "a" * 40, False), PolicyFile("organisation", "b" * 40))
    await recorded(store, 7, "waiting_reviewers", overview(policy=files))
    page = (await get(store, "/pulls/acme/shop/7?lang=en")).text
    assert f'href="{WEB}/acme/shop/blob/HEAD/.github/nfr.yml"' in page
    assert f'href="{WEB}/acme/.github/blob/HEAD/.github/nfr.yml"' in page
    assert "@aaaaaaa" in page and "@bbbbbbb" in page and "cannot be read" in page
    await recorded(store, 7, "waiting_reviewers", overview())
    assert "built-in packs alone" in (await get(store, "/pulls/acme/shop/7?lang=en")).text


@story
async def test_the_last_checks_are_listed_and_what_they_wrote_on_demand(store: Store) -> None:
    note = RunNote(
        *(NOON, "waiting_author", HEAD, "pull_request.opened <d>", 0.5, 0.25, 4),
        ("PutCheckRun", "PostReply comment:1"),
    )
    parked = RunNote(NOON + timedelta(hours=1), "parked", HEAD, error="GitHub is down")
    accepted = Shown(NEXT_HEAD, NOON - timedelta(days=1))
    await recorded(
        *(store, 7, "waiting_author", None, entry(Verb.HOLD, minutes=-9)),
        notes=(parked, note),
        accepted=accepted,
    )
    path = "/pulls/acme/shop/7?lang=en"
    page = (await get(store, path)).text
    for part in (
        "pull_request.opened &lt;d&gt;",
        "waited 0.5 s",
        "calls: 4, 250 ms",
        "<code>PostReply</code>",
        "parked after too many failures: GitHub is down",
        "no delivery asked for it",
    ):
        assert part in page, part
    api = "/api/v1/pulls/acme/shop/7?lang=en"
    assert [one["who"] for one in (await get(store, api)).json()["timeline"]] == ["sam"]
    found = (await get(store, f"{api}&marks=1")).json()["timeline"]
    assert [(one["who"], one["subject"], one["head_sha"]) for one in found] == [
        ("ghapp", "PutCheckRun, PostReply", HEAD),
        ("sam", "", HEAD),
        ("ghapp", "PutCheckRun", NEXT_HEAD),
    ]
    assert "PutCheckRun, PostReply" in (await get(store, f"{path}&marks=1")).text


@story
async def test_a_check_can_be_asked_for_by_a_form_of_the_page(store: Store) -> None:
    key = await recorded(store, 7)
    path, own = "/pulls/acme/shop/7/check-again", {"Sec-Fetch-Site": "same-origin"}
    assert f'action="{path}?lang=ja"' in (await get(store, "/pulls/acme/shop/7?lang=ja")).text
    async with client(store) as browser:
        for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            assert (await browser.post(path, headers=headers)).status_code == 403
        assert (await browser.get(path)).status_code == 405
        for forged in ({}, {"form": "x"}):
            answer = await browser.post(path, headers=own, data=forged)
            assert answer.status_code == 403
        page = (await browser.get("/pulls/acme/shop/7")).text
        (token,) = re.findall('name="form" value="([^"]+)"', page)
        for name in ("acme/shop/8", "acme/other/7", "acme/shop/x"):
            address = f"/pulls/{name}/check-again"
            answer = await browser.post(address, headers=own, data={"form": token})
            assert answer.status_code == 404
        assert await store.queue.claim(1) == ()
        form = {"form": token}
        answer = await browser.post(f"{path}?lang=ja", headers=own, data=form)
        assert answer.status_code == 303
        assert answer.headers["Location"] == "/pulls/acme/shop/7?lang=ja&asked=1"
        assert "予約しました" in (await browser.get(answer.headers["Location"])).text
    claim = await due(store, key)
    assert claim.touched


def test_a_stranger_cannot_ask_for_a_check(sqlite_url: str) -> None:
    async def play() -> None:
        async with opened(sqlite_url) as store:
            await recorded(store, 7)
            async with client(store, peer="203.0.113.7") as browser:
                answer = await browser.post(
                    "/pulls/acme/shop/7/check-again", headers={"Sec-Fetch-Site": "same-origin"}
                )
            assert answer.status_code == 404
            assert not await store.records.write(check_again, frozenset({BATCH.id}), "acme/shop", 7)
            assert await store.queue.claim(1) == ()

    asyncio.run(play())


@story
async def test_a_long_ledger_is_cut_and_counted(store: Store) -> None:
    entries = [entry(Verb.EXPLAIN, "", minutes) for minutes in range(MOST_ENTRIES + 2)]
    await recorded(store, 7, "waiting_reviewers", None, *entries)
    found = (await get(store, "/api/v1/pulls/acme/shop/7")).json()
    assert (found["judged"], len(found["timeline"])) == (MOST_ENTRIES + 2, MOST_ENTRIES)
    assert "2 earlier entries" in (await get(store, "/pulls/acme/shop/7?lang=en")).text


@story
async def test_what_is_not_recorded_is_not_found(store: Store) -> None:
    await recorded(store, 7)
    async with client(store) as browser:
        for path in (
            "acme/shop/8",
            "acme/other/7",
            "acme/shop/x",
            f"acme/shop/{'9' * 40}",
            "a/b/٣",
        ):
            page = await browser.get(f"/pulls/{path}", headers={"Accept-Language": "en"})
            assert page.status_code == 404 and "No such review" in page.text
            assert (await browser.get(f"/api/v1/pulls/{path}")).json() == {"error": "Not Found"}


@story
async def test_an_empty_page_says_why(store: Store) -> None:
    english, japanese = [(await get(store, f"/?lang={one}")).text for one in ("en", "ja")]
    for text in ("No pull request waits for a sign-off.", "No review is parked", "is overdue"):
        assert text in english
    for text in ("承認待ちの PR はありません。", "期限切れの後日対応はありません。"):
        assert text in japanese
    assert "No follow-up is due later" in (await get(store, "/follow-ups?lang=en")).text


@story
async def test_the_language_is_the_named_one_or_the_browsers(store: Store) -> None:
    for header, path, found in (
        ("", "/", "en"),
        ("ja", "/", "ja"),
        ("fr, ja;q=0.8, en;q=0.5", "/", "ja"),
        ("en;q=0.5, ja-JP;q=0.9", "/", "ja"),
        ("ja;q=x, en", "/", "en"),
        ("ja", "/?lang=en", "en"),
        ("en", "/?lang=xx", "en"),
    ):
        answer = await get(store, path, **{"Accept-Language": header})
        assert answer.headers["Content-Language"] == found, header
        assert f'<html lang="{found}">' in answer.text


@story
async def test_text_to_paste(store: Store) -> None:
    title = "@all [x](http://evil.example) <b>"
    await recorded(store, 1, "waiting_reviewers", overview(title), entry(Verb.HOLD, note="@team"))
    await recorded(store, 2, follow_ups=(FollowUp(2, "it", "db", days_from_now(-1), "bob"),))
    for path in ("/", "/follow-ups", "/pulls/acme/shop/1"):
        answer = await get(store, f"{path}?format=md&lang=en")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.text.startswith("## ")
        assert "@" not in answer.text and "<b>" not in answer.text
        assert "[x](http://evil" not in answer.text
    queue = (await get(store, "/?format=md&lang=en")).text
    assert "### Waiting on SRE (2)" in queue
    assert f"[acme/shop#1]({WEB}/acme/shop/pull/1)" in queue


@story
async def test_a_wall_screen_is_refreshed(store: Store) -> None:
    for given, seconds in (("60", "60"), ("1", "10"), ("9999", "3600"), ("x", None), ("", None)):
        answer = await get(store, f"/?refresh={given}")
        assert answer.headers.get("Refresh") == seconds, given


@story
async def test_every_page_has_the_headers_and_one_style_sheet(store: Store) -> None:
    await recorded(store, 1)
    async with client(store) as browser:
        for path in ("/", "/follow-ups", "/insights", "/pulls/acme/shop/1", "/pulls/acme/shop/2"):
            answer = await browser.get(path)
            assert {name: answer.headers.get_list(name) for name in PAGE_HEADERS} == {
                name: [value] for name, value in PAGE_HEADERS.items()
            }
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert answer.headers["Cache-Control"] == "no-store"
            (style,) = re.findall(r'rel="stylesheet" href="([^"]+)"', answer.text)
        found = await browser.get(style)
        assert found.headers["Content-Type"].startswith("text/css")
        assert "immutable" in found.headers["Cache-Control"] and len(found.content) < 8_000
        assert (await browser.post("/")).status_code == 405
        assert (await browser.head("/")).status_code == 200


def test_a_database_that_fails_is_named(sqlite_url: str) -> None:
    async def play() -> None:
        async with opened(sqlite_url) as store:
            changed(sqlite_url, "DROP TABLE reviews")
            async with client(store) as browser:
                answer = await browser.get("/")
            assert answer.status_code == 503
            assert list(answer.json()) == ["error"]

    asyncio.run(play())


# --- projects -------------------------------------------------------------------------------------

ASKED = Note(Verb.CONSULT, "bob", NOON, "is <b>500</b> rps fine? @all")
ACCEPTED = Note(Verb.SIGN_OFF, "sue", NOON, "yes")
AREAS = (
    ProjectArea("", Text("", ""), replace(ASKED, text="a hard one?")),
    ProjectArea(
        "external-api",
        Text("External <API>", "外部 API"),
        ASKED,
        ACCEPTED,
        (
            Asked("ext-peak", "must", Text("What is the peak?", "ピークは？"), ANSWER),
            Asked("ext-cost", "should", Text("What does it cost?", "費用は？")),
        ),
    ),
    ProjectArea("caching", Text("Caching", "キャッシュ")),
)


def member(of: ProjectKey, *items: str, title: str = "feat: api") -> Overview:
    """What a pull of the project shows. items: ids of what the project answers for it."""
    asked = (
        Asked(one, "must", Text("?", "？"), ANSWER, is_inherited=one in items)
        for one in ("ext-peak", "own")
    )
    shown = area("external-api", items=tuple(asked))
    return overview(title, areas=(shown,), project=OfProject(of, "orders <v2>"))


@story
async def test_the_page_of_a_project_shows_consultations_answers_concerns_and_its_pulls(
    store: Store,
) -> None:
    said = (
        entry(Verb.CONSULT, "external-api", 1, note="is <b>500</b> rps fine? @all"),
        entry(Verb.CONCERN, "concern-1", 2, note="who is on call? @team"),
        entry(Verb.CONCERN, "concern-2", 3, note="answered one"),
        entry(Verb.CHECK, "concern-2", 4, note="ann"),
        entry(Verb.PROJECT, "", 5),
    )
    of = await project(store, 12, *said, title="orders <v2> @all", areas_shown=AREAS)
    owed = (FollowUp(21, "load-test", "external-api", days_from_now(-2), "tanaka"),)
    await recorded(store, 21, shown=member(of, "ext-peak"), of=of, follow_ups=owed)
    await recorded(store, 22, "signed_off", member(of, "ext-peak"), of=of, is_open=False)
    await recorded(store, 23, shown=member(of), of=of)
    await recorded(store, 24, shown=overview("of another"))
    found = (await get(store, "/api/v1/projects/Acme/Shop/12?lang=en")).json()
    assert [(one["number"], one["inherited"]) for one in found["pulls"]] == [
        (23, 0),
        (21, 1),
        (22, 1),
    ]
    general, api, caching = found["areas"]
    assert (general["title"], api["accepted"]["who"]) == ("The project as a whole", "sue")
    assert caching["consulted"] is None
    assert api["items"][0]["used"] == ["acme/shop#21", "acme/shop#22"]
    assert [one["subject"] for one in found["concerns"]] == ["concern-1"]
    assert [one["item"] for one in found["follow_ups"]] == ["load-test"]
    assert (found["judged"], found["timeline"][0]["verb"]) == (5, "project")
    page = (await get(store, "/projects/acme/shop/12?lang=en")).text
    for text in (
        "orders &lt;v2&gt; @all",
        "External &lt;API&gt;",
        "is &lt;b&gt;500&lt;/b&gt; rps fine?",
        "Nobody has asked the reviewers about this area.",
        "counts in acme/shop#21, acme/shop#22",
        "who is on call?",
        f'href="{WEB}/acme/shop/issues/12"',
        '<a href="/pulls/acme/shop/22?lang=en">',
        "named the project",
    ):
        assert text in page, text
    assert "of another" not in page
    japanese = (await get(store, "/projects/acme/shop/12?lang=ja")).text
    assert "外部 API" in japanese and "相談と回答" in japanese
    pasted = (await get(store, "/projects/acme/shop/12?lang=en&format=md")).text
    assert "@" not in pasted and "<b>" not in pasted and "<v2>" not in pasted
    assert "### Pull requests (3)" in pasted and "counts in acme/shop" in pasted


@story
async def test_a_pull_links_to_its_project(store: Store) -> None:
    of = ProjectKey(SHOP, 12)
    await recorded(store, 21, shown=member(of, "ext-peak"), of=of)
    page = (await get(store, "/pulls/acme/shop/21?lang=en")).text
    assert '<a href="/projects/acme/shop/12?lang=en">' in page
    assert "#12 orders &lt;v2&gt; (1 answer inherited)" in page
    pasted = (await get(store, "/pulls/acme/shop/21?lang=en&format=md")).text
    assert "Project " in pasted and "<v2>" not in pasted
    await recorded(store, 22)
    assert "/projects/" not in (await get(store, "/pulls/acme/shop/22")).text


@story
async def test_a_project_shows_only_what_its_reader_may_see(store: Store) -> None:
    of = await project(store, 12)
    owed = (FollowUp(7, "load-test", "db", days_from_now(1), "bob"),)
    await recorded(store, 21, shown=member(of), of=of)
    await recorded(store, 7, shown=member(of, "ext-peak"), of=of, repository=BATCH, follow_ups=owed)

    async def seen(*ids: int) -> ProjectPage | None:
        return await store.records.read(page_of_project, frozenset(ids), "acme/shop", 12)

    assert await seen() is None
    assert await seen(BATCH.id) is None
    mine, both = await seen(SHOP.id), await seen(SHOP.id, BATCH.id)
    assert mine and both
    assert [one.number for one in mine.pulls] == [21] and mine.follow_ups == ()
    assert [one.number for one in both.pulls] == [21, 7] and len(both.follow_ups) == 1
    for ids, shows in (({BATCH.id}, False), ({BATCH.id, SHOP.id}, True)):
        found = await store.records.read(pull, frozenset(ids), "acme/batch", 7)
        assert found and found.overview
        assert bool(found.overview.project) is shows


@story
async def test_projects_are_listed_open_ones_first_with_what_their_reader_may_see(
    store: Store,
) -> None:
    assert "There is no project yet" in (await get(store, "/projects?lang=en")).text
    said = entry(Verb.CONSULT, "external-api", 60 * 24)
    of = await project(store, 12, said, asked="", title="orders <v2> @all", areas_shown=AREAS)
    await project(store, 13, entry(Verb.PROJECT, "", 60), title="quiet")
    other = await project(store, 14, title="another", repository=BATCH)
    await recorded(store, 21, shown=member(of), of=of)
    await recorded(store, 22, shown=member(of), of=of, is_open=False, since=NOON)
    late = NOON + timedelta(days=3)
    await recorded(store, 23, shown=member(of), of=of, repository=BATCH, since=late)
    await recorded(store, 24, shown=member(of), of=other, since=NOON + timedelta(hours=2))
    closed = replace(other, number=15)
    await project(store, closed.number, repository=BATCH, title="done")

    async def counted(*ids: int) -> list[tuple[object, ...]]:
        found = await store.records.read(all_projects, frozenset(ids) if ids else None)
        assert found.total == len(found.projects)
        return [(one.number, one.open_pulls, one.pulls) for one in found.projects]

    await store.records.write(finished, str(closed))
    assert await counted() == [(12, 2, 3), (14, 1, 1), (13, 0, 0), (15, 0, 0)]
    assert await counted(SHOP.id) == [(12, 1, 2), (13, 0, 0)]
    assert await counted(BATCH.id) == [(14, 0, 0), (15, 0, 0)]
    assert await counted(-1) == []
    found = (await get(store, "/api/v1/projects?lang=en")).json()["projects"]
    assert (found[0]["questions"], found[0]["waits"], found[1]["waits"]) == (1, True, False)
    assert found[0]["active_at"] == f"{late:%Y-%m-%dT%H:%M:%SZ}"
    page = (await get(store, "/projects?lang=en")).text
    assert '<a href="/projects?lang=en" aria-current="page">' in page
    assert '<a href="/projects/acme/shop/12?lang=en">' in page and "orders &lt;v2&gt; @all" in page
    assert "questions without an answer: 1 · waits for the reviewers · " in page
    assert "pull requests: 2 of 3 open" in page
    pasted = (await get(store, "/projects?lang=ja&format=md")).text
    assert pasted.startswith("### プロジェクト一覧 (4)")
    assert "@" not in pasted and "<v2>" not in pasted
    assert '<a href="/projects?lang=en">' in (await get(store, "/?lang=en")).text


def finished(connection: Connection, key: str) -> None:
    """Let the issue of a project be closed."""
    closing = update(projects).where(projects.c.key == bindparam("of")).values(is_open=False)
    connection.change(Statement(closing), {"of": key})


@story
async def test_what_is_no_project_has_no_page(store: Store) -> None:
    await project(store, 12)
    async with client(store) as browser:
        for path in ("acme/shop/13", "acme/batch/12", "acme/shop/x", f"acme/shop/{'9' * 40}"):
            page = await browser.get(f"/projects/{path}")
            assert page.status_code == 404
            assert (await browser.get(f"/api/v1/projects/{path}")).json() == {"error": "Not Found"}


# --- the OpenAPI file -----------------------------------------------------------------------------

DESCRIBED: dict[str, Any] = yaml.load(
    (resources.files("ghapp.web") / "openapi.yaml").read_text("utf-8"), yaml.CSafeLoader
)
TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
FORMATS = {"date-time": r"\d{4}-[\d-]+T[\d:.]+Z", "date": r"\d{4}-\d\d-\d\d", "": ".*"}
UNDERSTOOD = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "format"),
    *("description", "anyOf", "$ref"),
}


def faults(value: Any, schema: dict[str, Any], at: str = "$") -> Iterator[str]:
    """Where a value is not as the schema says; of the keys of JSON Schema that the file uses."""
    assert schema.keys() <= UNDERSTOOD, schema
    if "$ref" in schema:
        schema = DESCRIBED["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        if all(list(faults(value, one, at)) for one in schema["anyOf"]):
            yield f"{at}: fits none"
    elif type(value) is not TYPES[schema["type"]]:
        yield f"{at}: not {schema['type']}"
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from faults(one, schema["items"], f"{at}[{place}]")
    elif isinstance(value, dict):
        known = schema["properties"]
        yield from (f"{at}: {name} is missing" for name in {*schema["required"]} - {*value})
        yield from (f"{at}: {name} is not described" for name in {*value} - {*known})
        for name in {*value} & {*known}:
            yield from faults(value[name], known[name], f"{at}.{name}")
    else:
        fits = re.fullmatch(FORMATS[schema.get("format", "")], str(value), re.DOTALL)
        if not fits or value not in schema.get("enum", [value]):
            yield f"{at}: not such a value"


@story
async def test_answers_are_as_the_openapi_file_says(store: Store) -> None:
    found = Found("DB-1", "must", "dbm-rollback", "db/1.sql", 3, Text("a lock", "ロック"))
    signed = area(
        *("payments",),
        state="signed_off",
        signed=replace(HOLD, verb=Verb.SIGN_OFF),
        findings=(found,),
    )
    files = (PolicyFile("repository", "a" * 40),)
    note = RunNote(NOON, "waiting_author", HEAD, "push d", 0.5, 0.25, 4, ("PutComment",))
    refused = entry(Verb.REFUSED, "", 3, refusal=Refusal("not_reviewer"))
    owed = tuple(FollowUp(1, str(n), "db", days_from_now(n), "bob") for n in (-2, 0, 2, 20))
    await recorded(
        *(store, 1, "waiting_reviewers", overview(areas=(area(), signed), policy=files)),
        *(entry(Verb.CHECK, "dbm-lock-time"), refused),
        follow_ups=owed,
        notes=(note,),
    )
    await recorded(store, 2, "on_hold", overview(holds=(HOLD,)))
    of = await project(store, 12, entry(Verb.CONCERN, "concern-1", 1), asked="", areas_shown=AREAS)
    await recorded(store, 3, shown=member(of), of=of, follow_ups=owed)
    await searched(store)
    answers = {
        "/api/v1/queue": "/api/v1/queue",
        "/api/v1/follow-ups": "/api/v1/follow-ups",
        "/api/v1/insights": "/api/v1/insights",
        "/api/v1/pulls/{owner}/{repository}/{number}": "/api/v1/pulls/acme/shop/1?marks=1",
        "/api/v1/projects": "/api/v1/projects",
        "/api/v1/projects/{owner}/{repository}/{number}": "/api/v1/projects/acme/shop/12",
        "/api/v1/configuration": "/api/v1/configuration",
        "/api/v1/configuration/{owner}/{repository}": "/api/v1/configuration/acme/shop",
    }
    assert answers.keys() == DESCRIBED["paths"].keys()
    for named, path in answers.items():
        for language in ("en", "ja"):
            separator = "&" if "?" in path else "?"
            answer = await get(store, f"{path}{separator}lang={language}")
            assert answer.headers["Content-Type"] == "application/json"
            ok = DESCRIBED["paths"][named]["get"]["responses"]["200"]
            schema = ok["content"]["application/json"]["schema"]
            assert list(faults(answer.json(), schema)) == []
    assert yaml.load((await get(store, "/api/v1/openapi.yaml")).text, yaml.CSafeLoader) == DESCRIBED


NOW = "2026-04-01T12:00:00Z"
AT = {"now": NOW, "standup": NOW, "longest": "", "release": None}


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({**AT, "now": "x", "sections": [], "follow_ups": []}, "$.now: not such a value"),
        (
            {
                name: one
                for name, one in {**AT, "sections": [], "follow_ups": []}.items()
                if name != "now"
            },
            "$: now is missing",
        ),
        ({**AT, "sections": 3, "follow_ups": []}, "$.sections: not array"),
        (
            {**AT, "sections": [], "follow_ups": [], "x": 1},
            "$: x is not described",
        ),
    ],
)
def test_an_answer_that_differs_is_found(value: Any, fault: str) -> None:
    assert list(faults(value, {"$ref": "#/components/schemas/Queue"})) == [fault]
