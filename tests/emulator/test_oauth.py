"""Signing in with GitHub, as GitHub does it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ghapp.emulator.github import Emulator
from ghapp.emulator.server import EmulatorServer
from tests.support import PRIVATE_KEY

BACK = "https://ghapp.example/login/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:43]


class Moment:
    now = datetime(2026, 4, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def github() -> Iterator[Emulator]:
    made = Emulator(private_key=PRIVATE_KEY, clock=Moment())
    made.repository("acme/shop").collaborator("ann", "read")
    made.repository("acme/secret")
    made.repository("other/tools", installation_id=2).collaborator("eve", "read")
    made.registration.callback_urls = [BACK]
    yield made
    made.close()


@pytest.fixture
def client(github: Emulator) -> Iterator[httpx.Client]:
    server = EmulatorServer(github, patience_seconds=0)
    with httpx.Client(base_url=server.start()) as made:
        yield made
    server.stop()


def asked(github: Emulator, **more: str) -> dict[str, str]:
    return {
        "client_id": github.addresses.app["client_id"],
        "redirect_uri": BACK,
        "state": "abc",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **more,
    }


def code(client: httpx.Client, github: Emulator, **more: str) -> str:
    answer = client.post("/login/oauth/authorize", params=asked(github, **more), data={"by": "ann"})
    parts = urlsplit(answer.headers["location"])
    query = parse_qs(parts.query)
    assert (f"{parts.scheme}://{parts.netloc}{parts.path}", query["state"]) == (BACK, ["abc"])
    return query["code"][0]


def exchanged(client: httpx.Client, github: Emulator, code: str, **more: str) -> Any:
    sent = {
        "client_id": github.addresses.app["client_id"],
        "client_secret": github.registration.client_secret,
        "code": code,
        "code_verifier": VERIFIER,
        **more,
    }
    asks = {"Accept": "application/json"}
    answer = client.post("/login/oauth/access_token", data=sent, headers=asks)
    assert answer.status_code == 200  # errors, too
    return answer.json()


def test_the_page_asks_whom_one_plays(client: httpx.Client, github: Emulator) -> None:
    page = client.get("/login/oauth/authorize", params=asked(github))
    assert page.status_code == 200
    assert "Authorize as ann" in page.text and "Authorize as acme" not in page.text
    assert (
        f"form-action 'self' {BACK.removesuffix('/login/callback')}"
        in (page.headers["content-security-policy"])
    )


@pytest.mark.parametrize(
    "more",
    [
        {"client_id": "another"},
        {"redirect_uri": "https://evil.example/login/callback"},
        {"redirect_uri": "https://ghapp.example/other"},
        {"redirect_uri": "https://ghapp.example/login/callbacks"},
    ],
    ids=str,
)
def test_nobody_is_sent_elsewhere(
    client: httpx.Client, github: Emulator, more: dict[str, str]
) -> None:
    for method, sent in (("GET", None), ("POST", {"by": "ann"})):
        answer = client.request(
            method, "/login/oauth/authorize", params=asked(github, **more), data=sent
        )
        assert answer.status_code == 404 and "location" not in answer.headers


def test_declining_is_an_error_for_the_app(client: httpx.Client, github: Emulator) -> None:
    answer = client.post("/login/oauth/authorize", params=asked(github), data={"declined": "1"})
    assert f"{BACK}?error=access_denied" in answer.headers["location"]


def test_a_code_becomes_a_token_once(client: httpx.Client, github: Emulator) -> None:
    given = code(client, github)
    found = exchanged(client, github, given)
    assert (found["token_type"], found["expires_in"], found["scope"]) == ("bearer", 28_800, "")
    assert exchanged(client, github, given) == {"error": "bad_verification_code"}


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"client_secret": "wrong"}, "incorrect_client_credentials"),
        ({"code_verifier": "x" * 43}, "bad_verification_code"),
        ({"redirect_uri": f"{BACK}/2"}, "redirect_uri_mismatch"),
    ],
    ids=str,
)
def test_an_exchange_that_does_not_fit_is_refused_with_status_200(
    client: httpx.Client, github: Emulator, more: dict[str, str], error: str
) -> None:
    assert exchanged(client, github, code(client, github), **more) == {"error": error}


def test_a_code_lasts_ten_minutes(client: httpx.Client, github: Emulator) -> None:
    given = code(client, github)
    github.clock.now += timedelta(minutes=10)  # type: ignore[attr-defined]
    assert exchanged(client, github, given)["error"] == "bad_verification_code"


def test_a_token_shows_what_the_person_may_see_through_the_app(
    client: httpx.Client, github: Emulator
) -> None:
    token = exchanged(client, github, code(client, github))["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    assert client.get("/user").json()["login"] == "ann"
    found = client.get("/user/installations").json()
    assert [one["id"] for one in found["installations"]] == [1] and found["total_count"] == 1
    shown = client.get("/user/installations/1/repositories").json()
    assert [one["full_name"] for one in shown["repositories"]] == ["acme/shop"]
    assert client.get("/user/installations/2/repositories").json()["repositories"] == []
    assert client.get("/user/installations/9/repositories").status_code == 404


def test_an_installation_that_single_sign_on_guards_is_left_out(
    client: httpx.Client, github: Emulator
) -> None:
    token = exchanged(client, github, code(client, github))["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    github.installations[1].is_guarded = True
    assert client.get("/user/installations").json()["installations"] == []


def test_the_token_of_an_installation_is_nobodys(client: httpx.Client, github: Emulator) -> None:
    name, _ = github.new_token(github.installations[1])
    client.headers["Authorization"] = f"Bearer {name}"
    for path in ("/user", "/user/installations", "/user/installations/1/repositories"):
        assert client.get(path).status_code == 403


def test_revoking_ends_the_tokens_and_is_delivered(client: httpx.Client, github: Emulator) -> None:
    token = exchanged(client, github, code(client, github))["access_token"]
    github.revoke_authorization("ann")
    answer = client.get("/user", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    (sent,) = [one for one in github.deliveries.all if one.event == "github_app_authorization"]
    assert (sent.action, b'"login":"ann"' in sent.body, sent.installation_id) == (
        "revoked", True, None,
    )  # fmt: skip
