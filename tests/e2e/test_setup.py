"""From nothing to the first checked pull request, over HTTP and without a restart."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from ghapp.demo import set_up as set_up_demo
from ghapp.settings import Settings
from tests.e2e.unset import Unset, started, unset
from tests.e2e.world import PATIENCE_SECONDS, World, command


class Browser:
    """Follows redirects and keeps cookies, Secure ones on loopback, too, as Chromium does."""

    def __init__(self) -> None:
        self.cookie = ""

    def get(self, url: str) -> httpx.Response:
        return self._followed("GET", url)

    def press(self, page: httpx.Response, button: str, **typed: str) -> httpx.Response:
        """Send the form with this button."""
        forms = re.findall(r"<form([^>]*)>(.*?)</form>", page.text, re.DOTALL)
        attributes, form = next(one for one in forms if button in one[1])
        fields = re.findall(r'name="(\w+)" value="([^"]*)"', form)
        sent = {name: html.unescape(value) for name, value in fields} | typed
        target = re.search(r'action="([^"]*)"', attributes)
        url = page.url.join(html.unescape(target[1])) if target else page.url
        return self._followed("POST", str(url), sent)

    def _followed(
        self, method: str, url: str, sent: dict[str, str] | None = None
    ) -> httpx.Response:
        headers = {"Cookie": self.cookie, "Sec-Fetch-Site": "same-origin"}
        answer = httpx.request(method, url, data=sent, headers=headers, timeout=PATIENCE_SECONDS)
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        if answer.is_redirect:
            return self.get(str(answer.url.join(answer.headers["location"])))
        return answer


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with unset(tmp_path / "data") as made:
        yield made


@pytest.fixture
def server(world: World) -> Unset:
    return started(world)


def set_up(server: Unset) -> tuple[Browser, httpx.Response]:
    """Make the App and install it; the browser, and the page it is then on."""
    browser = Browser()
    (text,) = server.invited
    return browser, made(browser, text.partition("Open ")[2])


def made(browser: Browser, url: str) -> httpx.Response:
    """Walk from the printed address to the page after the installation on acme."""
    page = browser.get(url)
    page = browser.press(page, "Continue", account="acme")
    page = browser.press(page, "Create on GitHub")
    page = browser.press(page, "Create GitHub App")
    assert page.url.path == "/apps/ghapp-acme/installations/new"
    return browser.press(page, "Install on acme")


def test_the_first_pull_request_is_checked_without_a_restart(world: World, server: Unset) -> None:
    browser, page = set_up(server)
    assert page.url.path == "/setup/installed"

    seen = [page.text]

    def finished() -> bool:
        if "ghapp is set up" not in seen[-1]:
            seen.append(browser.get(f"{server.url}/setup/installed").text)
        return "ghapp is set up" in seen[-1]

    world.until("all steps done", finished)
    assert "The App is installed on repositories: 1." in seen[-1]
    assert browser.get(f"{server.url}/setup/installed").status_code == 404
    assert browser.get(f"{server.url}/setup").status_code == 404
    pull = world.open()
    world.settle()
    assert [run.name for run in pull.check_runs()] == ["NFR review"]
    assert world.ready()["github"] == "known"


@pytest.mark.anyio
async def test_the_demo_can_begin_with_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    demo = asyncio.create_task(set_up_demo(language="en"))
    printed, browser = "", Browser()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "token=" not in printed:
            printed += capsys.readouterr().out
            await asyncio.sleep(0.01)
            assert not demo.done()

    def walk() -> httpx.Response:
        return made(browser, printed.partition("Open ")[2].strip())

    page = await asyncio.to_thread(walk)
    assert page.url.path == "/setup/installed"
    github = re.findall(r"GitHub emulator (\S+)", printed)[0]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "nfr: needs sign-off" not in (await asyncio.to_thread(browser.get, github)).text:
            assert not demo.done()
            await asyncio.sleep(0.05)
    ghapp = re.findall(r"^ghapp +(\S+)", printed, re.MULTILINE)[0]
    asked = await asyncio.to_thread(browser.get, f"{ghapp}/login")
    assert asked.url.path == "/login/oauth/authorize"
    queue = await asyncio.to_thread(browser.press, asked, "Authorize", by="sam-sre")
    assert (queue.status_code, str(queue.url)) == (200, f"{ghapp}/")
    assert "@sam-sre" in queue.text and "acme/shop#" in queue.text
    demo.cancel()
    with suppress(asyncio.CancelledError):
        await demo


def test_nothing_but_facts_ticks_a_step_off(world: World, server: Unset) -> None:
    world.github.lose_next(9)
    browser, _ = set_up(server)
    world.github.uninstall(1)

    def answers() -> bool:
        page = browser.get(f"{server.url}/setup/installed?installation_id=1&setup_action=install")
        return "The App answers as ghapp-acme[bot]" in page.text

    world.until("the App answers", answers)
    page = browser.get(f"{server.url}/setup/installed?installation_id=1&setup_action=install")
    assert page.text.count("Done:") == 3
    assert "Done: This machine&#39;s clock agrees with GitHub&#39;s." in page.text
    assert "To do: The App has no repository yet" in page.text
    assert "or run <code>ghapp doctor</code>" in page.text
    assert page.headers["refresh"] == "5"


def test_a_restart_and_other_commands_use_what_is_stored(
    world: World, server: Unset, tmp_path: Path
) -> None:
    set_up(server)
    world.until("the server has switched", lambda: world.ready()["github"] == "known")
    world.stop()
    doctor = command(world, "doctor", "--no-deliver")
    assert "those that set-up stored in the database" in doctor.output
    assert command(world, "sweep").exit_code == 0
    again = started(world)
    world.github.listen(f"{again.url}/webhook")
    assert again.invited == []
    pull = world.open()
    world.settle()
    assert [run.name for run in pull.check_runs()] == ["NFR review"]
    explained = command(world, "explain", f"{pull.repository.full_name}#{pull.number}")
    assert explained.exit_code == 0, explained.output
    world.stop()
    file = tmp_path / "ghapp.env"
    assert command(world, "credentials", "--export", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    exported = Settings.from_environment(
        {**world.environment, **dict(line.split("=", 1) for line in lines)}
    )
    assert exported.private_key == world.github.private_key
    assert exported.webhook_secrets == (world.github.deliveries.hook.secret,)
    assert exported.client_secret == world.github.registration.client_secret
    assert command(world, "credentials", "--export", str(file)).exit_code == 1


def test_the_environment_takes_precedence_over_what_is_stored(world: World, server: Unset) -> None:
    set_up(server)
    world.until("the server has switched", lambda: world.ready()["github"] == "known")
    world.stop()
    given = {
        "GHAPP_APP_ID": "77",
        "GHAPP_PRIVATE_KEY": world.github.private_key,
        "GHAPP_WEBHOOK_SECRET": "of the environment",
    }
    doctor = command(world, "doctor", "--no-deliver", **given)
    assert "set-up stored" not in doctor.output
    assert "id 77" in doctor.output


def test_without_credentials_anywhere_commands_name_both_ways(world: World) -> None:
    for words in (("sweep",), ("doctor",), ("explain", "acme/shop#1")):
        ended = command(world, *words)
        assert ended.exit_code == 2
        assert "GHAPP_APP_ID" in ended.output and "ghapp serve" in ended.output
    assert command(world, "credentials", "--export", "nowhere").exit_code == 2


def test_some_credentials_without_the_others_are_an_error(world: World) -> None:
    ended = command(world, "serve", GHAPP_APP_ID="1")
    assert ended.exit_code == 2
    assert "GHAPP_PRIVATE_KEY: is missing" in ended.output


def test_the_doctor_sets_url_and_secret_of_the_webhook(world: World, server: Unset) -> None:
    set_up(server)
    world.until("the server has switched", lambda: world.ready()["github"] == "known")
    hook = world.github.deliveries.hook
    secret, hook.secret, hook.url = hook.secret, "another one", "https://elsewhere.example"
    base = server.url
    command(world, "doctor", "--fix-webhook", "--no-deliver", GHAPP_BASE_URL=base)
    assert (hook.url, hook.secret) == (f"{base}/webhook", secret)
    ended = command(world, "doctor", "--fix-webhook")
    assert (ended.exit_code, "GHAPP_BASE_URL: is missing" in ended.output) == (2, True)
