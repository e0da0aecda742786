"""What attackers of sign-in get: nothing."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlencode

import httpx
import pytest

from ghapp.web.sign_in import COOKIE, NEXT, UNDER_WAY
from tests.store.stores import opened
from tests.web.people import (
    BASE,
    SAME,
    People,
    allowed,
    begun,
    github,
    hidden,
    query,
    settings,
    sign_in,
)
from tests.web.reviews import recorded
from tests.web.test_sign_in import story

FOREIGN = (
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": BASE},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": f"{BASE}.evil.example"},
)


async def is_signed_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/api/v1/queue")).status_code == 200


@story
async def test_a_state_of_another_browser_signs_nobody_in(people: People) -> None:
    """As if somebody sent a victim the address that ends their own sign-in."""
    async with people.browser() as attacker, people.browser() as victim:
        back = await allowed(await begun(attacker), "eve")
        for cookies in (False, True):
            if cookies:  # the victim has begun, too
                await begun(victim)
            answer = await victim.get(back)
            assert (answer.status_code, COOKIE in victim.cookies) == (403, False)
        assert not await is_signed_in(victim)


@story
async def test_a_changed_state_signs_nobody_in(people: People) -> None:
    async with people.browser() as browser:
        back = await allowed(await begun(browser), "ann")
        state, kept = query(back)["state"], dict(browser.cookies)
        for wrong in (state[::-1], "", "é"):
            browser.cookies.update(kept)
            answer = await browser.get(back.replace(f"state={state}", f"state={wrong}"))
            assert (answer.status_code, COOKIE in browser.cookies) == (403, False)


@story
async def test_an_answer_of_github_works_once_even_with_its_cookie(people: People) -> None:
    async with people.browser() as browser, people.browser() as thief:
        back = await allowed(await begun(browser), "ann")
        thief.cookies.set(UNDER_WAY, browser.cookies[UNDER_WAY])
        assert (await browser.get(back)).status_code == 303
        assert (await thief.get(back)).status_code == 403
        fresh = query(await allowed(await begun(thief), "ann"))["code"]
        thief.cookies.set(UNDER_WAY, "forged")
        assert (await thief.get(back.replace(query(back)["code"], fresh))).status_code == 403
        assert COOKIE not in thief.cookies


@story
async def test_a_code_without_the_secret_of_its_browser_is_worth_nothing(people: People) -> None:
    """PKCE: the code of a victim, slipped into the sign-in of the attacker."""
    async with people.browser() as victim, people.browser() as attacker:
        stolen = query(await allowed(await begun(victim), "ann"))["code"]
        own = query(await begun(attacker))["state"]
        answer = await attacker.get(f"/login/callback?{urlencode({'code': stolen, 'state': own})}")
        assert (answer.status_code, COOKIE in attacker.cookies) == (502, False)


@story
async def test_a_session_that_was_planted_is_not_used(people: People) -> None:
    async with people.browser() as victim:
        for planted in ("planted", "x" * 43):
            victim.cookies.set(COOKIE, planted, domain="ghapp.example")
            assert not await is_signed_in(victim)
            await sign_in(victim, "ann")
            assert victim.cookies[COOKIE] != planted
            async with people.browser() as attacker:
                attacker.cookies.set(COOKIE, planted)
                assert not await is_signed_in(attacker)
    async with people.signed_in("eve") as attacker:
        async with people.browser() as victim:
            victim.cookies.set(COOKIE, attacker.cookies[COOKIE], domain="ghapp.example")
            await sign_in(victim, "ann")
        assert not await is_signed_in(attacker)  # the session that was there before is over


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " /evil.example",
        "evil.example",
        "javascript:alert(1)",
        "/ /evil.example",
        "/é",
        "/\r\nSet-Cookie: a=b",
        "/" + "a" * 2_000,
        "",
    ],
)
def test_sign_in_leads_to_no_other_site(sqlite_url: str, wanted: str) -> None:
    async def play() -> None:
        with github() as server:
            made = settings(server, GHAPP_DATABASE_URL=sqlite_url)
            async with opened(sqlite_url) as store:
                people = People(server, store, made)
                async with people.browser() as browser:
                    answer = await sign_in(browser, "ann", wanted)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")

    asyncio.run(play())
    assert not NEXT.fullmatch(wanted) or len(wanted) > 1_500


@story
async def test_a_host_of_the_sender_leads_nobody_elsewhere(people: People) -> None:
    async with people.browser() as browser:
        for path in ("/", "/login", "/pulls/acme/shop/1"):
            answer = await browser.get(
                path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
            )
            assert "evil" not in answer.headers["location"]


@story
async def test_another_site_signs_nobody_out(people: People) -> None:
    async with people.signed_in("ann") as browser:
        form = hidden((await browser.get("/")).text)
        for headers in FOREIGN:
            answer = await browser.post("/logout", data=form, headers=headers)
            assert answer.status_code == 403, headers
        for wrong in ({}, {"form": ""}, {"form": form["form"][::-1]}):
            assert (await browser.post("/logout", data=wrong, headers=SAME)).status_code == 403
        async with people.signed_in("eve") as other:
            theirs = hidden((await other.get("/")).text)
        assert (await browser.post("/logout", data=theirs, headers=SAME)).status_code == 403
        assert (await browser.get("/logout")).status_code == 405
        assert (await browser.post("/logout", content="a" * 5_000, headers=SAME)).status_code == 413
        assert await is_signed_in(browser)
        answer = await browser.post("/logout", data=form, headers={"Origin": BASE})
        assert answer.status_code == 303 and not await is_signed_in(browser)


@story
async def test_the_pages_of_sign_in_are_framed_and_scripted_by_nobody(people: People) -> None:
    async with people.signed_in("ann") as browser, people.browser() as stranger:
        for answer in (
            await browser.get("/"),
            await stranger.get("/signed-out"),
            await stranger.get("/login/callback?state=x"),
            await stranger.get("/", headers=SAME),
        ):
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
            assert "form-action 'self';" in policy and "base-uri 'none'" in policy
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert answer.headers["cache-control"] == "no-store"
            assert "<script" not in answer.text


@story
async def test_what_a_stranger_gets_names_nothing(people: People) -> None:
    await recorded(people.store, 1, repository=people.repository("acme/shop"))
    async with people.browser() as stranger:
        for path in (
            *("/", "/follow-ups", "/pulls/acme/shop/1", "/?format=md", "/?repository=acme/shop"),
            *("/api/v1/queue", "/api/v1/pulls/acme/shop/1", "/api/v1/openapi.yaml"),
        ):
            for headers in ({}, SAME, {"Cookie": f"{COOKIE}=guessed"}):
                answer = await stranger.get(path, headers=headers)
                assert answer.status_code in (303, 401)
                assert "pull 1" not in answer.text and "paths:" not in answer.text
            missing = path.replace("shop/1", "none/9")
            other = await stranger.get(missing)
            own = await stranger.get(path)
            assert (other.status_code, len(other.content)) == (own.status_code, len(own.content))


@story
async def test_hostile_words_of_github_are_text(people: People) -> None:
    """What an administrator of a server names an account."""
    person = people.github.github.user("ann")
    person.login = "<b onmouseover=x>\u202e&"
    async with people.browser() as browser:
        answer = await sign_in(browser, "ann")
        assert answer.status_code == 303
        page = (await browser.get("/")).text
    assert "<b " not in page and "\u202e" not in page
    assert re.search(r"@&lt;b onmouseover=x&gt;&amp;<", page)
