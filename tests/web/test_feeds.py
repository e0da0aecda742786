"""Calendar feeds: who makes them, what they show, and until when; on both databases."""

from __future__ import annotations

import html
import re
import sys
from datetime import date

import httpx
import icalendar
import pytest

from ghapp.core.records import FollowUp
from ghapp.core.releases import Release
from ghapp.store.feeds import MOST_OF_PERSON
from tests.store.stores import changed, delivery
from tests.web.people import BASE, SAME, People
from tests.web.reviews import days_from_now, overview, recorded
from tests.web.test_sign_in import story

DAY = 24 * 3600
HOSTILE = "add; a, column\r\nEND:VEVENT\r\nBEGIN:VALARM\u202e <b>\\n"


def fields(page: str, action: str, place: int = 0) -> dict[str, str]:
    """The hidden fields of a form of the page."""
    form = re.findall(rf'<form method="post" action="{action}[^"]*".*?</form>', page, re.DOTALL)
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[place])
    return {name: html.unescape(value) for name, value in found}


def addresses(page: str) -> tuple[str, str]:
    """Of the feeds that the page shows as just made: follow-ups and releases."""
    follow_ups, releases = re.findall(rf"<code>({BASE}/[^<]+)</code>", page)
    return html.unescape(follow_ups), html.unescape(releases)


async def made(browser: httpx.AsyncClient) -> tuple[str, str]:
    form = fields((await browser.get("/feeds?lang=en")).text, "/feeds")
    answer = await browser.post("/feeds?lang=en", data=form, headers=SAME)
    assert answer.status_code == 200
    return addresses(answer.text)


async def events(people: People, address: str) -> list[icalendar.Event]:
    """What a calendar reads, which has no session."""
    async with people.browser() as calendar:
        answer = await calendar.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    return [*icalendar.Calendar.from_ical(answer.text).walk("VEVENT")]


async def status(people: People, address: str) -> int:
    async with people.browser() as calendar:
        return (await calendar.get(address)).status_code


def follow_up(number: int, item: str, **changes: object) -> FollowUp:
    values: dict[str, object] = {"area": "db", "due": "2026-12-31", "owner": "tanaka"}
    return FollowUp(number, item, **(values | changes))  # type: ignore[arg-type]


async def three(people: People) -> None:
    """A review and a follow-up in each repository: 1 in shop, 2 in batch, 3 in tools."""
    for number, name in ((1, "acme/shop"), (2, "acme/batch"), (3, "other/tools")):
        release = Release(days_from_now(number), f"v{number}")
        await recorded(
            people.store,
            number,
            shown=overview(f"title {number}", release=release),
            repository=people.repository(name),
            follow_ups=(follow_up(number, f"item-{number}"),),
        )


@story
async def test_a_feed_shows_what_its_owner_may_see_and_nothing_else(people: People) -> None:
    await three(people)
    for login, numbers in (("ann", [1, 2]), ("eve", [3])):
        async with people.signed_in(login) as browser:
            follow_ups, releases = await made(browser)
        found = await events(people, follow_ups)
        names = {1: "acme/shop", 2: "acme/batch", 3: "other/tools"}
        assert sorted(str(one["SUMMARY"]) for one in found) == [
            f"item-{number} · {names[number]}#{number} · tanaka" for number in numbers
        ]
        assert {one.start for one in found} == {date(2026, 12, 31)}
        found = await events(people, releases)
        assert [str(one["SUMMARY"]) for one in found] == [
            f"v{number}: 1 flagged, 1 not signed" for number in numbers
        ]
        assert [str(one.start) for one in found] == [days_from_now(number) for number in numbers]


@story
async def test_a_release_lists_its_pulls_and_counts_what_is_not_signed(people: People) -> None:
    shop, release = people.repository("acme/shop"), Release(days_from_now(2), "v1")
    for number, state in ((1, "waiting_reviewers"), (2, "signed_off"), (3, "frozen")):
        shown = overview(f"title {number}", release=release)
        await recorded(people.store, number, state, shown, repository=shop)
    past = overview(release=Release(days_from_now(-2), "v0"))
    await recorded(people.store, 4, shown=past, repository=shop)
    async with people.signed_in("ann") as browser:
        _, releases = await made(browser)
    (event,) = await events(people, releases)
    assert event["SUMMARY"] == "v1: 3 flagged, 1 not signed"
    lines = str(event["DESCRIPTION"]).splitlines()
    assert lines[0] == (
        f"acme/shop#1 · title 1 · not signed · {people.settings.web_url}/acme/shop/pull/1"
    )
    assert [" · signed off · " in line for line in lines] == [False, True, True]
    (event,) = await events(people, releases.replace("lang=en", "lang=ja"))
    assert event["SUMMARY"] == "v1：対象 3 件、未承認 1 件"


@story
async def test_an_event_stays_the_same_when_its_day_moves(people: People) -> None:
    shop = people.repository("acme/shop")
    await recorded(people.store, 1, repository=shop, follow_ups=(follow_up(1, "a", issue=9),))
    async with people.signed_in("ann") as browser:
        address, _ = await made(browser)
    (before,) = await events(people, address)
    assert before["URL"] == f"{people.settings.web_url}/acme/shop/issues/9"
    later = follow_up(1, "a", due="2027-01-31")
    await recorded(people.store, 1, repository=shop, follow_ups=(later,))
    (after,) = await events(people, address)
    assert (before["UID"], str(after.start)) == (after["UID"], "2027-01-31")
    closed = follow_up(1, "a", is_open=False)
    await recorded(people.store, 1, repository=shop, follow_ups=(closed,))
    assert await events(people, address) == []


@story
async def test_hostile_words_stay_inside_their_event(people: People) -> None:
    await recorded(
        people.store,
        1,
        shown=overview(HOSTILE, release=Release(days_from_now(1), HOSTILE)),
        repository=people.repository("acme/shop"),
        follow_ups=(follow_up(1, "a", reason=HOSTILE, owner=HOSTILE),),
    )
    async with people.signed_in("ann") as browser:
        found = [event for one in await made(browser) for event in await events(people, one)]
    assert len(found) == 2
    for event in found:
        assert not event.subcomponents
        assert "\u202e" not in event.to_ical().decode()
        assert str(event["SUMMARY"]).count("\n") == 0
        assert "add; a, column" in str(event["SUMMARY"]) + str(event["DESCRIPTION"])


@story
async def test_whoever_lacks_the_token_gets_404(people: People) -> None:
    await three(people)
    async with people.signed_in("ann") as browser:
        follow_ups, _ = await made(browser)
        token = follow_ups.partition("token=")[2].partition("&")[0]
        other = ("B" if token[0] == "A" else "A") + token[1:]
        for path in ("/follow-ups.ics", "/releases.ics"):
            for query in ("", "?token=", f"?token={other}", f"?token={token[:-1]}", "?token=%00"):
                assert (await browser.get(path + query)).status_code == 404, query
            posted = await browser.post(f"{path}?token={token}", headers=SAME)
            assert posted.status_code == 405
        # Only a hash of it is kept, and no page shows it again.
        page = (await browser.get("/feeds")).text
        assert token not in page
        assert (await browser.get(f"/follow-ups.ics?token={fields(page, '/feeds/revoke')['feed']}")
                ).status_code == 404  # fmt: skip


@story
async def test_a_feed_is_revoked_by_its_owner_alone(people: People) -> None:
    async with people.signed_in("ann") as ann, people.signed_in("eve") as eve:
        (mine, _), (kept, _), (other, _) = await made(ann), await made(ann), await made(eve)
        page = (await ann.get("/feeds?lang=en")).text
        assert page.count("works until") == 2
        form, forged = (
            fields(page, "/feeds/revoke"),
            fields((await eve.get("/feeds")).text, "/feeds"),
        )
        stolen = {**form, "form": forged["form"]}
        assert (await eve.post("/feeds/revoke", data=stolen, headers=SAME)).status_code == 303
        assert await status(people, mine) == 200
        answer = await ann.post("/feeds/revoke?lang=en", data=form, headers=SAME)
        page = (await ann.get(answer.headers["location"])).text
        assert page.count("works until") == 1
        assert [await status(people, one) for one in (mine, kept, other)] == [404, 200, 200]


@story
async def test_another_site_makes_and_revokes_no_feed(people: People) -> None:
    async with people.signed_in("ann") as browser:
        address, _ = await made(browser)
        page = (await browser.get("/feeds")).text
        for path in ("/feeds", "/feeds/revoke"):
            form = fields(page, path)
            for headers, data in (
                ({"Sec-Fetch-Site": "cross-site"}, form),
                ({"Origin": "https://evil.example"}, form),
                ({}, form),
                (SAME, {**form, "form": "forged"}),
                (SAME, {}),
            ):
                assert (await browser.post(path, data=data, headers=headers)).status_code == 403
        assert (await browser.get("/feeds/revoke")).status_code == 405
        assert (await browser.get("/feeds")).text.count('name="feed"') == 1
        assert await status(people, address) == 200
    async with people.browser() as stranger:
        assert (await stranger.get("/feeds")).status_code == 303
        assert (await stranger.post("/feeds", data=form, headers=SAME)).status_code == 401


@story
async def test_nobody_fills_the_table_with_feeds(people: People) -> None:
    async with people.signed_in("ann") as browser:
        form = fields((await browser.get("/feeds")).text, "/feeds")
        for _ in range(MOST_OF_PERSON):
            await made(browser)
        answer = await browser.post("/feeds?lang=en", data=form, headers=SAME)
        assert "You have 5 feeds, which is the most. Revoke one first." in answer.text
        assert answer.text.count('name="feed"') == MOST_OF_PERSON


@story
async def test_a_feed_outlives_the_session_and_stops_a_week_after_the_last_visit(
    people: People,
) -> None:
    await three(people)
    url = people.settings.database_url
    async with people.signed_in("ann") as browser:
        follow_ups, releases = await made(browser)
        changed(url, "DELETE FROM sessions")
        changed(url, f"UPDATE feeds SET allowed_at = allowed_at - {7 * DAY - 600}")
        assert len(await events(people, follow_ups)) == len(await events(people, releases)) == 2
        changed(url, "UPDATE feeds SET allowed_at = allowed_at - 700")
        assert [await status(people, one) for one in (follow_ups, releases)] == [404, 404]
    async with people.signed_in("eve"):
        assert await status(people, follow_ups) == 404  # somebody else's visit changes nothing
    async with people.signed_in("ann") as browser:
        await browser.get("/")
        assert len(await events(people, follow_ups)) == 2


@story
async def test_a_right_that_is_gone_is_gone_from_the_feed_after_the_next_visit(
    people: People,
) -> None:
    await three(people)
    async with people.signed_in("ann") as browser:
        address, _ = await made(browser)
    emulator = people.github.github
    emulator.repositories["acme/shop"].roles.clear()
    emulator.repositories["other/tools"].collaborator("ann", "read")
    assert len(await events(people, address)) == 2  # never more than was seen then
    async with people.signed_in("ann") as browser:
        await browser.get("/follow-ups")
    found = {str(one["SUMMARY"]).split()[0] for one in await events(people, address)}
    assert found == {"item-2", "item-3"}


@story
async def test_whoever_revokes_the_app_ends_their_feeds(people: People) -> None:
    async with people.signed_in("ann") as ann, people.signed_in("eve") as eve:
        (mine, _), (other, _) = await made(ann), await made(eve)
    person = people.github.github.users["ann"]
    left = delivery(event="github_app_authorization", revoked=person.id)
    await people.store.queue.accept(left)
    assert [await status(people, one) for one in (mine, other)] == [404, 200]


def test_without_the_extra_the_page_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setitem(sys.modules, "icalendar", None)

    @story
    async def told(people: People) -> None:
        async with people.signed_in("ann") as browser:
            page = (await browser.get("/feeds?lang=en")).text
            assert "`uv pip install &#39;.[calendar]&#39;`" in page
            assert "<button>Make a feed" not in page
            assert (await browser.post("/feeds", headers=SAME)).status_code == 405
            assert (await browser.get("/follow-ups.ics")).status_code == 404

    told(database_url)
