"""GitHub Enterprise Server: REST below /api/v3, GraphQL beside it, no limits, a CA of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ghapp.bootstrap import swept
from ghapp.core.model import PullKey, Repository
from ghapp.emulator.github import new_private_key
from ghapp.emulator.server import SERVER_BASE
from ghapp.errors import Gone, Retry, WrongSetting
from ghapp.github.client import GitHub
from ghapp.settings import Endpoint
from tests.e2e import test_conversation_channels as channels
from tests.e2e import test_conversation_lost as lost
from tests.e2e.certificates import Certificates, certificates
from tests.e2e.stories import Story, told
from tests.e2e.world import (
    SIGNED,
    WAITING,
    Host,
    World,
    command,
    conclusion,
    ours,
    reactions,
    running,
)
from tests.github.world import PRIVATE_KEY

GITHUB = {"enterprise_version": "3.14.2", "rate_limit": 0, "private_key": PRIVATE_KEY}
SERVER = Host(base=SERVER_BASE, github=GITHUB)
TOLD: tuple[Story, ...] = (  # what goes by GraphQL: reactions to reviews, and who edited what
    channels.the_body_of_a_review_speaks,
    lost.a_comment,
    lost.the_body_of_a_review,
)
FILES = "GET /repos/{owner}/{repo}/pulls/{number}/files"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path, on=SERVER) as made:
        yield made


def test_a_pull_is_reviewed_signed_off_and_its_page_linked(world: World) -> None:
    assert world.settings.github_api_url == f"{world.html_url}/api/v3"
    assert world.settings.github_limits == "off"
    pull = world.open()
    world.settle()
    (body,) = ours(pull)
    assert "dbm-rollback" in body
    assert "/api/v3" not in body
    said = world.say(pull, "/nfr done -- rehearsed")
    world.settle()
    assert (conclusion(pull), pull.labels, reactions(pull, said)) == ("success", SIGNED, ["+1"])


def test_what_goes_by_graphql_goes_beside_the_base(tmp_path: Path) -> None:
    for one, error in told(tmp_path, TOLD, SERVER).items():
        one.verify({one: error})


def test_pages_are_linked_and_read_below_the_base(world: World) -> None:
    pull = world.open({f"db/migrate/{number:03}.sql": "DROP TABLE x;\n" for number in range(130)})
    world.settle()
    assert (conclusion(pull), pull.labels) == ("in progress", WAITING)
    assert world.github.calls[FILES] == 2
    token, _ = world.github.new_token(world.github.installations[1])
    page = httpx.get(
        f"{world.api_url}/repos/acme/shop/pulls/{pull.number}/files?per_page=100",
        headers={"authorization": f"Bearer {token}"},
    )
    assert page.links["next"]["url"].startswith(f"{world.html_url}/api/v3/repos/acme/shop/")


def test_a_renamed_repository_is_followed_below_the_base(world: World) -> None:
    pull = world.open()
    world.settle()
    old = Repository(1, world.repository.id, "acme/shop")
    world.repository.rename("store", "ann")
    world.settle()

    async def read() -> tuple[PullKey, ...]:
        github = world.github
        async with GitHub(Endpoint(world.api_url), github.app.id, github.private_key) as client:
            return await client.open_pulls(old)

    assert asyncio.run(read()) == (PullKey(old, pull.number),)


def test_beside_the_base_there_is_no_api(world: World) -> None:
    async def asked(url: str) -> str:
        github = world.github
        async with GitHub(Endpoint(url), github.app.id, github.private_key) as client:
            return await client.app()

    assert asyncio.run(asked(f"{world.html_url}/api/v3")) == "ghapp"
    for wrong in ("", "/api"):
        with pytest.raises((Gone, Retry)):
            asyncio.run(asked(f"{world.html_url}{wrong}"))


def test_what_failed_meanwhile_is_redelivered(world: World) -> None:
    pull = world.open()
    world.settle()
    world.github.lose_next(1, "issue_comment.created")
    said = world.say(pull, "/nfr done")
    assert swept(world.settings).redelivered == 1
    world.settle()
    assert (conclusion(pull), reactions(pull, said)) == ("success", ["+1"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("ca"))


class TestItsOwnCA:
    @pytest.fixture
    def secure(self, tmp_path: Path, made: Certificates) -> Iterator[World]:
        on = Host(SERVER_BASE, (made.chain, made.key), GITHUB)
        world = World(tmp_path / "data", on=on)
        yield world
        world.close()

    def test_named_in_ssl_cert_file_it_is_trusted(self, secure: World, made: Certificates) -> None:
        assert secure.api_url.startswith("https://localhost:")
        pull = secure.open()
        ended = command(secure, "sweep", SSL_CERT_FILE=made.ca)
        assert ended.exit_code == 0, ended.output
        assert (conclusion(pull), len(ours(pull))) == ("in progress", 1)

    def test_else_nothing_is_said_to_it(self, secure: World) -> None:
        async def asked() -> None:
            github, endpoint = secure.github, Endpoint(secure.api_url)
            async with GitHub(endpoint, github.app.id, github.private_key) as client:
                await client.app()

        with pytest.raises(Retry, match="no answer from GitHub"):
            asyncio.run(asked())
        assert secure.github.calls.total() == 0

    def test_a_file_that_holds_none_is_a_wrong_setting(self, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_text("nothing")

        async def entered(ca_file: str) -> None:
            endpoint = Endpoint("https://x.example/api/v3", ca_file=ca_file)
            async with GitHub(endpoint, 1, new_private_key()):
                pass

        for name in ("ca.pem", "missing.pem"):
            with pytest.raises(WrongSetting, match="SSL_CERT_FILE"):
                asyncio.run(entered(str(tmp_path / name)))
