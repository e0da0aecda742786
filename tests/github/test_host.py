"""Who we are to GitHub: the App, its installations' tokens, one host and no other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ghapp.core.records import History
from ghapp.emulator.faults import Fault, broken, cut, truncated
from ghapp.emulator.github import new_private_key
from ghapp.errors import Gone, Retry, WrongSetting
from ghapp.github.client import GitHub
from ghapp.github.errors import Answer
from ghapp.github.host import Request, Tokens
from ghapp.settings import Endpoint
from tests.github.servers import host, replied, sent, serving
from tests.github.world import APP_ID, RULES, World

TOKEN = "POST /app/installations/{id}/access_tokens"
OPENED = History(opened=True)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


# --- tokens --------------------------------------------------------------------------------


def test_many_at_once_ask_for_one_token(world: World) -> None:
    keys = [world.key(world.pull(branch=f"b{at}")) for at in range(6)]

    async def story(client: GitHub) -> None:
        await asyncio.gather(*(client.gather(key, OPENED, RULES) for key in keys))
        await client.gather(keys[0], OPENED, RULES)

    world.run(story)
    assert world.github.calls[TOKEN] == 1


@pytest.mark.parametrize("kind", [broken, cut, truncated])
def test_a_token_that_cannot_be_had_fails_all_who_ask_at_once(
    world: World, kind: Callable[[str], Fault]
) -> None:
    """One after another they would hold every slot of the worker, each for one more timeout."""
    keys = [world.key(world.pull(branch=f"b{at}")) for at in range(6)]

    async def story(client: GitHub) -> None:
        await client.app()  # else each asks who we are first, and then not all at once
        world.github.faults.add(replace(kind(TOKEN), delay_seconds=0.2))
        asked = (client.gather(key, OPENED, RULES) for key in keys)
        for error in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(error, Retry)
            assert "ghs_" not in str(error)
        assert world.github.calls[TOKEN] == 1
        await client.gather(keys[0], OPENED, RULES)

    world.run(story)


@pytest.mark.parametrize(("minutes", "tokens"), [(6, 1), (4, 2), (-10, 2)])
def test_a_token_is_renewed_five_minutes_before_its_end(minutes: int, tokens: int) -> None:
    expires = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
    issued = {"token": "x", "expires_at": expires, "permissions": {"members": "read"}}

    async def story() -> int:
        reply = replied(json.dumps(issued).encode(), status="201 Created")
        async with serving(lambda _: reply) as (url, received), host(url) as github:
            own = Tokens(github)
            for _ in range(2):
                assert (await own.get(1)).permissions["members"] == "read"
            return len(received)

    assert asyncio.run(story()) == tokens


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_wrong_clock_of_ours_follows_githubs(world: World, hours: int) -> None:
    world.now.forward(3600 * hours)

    async def story() -> None:
        async with host(world.url) as github:
            own = Tokens(github)
            for _ in range(3):
                token = await own.get(1)
            assert token.expires_at > world.now()
            assert abs(own.now() - world.now()) < timedelta(minutes=1)
            assert (await own.as_app(Request("GET", "app"))).status == 200

    asyncio.run(story())
    assert world.github.calls[TOKEN] == 2  # the one refused, and the one that holds
    assert world.github.calls["GET /app"] == 1


def test_a_token_that_github_no_longer_takes_is_replaced_once(world: World) -> None:
    key = world.key(world.pull())

    async def story(client: GitHub) -> None:
        await client.gather(key, OPENED, RULES)
        world.github.expire_tokens()
        await client.gather(key, OPENED, RULES)

    world.run(story)
    assert world.github.calls[TOKEN] == 2
    world.github.faults.add(
        Fault("GET */pulls/*", times=None, status=401, message="Bad credentials")
    )
    with pytest.raises(Retry):
        world.run(lambda client: client.gather(key, OPENED, RULES))


def test_a_wrong_app_or_key_is_named(world: World) -> None:
    with pytest.raises(Retry, match="no App 8: check GHAPP_APP_ID and GHAPP_GITHUB_API_URL"):
        world.run(lambda client: client.app(), app_id=8)
    with pytest.raises(Retry, match="by this key: check GHAPP_APP_ID and GHAPP_PRIVATE_KEY"):
        world.run(lambda client: client.app(), private_key=new_private_key())


@pytest.mark.parametrize("key", ["", "-----BEGIN RSA PRIVATE KEY-----\nx", "ssh-rsa AAAA"])
def test_a_key_that_is_none_is_a_wrong_setting(key: str) -> None:
    with pytest.raises(WrongSetting, match="GHAPP_PRIVATE_KEY"):
        GitHub(Endpoint("https://api.github.com"), APP_ID, key)


def test_a_suspended_or_removed_installation_is_gone(world: World) -> None:
    key = world.key(world.pull())
    suspended = Fault(TOKEN, status=403, message="This installation has been suspended")
    world.github.faults.add(suspended)
    with pytest.raises(Gone):
        world.run(lambda client: client.gather(key, OPENED, RULES))
    world.github.uninstall(1)
    with pytest.raises(Gone):
        world.run(lambda client: client.gather(key, OPENED, RULES))


def test_the_slug_tells_the_bots_login(world: World) -> None:
    assert world.run(lambda client: client.app()) == "ghapp"


# --- addresses ------------------------------------------------------------------------------


def test_a_renamed_repository_is_followed_with_the_same_method_on_the_same_host_only() -> None:
    def story(location: str) -> tuple[Answer, list[str]]:
        received = []

        def reply(head: bytes) -> bytes:
            received.append(head.decode().partition(" HTTP")[0])
            if len(received) > 1:
                return replied(b"{}")
            here = f"http://{address(head)}"
            return replied(b"", location.replace("HERE", here), status="307 Temporary Redirect")

        return sent(reply, Request("PATCH", "repos/acme/old")), received

    found, received = story("location: HERE/repositories/1")
    assert (found.status, found.body) == (200, b"{}")
    assert received == ["PATCH /repos/acme/old", "PATCH /repositories/1"]
    found, received = story("location: http://example.com/repositories/1")
    assert (found.status, len(received)) == (307, 1)


def test_where_a_repository_went_is_quoted_where_github_did_not() -> None:
    received = []

    def reply(head: bytes) -> bytes:
        received.append(head.decode().splitlines()[0])
        if len(received) > 1:
            return replied(b"{}")
        location = f"location: http://{address(head)}/repositories/1/contents/a%2Fb c"
        return replied(b"", location, status="301 Moved")

    sent(reply, Request("GET", "repos/acme/old/contents/a%2Fb%20c"))
    assert received[1] == "GET /repositories/1/contents/a%2Fb%20c HTTP/1.1"


def address(head: bytes) -> str:
    (found,) = (line.split()[1] for line in head.splitlines() if line.lower().startswith(b"host:"))
    return found.decode()


@pytest.mark.parametrize(
    ("api_url", "expected"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://api.github.com/", "https://api.github.com/graphql"),
        ("https://ghe.acme.test/api/v3", "https://ghe.acme.test/api/graphql"),
        ("https://ghe.acme.test/api/v3/", "https://ghe.acme.test/api/graphql"),
    ],
)
def test_graphql_lies_beside_the_rest_api(api_url: str, expected: str) -> None:
    assert host(api_url).graphql_url == expected
