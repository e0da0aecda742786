"""Set-up over HTTP, and what attackers of it get: nothing."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ghapp.core.i18n import LANGUAGES, Words
from ghapp.emulator.github import Emulator
from ghapp.emulator.server import EmulatorServer
from ghapp.github.requirements import EVENTS, PERMISSIONS, spoken
from ghapp.settings import Settings
from ghapp.store import Store, credentials
from ghapp.store.credentials import Seal
from ghapp.web.app import without_app
from ghapp.web.server import Server, bound
from ghapp.web.setup import COOKIE, LIFE_SECONDS, Front, SetUp
from tests.support import PRIVATE_KEY

pytestmark = pytest.mark.anyio
SAME = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Visitor:
    """A browser on the server of set-up. cookies: kept by hand, for Secure ones over HTTP."""

    setup: SetUp
    url: str
    client: httpx.AsyncClient
    github: httpx.AsyncClient
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> httpx.Response:
        return await self._asked("GET", path)

    async def post(self, path: str, headers: dict[str, str], **form: str) -> httpx.Response:
        return await self._asked("POST", path, data=form, headers=headers)

    async def _asked(self, method: str, path: str, **more: Any) -> httpx.Response:
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**more.pop("headers", {}), **({"Cookie": jar} if jar else {})}
        answer = await self.client.request(method, path, headers=headers, **more)
        for one in answer.headers.get_list("set-cookie"):
            name, _, value = one.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def invited(self) -> str:
        """The path that set-up prints."""
        return "/setup?token=" + self.setup.invitation().partition("token=")[2]

    async def enter(self) -> str:
        """Follow the invitation and choose acme; the page with the button."""
        await self.get(self.invited())
        page = (await self.get("/setup")).text
        answer = await self.post("/setup", SAME, form=hidden(page)["form"], account="acme")
        assert answer.status_code == 303
        return (await self.get("/setup")).text

    async def made(self, page: str) -> str:
        """Press the button, and confirm on GitHub; the path and query that GitHub leads to."""
        target = html.unescape(re.findall(r'action="(http[^"]+)"', page)[0])
        asked = await self.github.post(target, data={"manifest": hidden(page)["manifest"]})
        answer = await self.github.post(target, data={**hidden(asked.text), "confirmed": "1"})
        parts = urlsplit(answer.headers["location"])
        return f"{parts.path}?{parts.query}"


def hidden(page: str) -> dict[str, str]:
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in reversed(fields)}


@pytest.fixture
def github() -> Iterator[EmulatorServer]:
    server = EmulatorServer(Emulator(private_key=PRIVATE_KEY), patience_seconds=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(tmp_path: Path, github: EmulatorServer) -> Settings:
    given = {"GHAPP_DATA_DIR": str(tmp_path), "GHAPP_GITHUB_API_URL": github.api_url}
    return Settings.from_environment(given, may_be_stored=True)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def serving(settings: Settings, store: Store, clock: Clock) -> AsyncIterator[Visitor]:
    front, stop = Front(without_app(store)), asyncio.Event()
    with bound("127.0.0.1", 0) as listener:
        server = Server(front, listener)
        setup = front.setup = SetUp(settings, store, server.url, clock=clock, patience_seconds=0)
        running = asyncio.create_task(server.until(stop))
        async with (
            httpx.AsyncClient(base_url=server.url, timeout=20) as client,
            httpx.AsyncClient(timeout=20) as github,
        ):
            yield Visitor(setup, server.url, client, github)
        stop.set()
        await running


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    opened = await Store.open(settings.database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def visitor(settings: Settings, store: Store, clock: Clock) -> AsyncIterator[Visitor]:
    async with serving(settings, store, clock) as made:
        yield made


PATHS = ("/setup", "/setup/created?code=a&state=b", "/setup/installed", "/setup/style.css")


async def is_stored(store: Store) -> bool:
    return await store.records.read(credentials.read) is not None


async def test_the_app_is_made_and_stored_encrypted(
    visitor: Visitor, store: Store, settings: Settings, github: EmulatorServer
) -> None:
    answer = await visitor.get(await visitor.made(await visitor.enter()))
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{github.url}/apps/ghapp-acme/installations/new"
    sealed = await store.records.read(credentials.read)
    assert sealed is not None and b"PRIVATE KEY" not in sealed
    made = Seal(settings).opened(sealed)
    assert (made.app_id, made.private_key) == (1, PRIVATE_KEY)
    assert made.webhook_secret == github.github.deliveries.hook.secret


async def test_the_page_gives_the_reason_of_each_permission_and_event(visitor: Visitor) -> None:
    await visitor.enter()
    for words in map(Words, LANGUAGES):
        page = html.unescape((await visitor.get(f"/setup?lang={words.language}")).text)
        for name, need in PERMISSIONS.items():
            what_for = re.sub("`(.+?)`", r"<code>\1</code>", words(f"need_{name}"))
            if not need.vital:
                what_for += words("setup_without", without=words(f"without_{name}"))
            assert f"{spoken(name)}</th><td>{need.level}</td><td>{what_for}</td>" in page
        for name in EVENTS:
            assert f"{spoken(name)}</th><td>{words(f'event_{name}')}</td>" in page
        assert page.count("<button>") == 1 and "<script" not in page
        assert f'<html lang="{words.language}">' in page


async def test_the_language_is_the_browsers_until_another_one_is_chosen(visitor: Visitor) -> None:
    await visitor.enter()
    asked = {"Accept-Language": "ja"}
    for path, title in (
        ("/setup", "ghapp のセットアップ"),
        ("/setup?lang=en", "Set up ghapp"),
        ("/setup?lang=xx", "Set up ghapp"),
    ):
        answer = await visitor._asked("GET", path, headers=asked)
        assert f"<h1>{title}</h1>" in answer.text
    path = await visitor.made((await visitor.get("/setup")).text)
    await visitor.get(path)
    installed = await visitor._asked("GET", "/setup/installed", headers=asked)
    assert "<h1>Setting up ghapp</h1>" in installed.text
    installed = await visitor.get("/setup/installed?lang=ja")
    assert "サーバーを新しい App に切り替えています。" in installed.text


async def test_only_health_and_set_up_answer(visitor: Visitor) -> None:
    assert (await visitor.get("/healthz")).status_code == 200
    assert (await visitor.get("/readyz")).json()["github"] == "set-up"
    for path in ("/", "/metrics", "/setups", "/login"):
        assert (await visitor.get(path)).status_code == 404


async def test_the_first_ping_is_taken_and_everything_else_comes_again(visitor: Visitor) -> None:
    """GitHub sends it before anybody can know the secret that signs it."""
    ping = await visitor.post("/webhook", {"X-GitHub-Event": "ping"})
    assert (ping.status_code, ping.json()) == (200, {"outcome": "ignored"})
    other = await visitor.post("/webhook", {"X-GitHub-Event": "installation"})
    assert (other.status_code, other.headers["retry-after"]) == (503, "10")


async def test_headers_admit_a_form_to_github_and_nothing_else(
    visitor: Visitor, github: EmulatorServer
) -> None:
    await visitor.enter()
    headers = (await visitor.get("/setup")).headers
    assert headers.get_list("content-security-policy") == [
        f"default-src 'none'; style-src 'self'; form-action 'self' {github.url}; "
        "base-uri 'none'; frame-ancestors 'none'"
    ]
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert (headers["cache-control"], headers["x-frame-options"]) == ("no-store", "DENY")
    assert headers["referrer-policy"] == "same-origin"
    assert "strict-transport-security" not in headers


async def test_the_token_leaves_the_address_for_a_cookie_of_this_host(visitor: Visitor) -> None:
    answer = await visitor.get(visitor.invited())
    assert (answer.status_code, answer.headers["location"]) == (303, "/setup")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
        assert part in cookie
    assert "Domain" not in cookie


async def test_without_the_token_nobody_gets_anything(visitor: Visitor) -> None:
    visitor.invited()
    visitor.cookies[COOKIE] = "guessed"
    for path in (*PATHS, "/setup?token=guessed", "/setup?token="):
        answer = await visitor.get(path)
        assert (answer.status_code, [*answer.json()]) == (403, ["error"])
        assert "set-cookie" not in answer.headers
    assert (await visitor.post("/setup", SAME, account="acme")).status_code == 403


async def test_a_token_used_twice_opens_nothing(visitor: Visitor) -> None:
    invited = visitor.invited()
    await visitor.get(invited)
    visitor.cookies.clear()
    assert (await visitor.get(invited)).status_code == 403
    assert visitor.cookies == {}


async def test_a_preview_of_the_link_does_not_use_the_token(visitor: Visitor) -> None:
    invited = visitor.invited()
    assert (await visitor.client.head(invited)).status_code == 403
    assert (await visitor.get(invited)).status_code == 303


async def test_token_and_cookie_last_an_hour(visitor: Visitor, clock: Clock) -> None:
    invited = visitor.invited()
    clock.now += LIFE_SECONDS + 1
    assert (await visitor.get(invited)).status_code == 403
    await visitor.enter()
    clock.now += LIFE_SECONDS + 1
    assert (await visitor.get("/setup")).status_code == 403


async def test_a_changed_state_stores_nothing(visitor: Visitor, store: Store) -> None:
    path = await visitor.made(await visitor.enter())
    state = parse_qs(urlsplit(path).query)["state"][0]
    for wrong in (state[::-1], "", "é"):
        answer = await visitor.get(path.replace(f"state={state}", f"state={wrong}"))
        assert answer.status_code == 403
    assert not await is_stored(store)
    assert (await visitor.get(path)).status_code == 303


async def test_the_code_of_somebody_else_without_the_cookie_stores_nothing(
    visitor: Visitor, store: Store
) -> None:
    path = await visitor.made(await visitor.enter())
    visitor.cookies.clear()
    assert (await visitor.get(path)).status_code == 403
    assert not await is_stored(store)


async def test_a_replayed_code_stores_nothing(visitor: Visitor, store: Store) -> None:
    path = await visitor.made(await visitor.enter())
    await visitor.get(path)
    before = await store.records.read(credentials.read)
    assert (await visitor.get(path)).status_code == 404
    assert await store.records.read(credentials.read) == before


async def test_a_code_that_github_does_not_know_can_be_tried_again(
    visitor: Visitor, store: Store
) -> None:
    page = await visitor.enter()
    state = re.findall(r"state=([\w-]+)", page)[0]
    for code in ("unknown", "../../user", ""):
        answer = await visitor.get(f"/setup/created?code={code}&state={state}")
        assert answer.status_code == 502
        state = re.findall(r"state=([\w-]+)", answer.text)[0]
    assert not await is_stored(store)
    assert (await visitor.get(await visitor.made(answer.text))).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
async def test_a_form_of_another_site_changes_nothing(
    visitor: Visitor, headers: dict[str, str]
) -> None:
    await visitor.get(visitor.invited())
    form = hidden((await visitor.get("/setup")).text)["form"]
    answer = await visitor.post("/setup", headers, form=form, account="evil")
    assert answer.status_code == 403
    assert "evil" not in (await visitor.get("/setup")).text


async def test_a_form_needs_its_token_and_origin(visitor: Visitor) -> None:
    await visitor.get(visitor.invited())
    form = hidden((await visitor.get("/setup")).text)["form"]
    ours = {"Origin": visitor.url}
    assert (await visitor.post("/setup", ours, form="x", account="acme")).status_code == 403
    assert (await visitor.post("/setup", ours, form=form, account="a" * 5000)).status_code == 413
    assert (await visitor.post("/setup", ours, form=form, account="a/b")).status_code == 422
    assert (await visitor.post("/setup", ours, form=form, account="")).status_code == 303
    assert (
        f'action="{visitor.setup._settings.web_url}/settings/apps/new?state='
        in (await visitor.get("/setup")).text
    )


async def test_a_hostile_name_of_an_account_is_text(visitor: Visitor) -> None:
    await visitor.get(visitor.invited())
    form = hidden((await visitor.get("/setup")).text)["form"]
    answer = await visitor.post("/setup", SAME, form=form, account="<b>x</b>")
    assert (answer.status_code, "<b>" in answer.text) == (422, False)


async def test_of_two_that_finish_at_once_one_app_is_stored(
    visitor: Visitor, settings: Settings, store: Store, clock: Clock
) -> None:
    """In one process and in two, as behind a load balancer."""
    async with serving(settings, store, clock) as other:
        paths = [await one.made(await one.enter()) for one in (visitor, other)]
        answers = await asyncio.gather(
            visitor.get(paths[0]), visitor.get(paths[0]), other.get(paths[1])
        )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(303) == 1
    assert set(statuses) <= {303, 403, 404, 409}
    late = [answer.text for answer in answers if answer.status_code == 409]
    assert all("Delete this second App" in text for text in late)
    assert await is_stored(store)


async def test_no_page_shows_a_secret(visitor: Visitor, github: EmulatorServer) -> None:
    pages = [await visitor.enter()]
    answer = await visitor.get(await visitor.made(pages[0]))
    pages += [answer.text, str(answer.headers), (await visitor.get("/setup/installed")).text]
    hook, registration = github.github.deliveries.hook, github.github.registration
    for secret in (PRIVATE_KEY.splitlines()[1], hook.secret, registration.client_secret):
        assert not any(secret in page for page in pages)


async def test_after_the_app_is_stored_set_up_is_gone_for_strangers(visitor: Visitor) -> None:
    await visitor.get(await visitor.made(await visitor.enter()))
    assert (await visitor.get("/setup")).status_code == 404
    visitor.cookies.clear()
    for path in (*PATHS, visitor.invited()):
        assert (await visitor.get(path)).status_code == 404


async def test_an_address_of_another_site_in_the_answer_is_not_followed(
    visitor: Visitor, github: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await visitor.made(await visitor.enter())
    monkeypatch.setitem(github.github.addresses.app, "html_url", "https://evil.example/apps/x")
    answer = await visitor.get(path)
    assert answer.headers["location"] == f"{github.url}/apps/ghapp-acme/installations/new"
