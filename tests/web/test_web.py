"""What is answered over real HTTP to deliveries good and bad, and to those who ask for health."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from ghapp.core.model import Delivery, InstallationKey
from ghapp.errors import Busy
from ghapp.github.login import Standing
from ghapp.metrics import Metrics
from ghapp.settings import Settings
from ghapp.store import Store
from ghapp.store.writer import MOST_QUEUED
from ghapp.web.app import SECURITY_HEADERS, application
from ghapp.web.protocol import MOST_HEAD_BYTES, Bounded
from ghapp.web.server import Server, bound
from ghapp.web.webhook import MOST_BYTES, Bodies
from tests.store.stores import health_of
from tests.web.posting import APP_ID, SECRET, encoded, headers, payload

pytestmark = pytest.mark.anyio


@dataclass
class Site:
    """A server over a store, and a client."""

    store: Store
    file: Path
    client: httpx.AsyncClient
    port: int
    standing: Standing = Standing.KNOWN
    claim_failing_seconds: float = 0.0

    async def post(self, body: bytes, **more: Any) -> httpx.Response:
        return await self.client.post("/webhook", content=body, headers=headers(body, **more))

    async def dirty(self) -> int:
        return (await health_of(self.store)).dirty

    async def raw(self, *parts: bytes) -> bytes:
        """All that is answered to these bytes until the connection is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()

    def sql(self, statement: str) -> None:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(statement)


@pytest.fixture
def protocol() -> type[Bounded]:
    return Bounded


@pytest.fixture
def works() -> bool:
    """Whether the process says that it works on keys, too."""
    return False


@pytest.fixture
async def site(tmp_path: Path, protocol: type[Bounded], works: bool) -> AsyncIterator[Site]:
    settings = Settings(app_id=APP_ID, webhook_secrets=(SECRET, "the next secret"))
    file = tmp_path / "ghapp.sqlite3"
    store = await Store.open(f"sqlite:///{file}")
    stop = asyncio.Event()
    with bound("127.0.0.1", 0) as listener:
        async with httpx.AsyncClient(timeout=20) as client:
            made = Site(store, file, client, listener.getsockname()[1])
            site = application(
                settings,
                store,
                lambda: "ghapp[bot]",
                lambda: made.standing,
                metrics=Metrics(),
                claiming=(lambda: made.claim_failing_seconds) if works else None,
            )
            server = Server(site, listener, protocol)
            client.base_url = httpx.URL(server.url)
            running = asyncio.create_task(server.until(stop))
            yield made
        stop.set()
        await running
    await store.close()


async def test_a_delivery_is_stored_before_it_is_answered(site: Site) -> None:
    answer = await site.post(encoded(payload()))
    assert (answer.status_code, answer.json()) == (202, {"outcome": "stored"})
    assert await site.dirty() == 1


async def test_a_delivery_that_comes_twice_counts_once(site: Site) -> None:
    body = encoded(payload())
    head = headers(body)
    answers = [await site.client.post("/webhook", content=body, headers=head) for _ in range(2)]
    assert [answer.json()["outcome"] for answer in answers] == ["stored", "known"]
    assert [answer.status_code for answer in answers] == [202, 202]


async def test_any_of_the_secrets_may_sign(site: Site) -> None:
    answer = await site.post(encoded(payload()), secret="the next secret")
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("event", "value"),
    [
        ("ping", {"zen": "Keep it logically awesome.", "hook_id": 1}),
        ("watch", {"action": "started"}),
        ("an_event_of_tomorrow", {"action": "happened"}),
        ("push", payload(ref="refs/heads/feat", commits=[])),
    ],
)
async def test_what_concerns_nobody_is_taken_and_forgotten(
    site: Site, event: str, value: dict[str, Any]
) -> None:
    answer = await site.post(encoded(value), event=event)
    assert (answer.status_code, answer.json()) == (200, {"outcome": "ignored"})
    health = await health_of(site.store)
    assert (health.dirty, health.newest_delivery_seconds) == (0, None)


async def test_an_unknown_action_is_no_mistake(site: Site) -> None:
    answer = await site.post(encoded(payload(action="renovated")))
    assert answer.status_code in (200, 202)


class TestRefused:
    """Whatever comes in, the sender hears why, nothing is stored and the process goes on."""

    @pytest.fixture(autouse=True)
    async def _nothing_stored_and_alive(self, site: Site) -> AsyncIterator[None]:
        yield
        assert (await health_of(site.store)).newest_delivery_seconds is None
        assert (await site.client.get("/healthz")).status_code == 200

    async def test_forged(self, site: Site) -> None:
        answer = await site.post(encoded(payload()), secret="guessed")
        assert answer.status_code == 401
        assert "X-Hub-Signature-256" in answer.json()["error"]

    async def test_unsigned(self, site: Site) -> None:
        answer = await site.client.post("/webhook", content=encoded(payload()))
        assert answer.status_code == 401
        assert "X-Hub-Signature-256 is missing or malformed: " in answer.json()["error"]

    async def test_changed_on_the_way(self, site: Site) -> None:
        body = encoded(payload())
        changed = body.replace(b"acme/shop", b"acme/shap")
        answer = await site.client.post("/webhook", content=changed, headers=headers(body))
        assert answer.status_code == 401

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not JSON at all",
            b"payload=%7B%7D",
            b"[1, 2]",
            b"\xff\xfe\x00",
            b"null",
            encoded({"action": 7}),
            encoded(payload())[:-20],
            encoded({"action": "opened"}),
            encoded(payload(pull_request={"number": "three"})),
            encoded(payload(repository=None)),
            b"[" * 100_000,
        ],
        ids=lambda body: body[:12].decode("latin-1"),
    )
    async def test_unreadable(self, site: Site, body: bytes) -> None:
        answer = await site.post(body)
        assert answer.status_code == 400
        assert 0 < len(answer.json()["error"]) < 400

    async def test_a_payload_is_not_sent_back(self, site: Site) -> None:
        answer = await site.post(encoded(payload(number="sk-live-a-secret")))
        assert answer.status_code == 400
        assert "sk-live" not in answer.text

    @pytest.mark.parametrize("missing", ["X-GitHub-Delivery", "X-GitHub-Event"])
    async def test_without_a_header(self, site: Site, missing: str) -> None:
        body = encoded(payload())
        rest = {name: value for name, value in headers(body).items() if name != missing}
        answer = await site.client.post("/webhook", content=body, headers=rest)
        assert answer.status_code == 400
        assert missing in answer.json()["error"]

    @pytest.mark.parametrize(
        ("name", "value", "status"),
        [
            ("X-Hub-Signature-256", "sha256=" + "g" * 64, 401),
            ("X-Hub-Signature-256", "sha1=" + "a" * 64, 401),
            ("X-Hub-Signature-256", "sha256=" + "a" * 65, 401),
            ("X-GitHub-Delivery", "1", 400),
            ("X-GitHub-Event", "Pull Request", 400),
        ],
    )
    async def test_by_its_headers_before_its_body_is_read(
        self, site: Site, name: str, value: str, status: int
    ) -> None:
        answer = await site.raw(head(**{name: value, "Content-Length": "100"}))
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert name.encode() in answer
        assert b"connection: close" in answer.lower()

    async def test_announced_too_large(self, site: Site) -> None:
        answer = await site.raw(head(**{"Content-Length": str(MOST_BYTES + 1)}))
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"larger than" in answer

    async def test_too_large_without_saying_so(self, site: Site) -> None:
        chunked = head(**{"Transfer-Encoding": "chunked"})
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        answer = await site.raw(chunked, *[chunk] * (MOST_BYTES // 0x100000), b"1\r\nx\r\n")
        assert answer.startswith(b"HTTP/1.1 413 ")

    async def test_cut_short(self, site: Site) -> None:
        body = encoded(payload())
        _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(head(body, **{"Content-Length": str(len(body))}) + body[:100])
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def test_no_http_at_all(self, site: Site) -> None:
        assert (await site.raw(b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


def head(body: bytes = b"", **more: str) -> bytes:
    """The start of a request that delivers `body`."""
    named = {"Host": "x", **headers(body), **more}
    lines = [f"{name}: {value}" for name, value in named.items()]
    return "\r\n".join(["POST /webhook HTTP/1.1", *lines, "", ""]).encode()


class TestHeads:
    """What comes before the application hears of a request has an end, in bytes and seconds."""

    @pytest.mark.parametrize(
        "begun",
        [
            b"GET /" + b"a" * MOST_HEAD_BYTES,
            b"GET / HTTP/1.1\r\nX-A: " + b"a" * MOST_HEAD_BYTES,
            b"GET / HTTP/1.1\r\n" + b"X-A: 1\r\n" * (MOST_HEAD_BYTES // 8),
        ],
        ids=["address", "header", "headers"],
    )
    async def test_a_head_without_end_is_refused(self, site: Site, begun: bytes) -> None:
        answer = await site.raw(begun[: MOST_HEAD_BYTES + 1])
        assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
        assert (await site.client.get("/healthz")).status_code == 200

    @pytest.mark.parametrize("path", ["POST /webhook", "GET /healthz"])
    @pytest.mark.parametrize("more", [b"X-A: 1\r\n" * 8_000, b"a" * 64_000])
    async def test_nor_does_a_body_end_without_end(
        self, site: Site, path: str, more: bytes
    ) -> None:
        begun = head(**{"Transfer-Encoding": "chunked"}).replace(b"POST /webhook", path.encode())
        end = b"0\r\n" if more.startswith(b"X") else b"5;"  # trailers, an extension of a chunk
        _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(begun + b"1\r\n{\r\n" + end)
        with pytest.raises(ConnectionError):
            await without_end(writer, more)
        writer.close()

    async def test_a_large_body_is_no_large_head(self, site: Site) -> None:
        body = encoded(payload(filling="x" * 1_000_000))
        assert (await site.post(body)).status_code == 202

    async def test_many_requests_on_one_connection(self, site: Site) -> None:
        for _ in range(20):  # their heads together are larger than one may be
            await site.client.get("/healthz", headers={"X-A": "a" * 5000})
        one = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 1000 + b"\r\n"
        answer = await site.raw((one + b"\r\n") * 100 + one + b"Connection: close\r\n\r\n")
        assert answer.count(b"HTTP/1.1 200 OK") == 101


class Hasty(Bounded):
    head_seconds = 0.2


class TestSlow:
    @pytest.fixture
    def protocol(self) -> type[Bounded]:
        return Hasty

    @pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHost:"])
    async def test_a_head_that_does_not_come_is_not_waited_for(
        self, site: Site, begun: bytes
    ) -> None:
        answer = await site.raw(begun)
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")

    async def test_a_second_head_is_not_waited_for_either(self, site: Site) -> None:
        answer = await site.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"HTTP/1.1 408 Request Timeout\r\n" in answer

    async def test_a_slow_body_is_no_slow_head(self, site: Site) -> None:
        body = encoded(payload())
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(head(body, **{"Content-Length": str(len(body))}))
        assert await until_over(reader, 0.5) == b""
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 202 ")
        writer.close()


async def without_end(writer: asyncio.StreamWriter, part: bytes) -> None:
    async with asyncio.timeout(10):
        while True:
            writer.write(part)
            await writer.drain()


async def until_over(reader: asyncio.StreamReader, seconds: float) -> bytes:
    try:
        return await asyncio.wait_for(reader.read(1), seconds)
    except TimeoutError:
        return b""


class TestBusy:
    async def test_bodies_have_room_for_so_many_bytes(self) -> None:
        bodies, large = Bodies(), b"x" * MOST_BYTES
        async with bodies.of(request(large)), bodies.of(request(large)):
            with pytest.raises(Busy):
                async with bodies.of(request(b"x", large[1:])):
                    pass
            async with bodies.of(request(b"small ", b"one")) as body:
                assert body == b"small one"
        async with bodies.of(request(large)) as body:
            assert body == large

    async def test_a_full_queue_asks_to_come_again(self, site: Site) -> None:
        with closing(sqlite3.connect(site.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # nobody can commit meanwhile
            stored = [
                asyncio.create_task(site.store.queue.accept(waiting(n)))
                for n in range(MOST_QUEUED + 257)
            ]
            await asyncio.sleep(0)
            answer = await site.post(encoded(payload()))
            other.execute("ROLLBACK")
        outcomes = await asyncio.gather(*stored, return_exceptions=True)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Connection"] == "close"
        assert "again" in answer.json()["error"]
        assert outcomes.count(True) >= MOST_QUEUED
        assert (await site.post(encoded(payload()))).status_code == 202

    async def test_a_failing_database_asks_to_come_again(self, site: Site) -> None:
        site.sql("DROP TABLE deliveries")
        answer = await site.post(encoded(payload()))
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        assert (await site.client.get("/healthz")).status_code == 200

    async def test_what_was_not_stored_is_found_in_the_log_by_its_id(self, site: Site) -> None:
        site.sql("DROP TABLE deliveries")
        body = encoded(payload())
        head = headers(body)
        with capture_logs() as lines:
            await site.client.post("/webhook", content=body, headers=head)
        (line,) = [line for line in lines if line["event"] == "delivery"]
        assert line["delivery"] == head["X-GitHub-Delivery"]
        assert line["outcome"] == "not stored"
        assert line["github_event"] == "pull_request"
        assert line["reason"]


def request(*chunks: bytes) -> Request:
    """One that has such a body, without a word about its length."""
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def waiting(number: int) -> Delivery:
    key = InstallationKey(number)
    return Delivery(
        id=f"id-{number}", event="installation", action="created", body=b"", keys=(key,)
    )


class TestHealth:
    async def test_a_new_server_is_ready(self, site: Site) -> None:
        answer = await site.client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json() == {
            "status": "ready",
            "newest_delivery_seconds": None,
            "oldest_due_seconds": None,
            "dirty": 0,
            "parked": 0,
            "github": "known",
        }

    async def test_an_app_that_github_does_not_know_is_not_ready(self, site: Site) -> None:
        site.standing = Standing.REFUSED
        answer = await site.client.get("/readyz")
        assert (answer.status_code, answer.json()["github"]) == (503, "refused")
        assert answer.json()["reason"] == (
            "GitHub does not know this App: check GHAPP_APP_ID and GHAPP_PRIVATE_KEY"
        )

    async def test_deliveries_are_taken_while_github_is_away(self, site: Site) -> None:
        site.standing = Standing.UNREACHABLE
        answer = await site.client.get("/readyz")
        assert (answer.status_code, answer.json()["github"]) == (200, "unreachable")

    async def test_ages_are_told(self, site: Site) -> None:
        await site.post(encoded(payload()))
        figures = (await site.client.get("/readyz")).json()
        assert 0 <= figures["newest_delivery_seconds"] < 60
        assert 0 <= figures["oldest_due_seconds"] < 60
        assert figures["dirty"] == 1

    async def test_a_key_that_nobody_works_on_is_no_good_sign(self, site: Site) -> None:
        await site.post(encoded(payload()))
        site.sql("UPDATE keys SET due = due - 601")
        answer = await site.client.get("/readyz")
        assert answer.status_code == 503
        assert "is a worker running?" in answer.json()["reason"]

    async def test_a_failing_database_is_no_good_sign(self, site: Site) -> None:
        site.sql("DROP TABLE keys")
        answer = await site.client.get("/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (503, "the database fails")
        assert (await site.client.get("/healthz")).status_code == 200

    async def test_a_database_that_takes_no_deliveries_is_no_good_sign(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ghapp.web.health.MOST_FAILING_SECONDS", 0.0)
        site.sql(FULL)
        assert (await site.post(encoded(payload()))).status_code == 503
        answer = await site.client.get("/readyz")
        assert answer.status_code == 503
        assert "no delivery could be stored" in answer.json()["reason"]
        assert "is it full" in answer.json()["reason"]
        site.sql("DROP TRIGGER full")
        assert (await site.post(encoded(payload()))).status_code == 202
        assert (await site.client.get("/readyz")).status_code == 200

    async def test_a_short_failure_is_nothing_yet(self, site: Site) -> None:
        site.sql(FULL)
        assert (await site.post(encoded(payload()))).status_code == 503
        assert (await site.client.get("/readyz")).status_code == 200


FULL = """CREATE TRIGGER full BEFORE INSERT ON deliveries
    BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"""


class TestHealthOfAProcessThatWorks:
    @pytest.fixture
    def works(self) -> bool:
        return True

    async def test_it_knows_that_a_worker_runs(self, site: Site) -> None:
        await site.post(encoded(payload()))
        site.sql("UPDATE keys SET due = due - 601")
        answer = await site.client.get("/readyz")
        assert answer.status_code == 503
        assert "runs hang or are too many" in answer.json()["reason"]

    async def test_a_database_that_lets_nothing_be_claimed_is_no_good_sign(
        self, site: Site
    ) -> None:
        site.claim_failing_seconds = 29.0
        assert (await site.client.get("/readyz")).status_code == 200
        site.claim_failing_seconds = 31.0
        answer = await site.client.get("/readyz")
        assert answer.status_code == 503
        assert "no key could be claimed for 31 s" in answer.json()["reason"]


class TestMetrics:
    async def test_are_shown_to_whoever_asks_directly(self, site: Site) -> None:
        await site.post(encoded(payload()))
        answer = await site.client.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'ghapp_deliveries_total{event="pull_request",outcome="stored"} 1.0' in answer.text
        assert "ghapp_queue_dirty_keys 1.0" in answer.text

    @pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
    async def test_are_not_shown_through_a_proxy(self, site: Site, name: str) -> None:
        answer = await site.client.get("/metrics", headers={name: "192.0.2.1"})
        assert answer.status_code == 403
        assert "HOST and PORT" in answer.json()["error"]

    async def test_are_shown_though_the_database_fails(self, site: Site) -> None:
        site.sql("DROP TABLE keys")
        answer = await site.client.get("/metrics")
        assert answer.status_code == 200
        assert "ghapp_database_up 0.0" in answer.text
        assert "ghapp_queue_dirty_keys NaN" in answer.text

    async def test_ask_the_database_once_in_a_while(self, site: Site) -> None:
        before = (await site.client.get("/metrics")).text
        await site.post(encoded(payload()))
        after = (await site.client.get("/metrics")).text
        assert "ghapp_queue_dirty_keys 0.0" in before
        assert "ghapp_queue_dirty_keys 0.0" in after
        assert 'ghapp_deliveries_total{event="pull_request",outcome="stored"} 1.0' in after

    async def test_what_is_not_authentic_cannot_make_up_events(self, site: Site) -> None:
        for event in ("made_up", "another"):
            answer = await site.post(encoded(payload()), event=event, secret="guessed")
            assert answer.status_code == 401
        told = (await site.client.get("/metrics")).text
        assert 'ghapp_deliveries_total{event="unverified",outcome="unsigned"} 2.0' in told
        assert "made_up" not in told


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("POST", "/metrics", 405),
        ("HEAD", "/readyz", 200),
        ("POST", "/webhook", 401),
        ("GET", "/webhook", 405),
        ("DELETE", "/healthz", 405),
        ("GET", "/", 404),
        ("POST", "/webhook/", 404),
        ("GET", "/../../etc/passwd", 404),
    ],
)
async def test_every_answer_is_short_and_safe(
    site: Site, method: str, path: str, status: int
) -> None:
    answer = await site.client.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "server" not in answer.headers
    if status >= 400:
        assert list(answer.json()) == ["error"]
    if status == 405:
        assert answer.headers["Allow"]


async def test_a_bug_is_answered_without_its_details(site: Site) -> None:
    await site.store.close()  # from now on health cannot even be asked for
    answer = await site.client.get("/readyz")
    assert answer.status_code == 500
    assert list(answer.json()) == ["error"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await site.client.get("/healthz")).status_code == 200
