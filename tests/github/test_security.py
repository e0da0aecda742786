"""A GitHub, or somebody in its place, whose answers mean harm."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from githubkit import TokenAuthStrategy

from ghapp.core.model import Repository
from ghapp.errors import Retry
from ghapp.github.api import Cache, Installation
from ghapp.github.client import GitHub
from ghapp.github.endpoints import FileRow, newest_run
from ghapp.github.errors import Answer, decoded, refusal
from ghapp.github.host import Request, Tokens
from ghapp.github.rate_limits import Budget
from ghapp.settings import Endpoint
from tests.github.servers import CANARY, SHOP, asked, certified, host, replied, sent, serving
from tests.github.world import APP_ID
from tests.support import PRIVATE_KEY

# --- who it is -----------------------------------------------------------------------------


def test_nothing_is_told_to_a_host_whose_certificate_nobody_vouches_for(tmp_path: Path) -> None:
    secured, file = certified(tmp_path)

    heard: list[bytes] = []

    async def story(ca_file: str) -> None:
        server = serving(lambda _: replied(b"{}"), secured)
        async with server as (url, received), host(url, ca_file=ca_file) as github:
            try:
                await asked(github, Request("GET", "app"), CANARY)
            finally:
                heard.extend(received)

    with pytest.raises(Retry):
        asyncio.run(story(""))
    assert heard == []
    asyncio.run(story(str(file)))
    assert len(heard) == 1


def test_a_token_goes_to_no_other_host_however_it_is_named() -> None:
    """By a redirect, a link to the next page, or an address inside of an answer."""

    async def story() -> tuple[list[bytes], list[bytes]]:
        async with serving(lambda _: replied(b"[]")) as (other, stolen):
            expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
            token = f'{{"token": "{CANARY}", "expires_at": "{expires}"}}'.encode()
            link = f'link: <{other}/repos/acme/shop/pulls?page=2>; rel="last"'

            def reply(asked: bytes) -> bytes:
                if b"access_tokens" in asked:
                    return replied(token, status="201 Created")
                if b"page=2" in asked:
                    return replied(b"", f"location: {other}/x", status="302 Found")
                return replied(f'[{{"number": 1, "url": "{other}/y"}}]'.encode(), link)

            async with (
                serving(reply) as (url, received),
                GitHub(Endpoint(url), APP_ID, PRIVATE_KEY) as github,
            ):
                with pytest.raises(Retry):
                    await github.open_pulls(Repository(1, 2, "acme/shop"))
            port = other.rpartition(":")[2]
            for named in (f"{other}/x", f"//127.0.0.1:{port}/x", f"https://127.0.0.1:{port}/x"):
                async with host(url) as itself:
                    with_token = itself.app.with_auth(TokenAuthStrategy(CANARY))
                    with pytest.raises(Retry, match="no answer"):
                        await itself.answered(SHOP, with_token.arequest("GET", named))
            return received, stolen

    received, stolen = asyncio.run(story())
    assert [CANARY.encode() in one for one in received] == [False, True, True]
    assert stolen == []


# --- what it says --------------------------------------------------------------------------


def causes(error: BaseException) -> str:
    """The words of all that led to it."""
    told, one = [], error.__cause__
    while one:
        told.append(str(one))
        one = one.__cause__ or getattr(one, "exc", None)
    return "; ".join(told)


def test_an_answer_that_unpacks_without_end_is_given_up() -> None:
    bomb = gzip.compress(bytes(200 << 20), 9)
    with pytest.raises(Retry) as retry:
        sent(lambda _: replied(bomb, "content-encoding: gzip"))
    assert "more than" in causes(retry.value)
    with pytest.raises(Retry) as retry:
        sent(lambda _: replied(bomb, "content-encoding: gzip", status="500 Oh"))
    assert "more than" in causes(retry.value)


def test_a_packed_answer_is_unpacked() -> None:
    assert sent(lambda _: replied(gzip.compress(b"{}"), "content-encoding: gzip")).body == b"{}"
    for reply in (  # one that was not asked for, and one that it is not
        replied(b"{}", "content-encoding: br"),
        replied(b"{}", "content-encoding: gzip"),
    ):
        with pytest.raises(Retry):
            sent(lambda _, reply=reply: reply)  # type: ignore[misc]


@pytest.mark.parametrize(
    "body",
    [b"", b"[" * 1_000_000, b'{"a":' * 100_000, b"\xff\xfe", b"null", b'{"filename": 1}', b"1e999"],
)
def test_an_answer_that_is_none_is_asked_for_again(body: bytes) -> None:
    with pytest.raises(Retry):
        decoded(Answer(200, {}, body), list[FileRow], "GET x")
    assert isinstance(refusal(Answer(422, {}, body), "GET x"), Retry)


@pytest.mark.parametrize("body", [CANARY, f'{{"token": "{CANARY}"}}', f'{{"token": ["{CANARY}"]}}'])
def test_a_token_that_cannot_be_read_is_not_repeated(body: str) -> None:
    async def story() -> None:
        reply = replied(body.encode(), status="201 Created")
        async with serving(lambda _: reply) as (url, _), host(url) as github:
            await Tokens(github).get(1)

    with pytest.raises(Retry) as retry:
        asyncio.run(story())
    assert CANARY not in f"{retry.value}{retry.value.__cause__}"


def test_a_check_run_of_another_app_is_none_of_ours_whatever_it_is_called() -> None:
    """Whoever may write on a repository may have an App of theirs write a green one."""
    forged = {
        "id": 99,
        "name": "NFR review",
        "head_sha": "a" * 40,
        "status": "completed",
        "conclusion": "success",
        "external_id": "v1:3:0123456789abcdef",
        "app": {"id": APP_ID + 1},
    }
    ours = {**forged, "id": 7, "conclusion": "neutral", "app": {"id": APP_ID}}
    expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    def reply(asked: bytes) -> bytes:
        if b"access_tokens" in asked:
            return replied(json.dumps({"token": "t", "expires_at": expires}).encode())
        return replied(json.dumps({"check_runs": [forged, ours]}).encode())

    async def story() -> tuple[int, str | None]:
        async with serving(reply) as (url, _), host(url) as github:
            api = Installation(github, Tokens(github), Budget("off"), 1, Cache())
            shop = Repository(1, 2, "acme/shop")
            found = await newest_run(api, shop, "a" * 40, APP_ID)
            assert found
            return found.id, found.conclusion

    assert asyncio.run(story()) == (7, "neutral")
