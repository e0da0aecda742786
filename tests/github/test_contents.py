"""Whole new files from GitHub: text where there is any, None where not, and never without bound."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from ghapp.core.model import File, PullKey, Repository
from ghapp.core.scan.new_file import MOST_BLOBS, MOST_BYTES
from ghapp.emulator.faults import Fault, broken, cut, primary_limit, secondary_limit
from ghapp.emulator.git import Entry
from ghapp.emulator.repository import Pull
from ghapp.errors import Retry, Wait
from ghapp.github.client import GitHub
from ghapp.settings import Endpoint
from tests.github.world import APP_ID, World
from tests.support import PRIVATE_KEY

BLOB = "GET /repos/{owner}/{repo}/git/blobs/{sha}"
SAFE = "SET lock_timeout = '5s';\nALTER TABLE orders ADD points INT; -- 注文\n"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def read(world: World, pull: Pull, *names: str) -> Mapping[str, str | None]:
    """Those of the pull's files, as the pull lists them."""
    found = {file.path: file for file in world.gather(pull).pull.files}
    files = tuple(found[name] for name in names) if names else tuple(found.values())
    return world.run(lambda client: client.contents(world.key(pull), files))


def test_the_new_version_is_read_whole(world: World) -> None:
    world.shop.push("main", {"db/2.sql": "old\n" * 50, "gone.sql": "x\n"}, "ann")
    files = {"db/2.sql": "old\n" * 50 + SAFE, "new.sql": SAFE, "gone.sql": None}
    pull = world.pull(files=files)
    assert read(world, pull) == {"db/2.sql": "old\n" * 50 + SAFE, "new.sql": SAFE}
    assert world.github.calls[BLOB] == 2


def test_nothing_is_asked_where_nothing_is_wanted(world: World) -> None:
    pull = world.pull()
    assert world.run(lambda client: client.contents(world.key(pull), ())) == {}
    assert world.github.calls.total() == 0


def test_a_forks_file_is_read_through_the_base_repository(world: World) -> None:
    pull = world.pull(author="eve", fork="eve", branch="fix", files={"db/2.sql": SAFE})
    assert read(world, pull) == {"db/2.sql": SAFE}


def test_equal_files_are_read_once_and_known_ones_not_again(world: World) -> None:
    pull = world.pull(files={"a.sql": SAFE, "b.sql": SAFE, "c.png": "x" * (MOST_BYTES + 1)})
    files = world.gather(pull).pull.files

    async def story(client: GitHub) -> tuple[Mapping[str, str | None], ...]:
        first = await client.contents(world.key(pull), files)
        return first, await client.contents(world.key(pull), files[:1] + files[2:])

    first, again = world.run(story)
    assert first == {"a.sql": SAFE, "b.sql": SAFE, "c.png": None}
    assert again == {"a.sql": SAFE, "c.png": None}
    assert world.github.calls[BLOB] == 2


def test_what_another_repository_may_see_is_not_taken_from_its_reading(world: World) -> None:
    pull = world.pull(files={"a.sql": SAFE})
    other = world.github.repository("acme/other")
    (file,) = world.gather(pull).pull.files

    async def story(client: GitHub) -> Mapping[str, str | None]:
        await client.contents(world.key(pull), (file,))
        return await client.contents(PullKey(Repository(1, other.id, "acme/other"), 1), (file,))

    assert world.run(story) == {"a.sql": None}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", ""),
        ("x" * MOST_BYTES, "x" * MOST_BYTES),
        ("x" * (MOST_BYTES + 1), None),
        ("注" * MOST_BYTES, None),
        (b"\x89PNG\0\1", "\ufffdPNG\1"),
        (b"caf\xe9\n", "caf\ufffd\n"),
        (Entry(b"README.md", "120000"), "README.md"),
        (Entry(b"1" * 40, "160000"), None),
    ],
    ids=["empty", "largest", "too-large", "too-large-in-bytes", "binary", "latin-1", "link",
         "submodule"],
)  # fmt: skip
def test_what_is_no_file_or_too_large_is_none(
    world: World, content: str | bytes | Entry, expected: str | None
) -> None:
    assert read(world, world.pull(files={"file": content})) == {"file": expected}


def test_files_beyond_the_twentieth_are_none_even_where_they_are_known(world: World) -> None:
    pull = world.pull(files={f"f{at:02}.sql": f"-- {at}\n" for at in range(MOST_BLOBS + 2)})
    files = world.gather(pull).pull.files

    async def story(client: GitHub) -> Mapping[str, str | None]:
        await client.contents(world.key(pull), files[MOST_BLOBS:])
        return await client.contents(world.key(pull), files)

    found = world.run(story)
    assert [path for path, text in found.items() if text is None] == ["f20.sql", "f21.sql"]
    assert found["f19.sql"] == "-- 19\n"


@pytest.mark.parametrize("sha", ["", "0" * 40, "no sha/../x", "f" * 64])
def test_a_blob_that_is_not_there_is_none(world: World, sha: str) -> None:
    files = (File("a.sql", "added", sha=sha), File("gone.sql", "removed", sha="0" * 40))
    key = world.key(world.pull())
    assert world.run(lambda client: client.contents(key, files)) == {"a.sql": None}


@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_refusal_is_none_and_not_remembered(world: World, status: int) -> None:
    pull = world.pull(files={"a.sql": SAFE})
    files = world.gather(pull).pull.files
    world.github.faults.add(Fault(BLOB, status=status, message="Resource not accessible"))

    async def story(client: GitHub) -> list[str | None]:
        return [(await client.contents(world.key(pull), files))["a.sql"] for _ in range(2)]

    assert world.run(story) == [None, SAFE]


def test_without_the_permission_everything_is_none() -> None:
    world = World(permissions={"checks": "write", "metadata": "read", "pull_requests": "write"})
    try:
        pull = world.pull(files={"a.sql": SAFE})
        files = (File("a.sql", "added", sha=pull.changes()[0].sha),)
        assert world.run(lambda client: client.contents(world.key(pull), files)) == {"a.sql": None}
    finally:
        world.close()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (secondary_limit(BLOB), Wait),
        (secondary_limit(BLOB, status=429, retry_after=None), Wait),
        (primary_limit(BLOB), Wait),
        (broken(BLOB, times=None), Retry),
        (cut(BLOB, times=None), Retry),
    ],
    ids=["secondary", "429", "primary", "502", "cut"],
)
def test_a_github_that_is_busy_or_down_is_no_answer(
    world: World, fault: Fault, error: type[Exception]
) -> None:
    pull = world.pull(files={"a.sql": SAFE, "b.sql": "x\n"})
    world.gather(pull)
    world.github.faults.add(fault)
    with pytest.raises(error):
        read(world, pull)


def test_a_blob_without_end_is_given_up() -> None:
    class Endless(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            token = b'{"token": "t", "expires_at": "2999-01-01T00:00:00Z"}'
            self.send_response(201)
            self.send_header("content-length", str(len(token)))
            self.end_headers()
            self.wfile.write(token)

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"-- and more\n" * 10_000)
            except ConnectionError:
                ended.append(True)

        def log_message(self, *_: object) -> None:
            pass

    ended: list[bool] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()

        async def story() -> Mapping[str, str | None]:
            url = f"http://127.0.0.1:{server.server_port}"
            async with GitHub(Endpoint(url), APP_ID, PRIVATE_KEY) as client:
                key = PullKey(Repository(1, 1, "acme/shop"), 1)
                return await client.contents(key, (File("a.sql", "added", sha="1" * 40),))

        try:
            assert asyncio.run(story()) == {"a.sql": None}
        finally:
            server.shutdown()
            thread.join()
    assert ended == [True]
