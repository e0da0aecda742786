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
from ghapp.errors import Gone, Retry, Wait, WrongSetting
from ghapp.github.client import GitHub
from ghapp.settings import Endpoint
from tests.e2e import test_channels, test_lost_messages
from tests.e2e.certificates import Certificates, certificates
from tests.e2e.marks import SIGNED, WAITING, comments, conclusion, marks, reactions
from tests.e2e.stories import lived
from tests.e2e.world import Host, World, command, running

GITHUB = {"enterprise_version": "3.14.2", "rate_limit": 0}
SERVER = Host(base=SERVER_BASE, github=GITHUB)
GRAPHQL = (  # reactions to reviews, and who edited what
    test_channels.test_the_body_of_a_review_can_give_commands,
    test_lost_messages.test_a_lost_comment_is_found_by_a_sweep_and_counts_once,
    test_lost_messages.test_the_body_of_a_lost_review_is_found_by_a_sweep_and_counts_once,
)
FILES = "GET /repos/{owner}/{repo}/pulls/{number}/files"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path, on=SERVER) as made:
        yield made


def test_a_pull_is_reviewed_and_signed_off_and_links_lead_to_its_page(world: World) -> None:
    assert world.settings.github_api_url == f"{world.html_url}/api/v3"
    assert world.settings.github_limits == "off"
    pull = world.open()
    world.settle()
    (body,) = comments(pull)
    assert "dbm-rollback" in body
    assert "/api/v3" not in body
    said = world.say(pull, "/nfr done -- rehearsed")
    world.settle()
    assert (marks(pull), reactions(pull, said)) == (SIGNED, ["+1"])


def test_graphql_is_beside_the_base_of_rest(tmp_path: Path) -> None:
    stories = [story for test in GRAPHQL for story in test.stories.values()]
    assert set(lived(tmp_path, stories, SERVER).values()) == {None}


def test_pages_of_a_list_are_followed_below_the_base(world: World) -> None:
    pull = world.open({f"db/migrate/{number:03}.sql": "DROP TABLE x;\n" for number in range(130)})
    world.settle()
    assert marks(pull) == WAITING
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


def test_there_is_no_api_outside_of_the_base(world: World) -> None:
    async def asked(url: str) -> str:
        github = world.github
        async with GitHub(Endpoint(url), github.app.id, github.private_key) as client:
            return await client.app()

    assert asyncio.run(asked(f"{world.html_url}/api/v3")) == "ghapp"
    for wrong in ("", "/api"):
        with pytest.raises((Gone, Retry, Wait)):
            asyncio.run(asked(f"{world.html_url}{wrong}"))


def test_failed_deliveries_are_redelivered(world: World) -> None:
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

    def test_a_ca_named_in_ssl_cert_file_is_trusted(
        self, secure: World, made: Certificates
    ) -> None:
        assert secure.api_url.startswith("https://localhost:")
        pull = secure.open()
        ended = command(secure, "sweep", SSL_CERT_FILE=made.ca)
        assert ended.exit_code == 0, ended.output
        assert (conclusion(pull), len(comments(pull))) == ("in progress", 1)

    def test_nothing_is_sent_to_a_server_with_an_unknown_ca(self, secure: World) -> None:
        async def asked() -> None:
            github, endpoint = secure.github, Endpoint(secure.api_url)
            async with GitHub(endpoint, github.app.id, github.private_key) as client:
                await client.app()

        with pytest.raises(Wait, match="no answer from GitHub"):
            asyncio.run(asked())
        assert secure.github.calls.total() == 0

    def test_a_file_without_a_ca_is_a_wrong_setting(self, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_text("nothing")

        async def entered(ca_file: str) -> None:
            endpoint = Endpoint("https://x.example/api/v3", ca_file=ca_file)
            async with GitHub(endpoint, 1, new_private_key()):
                pass

        for name in ("ca.pem", "missing.pem"):
            with pytest.raises(WrongSetting, match="SSL_CERT_FILE"):
                asyncio.run(entered(str(tmp_path / name)))
