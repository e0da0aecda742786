"""People who sign in to the pages of a server on an emulated GitHub."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from ghapp.core.model import Repository
from ghapp.emulator.github import Emulator
from ghapp.emulator.server import EmulatorServer
from ghapp.settings import Settings
from ghapp.store import Store
from ghapp.web.app import application
from tests.support import PRIVATE_KEY

BASE = "https://ghapp.example"
SAME = {"Sec-Fetch-Site": "same-origin"}


class Clock:
    """GitHub's."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@contextmanager
def github() -> Iterator[EmulatorServer]:
    """acme, where ann may see the repositories shop and batch, and other, where eve sees tools."""
    made = Emulator(private_key=PRIVATE_KEY, clock=Clock())
    for full_name, number, login in (
        ("acme/shop", 1, "ann"),
        ("acme/batch", 1, "ann"),
        ("other/tools", 2, "eve"),
    ):
        made.repository(full_name, installation_id=number).collaborator(login, "read")
    made.registration.callback_urls = [f"{BASE}/login/callback"]
    server = EmulatorServer(made, patience_seconds=0)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class People:
    """A server, and browsers on it. settings: the server's. app: its application."""

    github: EmulatorServer
    store: Store
    settings: Settings

    def __post_init__(self) -> None:
        self.app = application(self.settings, self.store, lambda: "ghapp[bot]")

    def repository(self, full_name: str) -> Repository:
        """A repository of the emulator as runs record it."""
        found = self.github.github.repositories[full_name]
        assert found.installation
        return Repository(found.installation.id, found.id, found.full_name)

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        """Somebody on the network who is not signed in."""
        transport = httpx.ASGITransport(app=self.app, client=("192.0.2.1", 50_000))
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as made:
            yield made

    @asynccontextmanager
    async def signed_in(self, login: str) -> AsyncIterator[httpx.AsyncClient]:
        async with self.browser() as browser:
            answer = await sign_in(browser, login)
            assert answer.status_code == 303, answer.text
            yield browser


def settings(github: EmulatorServer, **more: str) -> Settings:
    """Those of a server that people sign in to. more: variables of the environment."""
    return Settings.from_environment(
        {
            "GHAPP_APP_ID": "1",
            "GHAPP_PRIVATE_KEY": PRIVATE_KEY,
            "GHAPP_WEBHOOK_SECRET": "a secret for tests",
            "GHAPP_CLIENT_ID": github.github.addresses.app["client_id"],
            "GHAPP_CLIENT_SECRET": github.github.registration.client_secret,
            "GHAPP_SECRET_KEY": "a key of more than thirty-two characters",
            "GHAPP_GITHUB_API_URL": github.api_url,
            "GHAPP_BASE_URL": BASE,
            **more,
        }
    )


async def allowed(url: str, login: str) -> str:
    """Press the button on GitHub; where it leads. login: "" declines."""
    async with httpx.AsyncClient(timeout=20) as client:
        page = await client.get(url)
        assert page.status_code == 200, page.text
        form = {"by": login} if login else {"declined": "1"}
        answer = await client.post(url, data=form)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def begun(browser: httpx.AsyncClient, path: str = "") -> str:
    """Follow the link to sign in; the address on GitHub. path: where it is to lead."""
    answer = await browser.get(f"/login?{urlencode({'next': path})}" if path else "/login")
    assert answer.status_code == 303
    return answer.headers["location"]


async def sign_in(browser: httpx.AsyncClient, login: str, path: str = "") -> httpx.Response:
    """The answer to the browser when it is back from GitHub."""
    return await browser.get(await allowed(await begun(browser, path), login))


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the button to sign out."""
    (form,) = re.findall(r'<form method="post" action="/logout".*?</form>', page, re.DOTALL)
    fields = re.findall(r'name="(\w+)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in fields}
