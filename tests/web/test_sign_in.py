"""People sign in with GitHub and see what GitHub lists for them, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from ghapp.emulator.faults import broken
from ghapp.store import sessions
from ghapp.web.sign_in import COOKIE, UNDER_WAY
from tests.store.stores import changed, opened
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

Told = Callable[[People], Awaitable[None]]


def story(test: Told) -> Callable[[str], None]:
    """A test that is told a server with people, once on each database."""

    def told(database_url: str) -> None:
        async def play() -> None:
            with github() as server:
                made = settings(server, GHAPP_DATABASE_URL=database_url)
                async with opened(database_url) as store:
                    await test(People(server, store, made))

        asyncio.run(play())

    told.__name__, told.__module__ = test.__name__, test.__module__
    return told


async def three(people: People) -> None:
    """A review in each repository: 1 in shop, 2 in batch, 3 in tools."""
    for number, name in ((1, "acme/shop"), (2, "acme/batch"), (3, "other/tools")):
        await recorded(people.store, number, repository=people.repository(name))


@story
async def test_whoever_signs_in_sees_what_github_lists_for_them(people: People) -> None:
    await three(people)
    for login, numbers in (("ann", {1, 2}), ("eve", {3})):
        async with people.signed_in(login) as browser:
            found = (await browser.get("/api/v1/queue")).json()
            rows = [row for part in found["sections"] for row in part["reviews"]]
            assert {row["number"] for row in rows} == numbers
            page = (await browser.get("/?lang=en")).text
            assert f"@{login}" in page and "Sign out" in page
            assert f"lists for @{login} where ghapp is installed: {len(numbers)}." in page


@story
async def test_a_page_leads_to_sign_in_and_back_to_itself(people: People) -> None:
    await three(people)
    async with people.browser() as browser:
        answer = await browser.get("/pulls/acme/shop/1?lang=ja")
        assert answer.status_code == 303
        login = answer.headers["location"]
        assert login == "/login?next=%2Fpulls%2Facme%2Fshop%2F1%3Flang%3Dja"
        away = (await browser.get(login)).headers["location"]
        assert away.startswith(f"{people.github.url}/login/oauth/authorize?")
        asked = query(away)
        assert asked["code_challenge_method"] == "S256" and "scope" not in asked
        back = await browser.get(await allowed(away, "ann"))
        assert back.headers["location"] == "/pulls/acme/shop/1?lang=ja"
        assert (await browser.get(back.headers["location"])).status_code == 200


@story
async def test_a_program_without_a_session_gets_401_as_json(people: People) -> None:
    async with people.browser() as browser:
        for path in ("/api/v1/queue", "/api/v1/follow-ups", "/api/v1/openapi.yaml"):
            answer = await browser.get(path)
            assert (answer.status_code, list(answer.json())) == (401, ["error"])


@story
async def test_a_form_of_a_page_whose_session_is_over_gets_a_page(people: People) -> None:
    """A redirect to GitHub would be refused by the policy of that page."""
    async with people.browser() as browser:
        answer = await browser.get("/?area=db&lang=en", headers=SAME)
        assert answer.status_code == 401
        login = "/login?next=%2F%3Farea%3Ddb%26lang%3Den"
        assert answer.headers["Refresh"] == f"0;url={login}"
        assert f'href="{login}"' in answer.text


@story
async def test_signing_out_ends_the_session(people: People) -> None:
    async with people.signed_in("ann") as browser:
        cookie = browser.cookies[COOKIE]
        form = hidden((await browser.get("/?lang=en")).text)
        answer = await browser.post("/logout", data=form, headers=SAME)
        assert (answer.status_code, answer.headers["location"]) == (303, "/signed-out?lang=en")
        assert COOKIE not in browser.cookies
        assert "You are signed out" in (await browser.get("/signed-out?lang=en")).text
        browser.cookies.set(COOKIE, cookie)
        assert (await browser.get("/api/v1/queue")).status_code == 401


@story
async def test_a_session_lasts_as_long_as_its_token_and_eight_hours_at_most(
    people: People,
) -> None:
    async with people.browser() as browser:
        answer = await sign_in(browser, "ann")
        cookies = {one.partition("=")[0]: one for one in answer.headers.get_list("set-cookie")}
        for part in ("Max-Age=28800", "Path=/", "HttpOnly", "Secure", "SameSite=lax"):
            assert part in cookies[COOKIE]
        assert "Domain" not in cookies[COOKIE] and len(browser.cookies[COOKIE]) == 43
        assert "Max-Age=0" in cookies[UNDER_WAY]
        url = people.settings.database_url
        changed(url, "UPDATE sessions SET expires_at = expires_at - 28790")
        assert (await browser.get("/api/v1/queue")).status_code == 200
        changed(url, "UPDATE sessions SET expires_at = expires_at - 11")
        assert (await browser.get("/api/v1/queue")).status_code == 401
    async with people.signed_in("eve"):  # which deletes what has expired
        pass
    for kept in (30, 90):
        for _ in range(sessions.MOST_OF_PERSON + 1):
            one = sessions.Session(f"{kept}-{_}", kept, "sam", b"")
            await people.store.records.write(sessions.keep, one, 60.0 + _, "")
    left = [
        await people.store.records.read(sessions.read, f"30-{number}") is not None
        for number in range(sessions.MOST_OF_PERSON + 1)
    ]
    assert left == [False] + [True] * sessions.MOST_OF_PERSON


@story
async def test_rights_are_read_again_after_ten_minutes(people: People) -> None:
    await three(people)
    async with people.signed_in("ann") as browser:
        calls = people.github.github.calls
        before = calls["GET /user/installations"]
        await browser.get("/")
        await browser.get("/api/v1/queue")
        assert calls["GET /user/installations"] == before
        tools = people.github.github.repositories["other/tools"]
        tools.collaborator("ann", "read")
        assert (await browser.get("/api/v1/pulls/other/tools/3")).status_code == 404
    async with people.signed_in("ann") as browser:
        assert (await browser.get("/api/v1/pulls/other/tools/3")).status_code == 200


@story
async def test_all_pages_of_rights_are_read(people: People) -> None:
    for number in range(103):
        made = people.github.github.repository(f"acme/r{number}", installation_id=1)
        made.collaborator("ann", "read")
    await recorded(people.store, 9, repository=people.repository("acme/r102"))
    async with people.signed_in("ann") as browser:
        assert (await browser.get("/api/v1/pulls/acme/r102/9")).status_code == 200
        assert "is installed: 105." in (await browser.get("/?lang=en")).text


@story
async def test_an_empty_page_says_that_single_sign_on_may_hide_what_is_there(
    people: People,
) -> None:
    await three(people)
    people.github.github.installations[1].is_guarded = True
    async with people.signed_in("ann") as browser:
        page = (await browser.get("/?lang=en")).text
        assert "lists no repository for @ann" in page and "SAML single sign-on" in page
        assert "acme" not in page
        assert "SAML" in (await browser.get("/follow-ups?lang=ja")).text


@story
async def test_without_an_answer_of_github_nothing_is_shown(people: People) -> None:
    await three(people)
    fault = broken("GET /user/installations*", times=None)
    async with people.signed_in("ann") as browser:
        people.app = People(people.github, people.store, people.settings).app  # a new process
        people.github.github.faults.add(fault)
        async with people.browser() as other:
            other.cookies = browser.cookies
            page = await other.get("/?lang=en")
            assert (page.status_code, "acme" in page.text) == (503, False)
            answer = await other.get("/api/v1/queue")
            assert (answer.status_code, list(answer.json())) == (503, ["error"])
            people.github.github.faults.clear()
            assert (await other.get("/api/v1/queue")).status_code == 200


@story
async def test_a_token_that_github_no_longer_accepts_ends_the_session(people: People) -> None:
    async with people.signed_in("ann") as browser:
        people.app = People(people.github, people.store, people.settings).app
        people.github.github.expire_tokens()
        async with people.browser() as other:
            other.cookies = browser.cookies
            assert (await other.get("/")).headers["location"] == "/login"
        assert (await browser.get("/api/v1/queue")).status_code == 401


@story
async def test_whoever_revokes_the_app_on_github_is_signed_out_at_once(people: People) -> None:
    emulated = people.github.github
    emulated.deliveries.hook.secret = people.settings.webhook_secrets[0]
    async with (
        people.signed_in("ann") as one,
        people.signed_in("ann") as two,
        people.signed_in("eve") as other,
    ):
        emulated.revoke_authorization("ann")
        headers, body = emulated.signed(emulated.deliveries.all[-1])
        answer = await other.post("/webhook", content=body, headers=headers)
        assert answer.status_code == 202
        for browser, status in ((one, 401), (two, 401), (other, 200)):
            assert (await browser.get("/api/v1/queue")).status_code == status


@story
async def test_declining_on_github_is_answered_with_a_page(people: People) -> None:
    async with people.browser() as browser:
        back = await allowed(await begun(browser), "")
        answer = await browser.get(f"{back}&lang=en")
        assert (answer.status_code, "You declined" in answer.text) == (403, True)
        assert COOKIE not in browser.cookies


@story
async def test_a_wrong_client_secret_or_callback_is_for_the_log(people: People) -> None:
    people.github.github.registration.client_secret = "another one"
    async with people.browser() as browser:
        answer = await sign_in(browser, "ann")
        assert (answer.status_code, COOKIE in browser.cookies) == (502, False)
        assert "another one" not in answer.text


@story
async def test_the_token_is_stored_encrypted_and_the_cookie_as_a_hash(people: People) -> None:
    async with people.signed_in("ann") as browser:
        (token,) = [name for name in people.github.github.tokens if name.startswith("ghu_")]
        cookie = browser.cookies[COOKIE]

        def rows(connection: object) -> str:
            return str(connection.run("SELECT * FROM sessions").fetchall())  # type: ignore[attr-defined]

        stored = await people.store.records.read(rows)
        assert "ann" in stored and token not in stored and cookie not in stored


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(minutes=11)])
def test_an_address_of_github_is_good_for_ten_minutes(sqlite_url: str, ahead: timedelta) -> None:
    async def play() -> None:
        with github() as server:
            made = settings(server, GHAPP_DATABASE_URL=sqlite_url)
            async with opened(sqlite_url) as store:
                people = People(server, store, made)
                async with people.browser() as browser:
                    back = await allowed(await begun(browser), "ann")
                    people.github.github.clock.ahead = ahead  # type: ignore[attr-defined]
                    answer = await browser.get(back)
        assert answer.status_code == (502 if ahead else 303)

    asyncio.run(play())


@story
async def test_every_answer_asks_for_https_from_then_on(people: People) -> None:
    async with people.signed_in("ann") as browser:
        for path in ("/", "/login", "/signed-out", "/healthz", "/api/v1/queue"):
            answer = await browser.get(path)
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
    assert BASE.startswith("https://")
