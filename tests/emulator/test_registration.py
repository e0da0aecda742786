"""Making an App from a manifest, as GitHub does."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ghapp.emulator.github import Emulator
from ghapp.emulator.server import EmulatorServer
from ghapp.github.manifest import manifest
from ghapp.github.requirements import EVENTS, PERMISSIONS
from tests.support import PRIVATE_KEY

BASE = "https://ghapp.example"
NEW = "/organizations/acme/settings/apps/new?state=abc"


class Moment:
    def __init__(self) -> None:
        self.now = datetime(2026, 4, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Moment:
    return Moment()


@pytest.fixture
def github(clock: Moment) -> Iterator[Emulator]:
    made = Emulator(private_key=PRIVATE_KEY, clock=clock)
    yield made
    made.close()


@pytest.fixture
def client(github: Emulator) -> Iterator[httpx.Client]:
    server = EmulatorServer(github, patience_seconds=0)
    with httpx.Client(base_url=server.start()) as made:
        yield made
    server.stop()


def asked(**more: Any) -> dict[str, Any]:
    return {**manifest(BASE, "acme", is_reachable=True), **more}


def posted(client: httpx.Client, asked: dict[str, Any]) -> httpx.Response:
    cross = {"Sec-Fetch-Site": "cross-site"}
    return client.post(NEW, data={"manifest": json.dumps(asked)}, headers=cross)


def code(client: httpx.Client, asked: dict[str, Any]) -> str:
    """From pressing the button of the page that the manifest leads to."""
    page = posted(client, asked)
    assert page.status_code == 200
    fields = {
        name: html.unescape(value)
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    }
    answer = client.post("/organizations/acme/settings/apps/new", data={**fields, "confirmed": "1"})
    target = urlsplit(answer.headers["location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == asked["redirect_url"]
    query = parse_qs(target.query)
    assert query["state"] == ["abc"]
    return query["code"][0]


def test_our_manifest_asks_for_what_the_table_of_needs_says() -> None:
    made = asked()
    assert made["default_permissions"] == {n: need.level for n, need in PERMISSIONS.items()}
    assert made["default_events"] == [*EVENTS]
    assert not {"installation", "installation_repositories"} & set(made["default_events"])


def test_our_manifest_makes_an_app_with_what_it_asks_for(
    client: httpx.Client, github: Emulator
) -> None:
    answer = client.post(f"/app-manifests/{code(client, asked())}/conversions")
    made = answer.json()
    assert answer.status_code == 201
    assert (made["slug"], made["pem"]) == ("ghapp-acme", PRIVATE_KEY)
    assert (made["permissions"], made["events"]) == (
        asked()["default_permissions"],
        asked()["default_events"],
    )
    assert made["webhook_secret"] == github.deliveries.hook.secret != "secret"
    assert github.deliveries.hook.url == f"{BASE}/webhook"


@pytest.mark.parametrize(
    "wrong",
    [
        {"default_events": [*EVENTS, "installation"]},
        {"default_events": [*EVENTS, "github_app_authorization"]},
        {"default_permissions": {"pull_requests": "write"}},
        {"default_permissions": {"everything": "write"}},
        {"default_permissions": {"checks": "owner"}},
        {"name": "x" * 35},
        {"surprise": 1},
        {"redirect_url": 1},
    ],
    ids=str,
)
def test_a_manifest_with_one_fault_is_refused_as_a_whole(
    client: httpx.Client, github: Emulator, wrong: dict[str, Any]
) -> None:
    answer = posted(client, asked(**wrong))
    assert (answer.status_code, "confirmed" in answer.text) == (422, False)
    assert github.registration.codes == {}


def test_a_code_works_once(client: httpx.Client) -> None:
    path = f"/app-manifests/{code(client, asked())}/conversions"
    assert [client.post(path).status_code for _ in range(2)] == [201, 404]


def test_a_code_works_for_an_hour(client: httpx.Client, clock: Moment) -> None:
    path = f"/app-manifests/{code(client, asked())}/conversions"
    clock.now += timedelta(hours=1)
    assert client.post(path).status_code == 404


def test_a_manifest_for_a_server_names_no_event_that_it_does_not_know() -> None:
    made = manifest(BASE, "acme", is_reachable=True, is_server=True)
    assert set(EVENTS) - {*made["default_events"]} == {"sub_issues"}


def test_an_app_without_a_webhook_has_no_secret_for_it(client: httpx.Client) -> None:
    made = manifest("http://127.0.0.1:8000", "acme", is_reachable=False)
    answer = client.post(f"/app-manifests/{code(client, made)}/conversions").json()
    assert answer["webhook_secret"] is None
