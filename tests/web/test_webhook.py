"""Deliveries good and bad over real HTTP: what is stored and what is answered."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message
from structlog.testing import capture_logs

from ghapp.core.model import Delivery, InstallationKey
from ghapp.errors import Refused
from ghapp.store.writer import MOST_QUEUED
from ghapp.web.webhook import MOST_BYTES, read_body
from tests.store.stores import health_of
from tests.web.posting import encoded, headers, payload
from tests.web.site import Site, head

pytestmark = pytest.mark.anyio


async def test_delivery_is_stored_before_the_answer(site: Site) -> None:
    answer = await site.post(encoded(payload()))
    assert (answer.status_code, answer.json()) == (202, {"outcome": "stored"})
    assert await site.dirty() == 1


async def test_delivery_sent_twice_is_stored_once(site: Site) -> None:
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
async def test_irrelevant_delivery_is_ignored(
    site: Site, event: str, value: dict[str, Any]
) -> None:
    answer = await site.post(encoded(value), event=event)
    assert (answer.status_code, answer.json()) == (200, {"outcome": "ignored"})
    health = await health_of(site.store)
    assert (health.dirty, health.newest_delivery_seconds) == (0, None)


async def test_unknown_action_is_accepted(site: Site) -> None:
    answer = await site.post(encoded(payload(action="renovated")))
    assert answer.status_code in (200, 202)


class TestRefused:
    """The answer has the reason, nothing is stored and the process goes on."""

    @pytest.fixture(autouse=True)
    async def _nothing_stored_and_alive(self, site: Site) -> AsyncIterator[None]:
        yield
        assert (await health_of(site.store)).newest_delivery_seconds is None
        assert (await site.client.get("/healthz")).status_code == 200

    async def test_wrong_secret(self, site: Site) -> None:
        answer = await site.post(encoded(payload()), secret="guessed")
        assert answer.status_code == 401
        assert "X-Hub-Signature-256" in answer.json()["error"]

    async def test_missing_signature(self, site: Site) -> None:
        answer = await site.client.post("/webhook", content=encoded(payload()))
        assert answer.status_code == 401
        assert "X-Hub-Signature-256 is missing or malformed: " in answer.json()["error"]

    async def test_changed_body(self, site: Site) -> None:
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
    async def test_unreadable_body(self, site: Site, body: bytes) -> None:
        answer = await site.post(body)
        assert answer.status_code == 400
        assert 0 < len(answer.json()["error"]) < 400

    async def test_error_does_not_repeat_the_payload(self, site: Site) -> None:
        answer = await site.post(encoded(payload(number="sk-live-a-secret")))
        assert answer.status_code == 400
        assert "sk-live" not in answer.text

    @pytest.mark.parametrize("missing", ["X-GitHub-Delivery", "X-GitHub-Event"])
    async def test_missing_header(self, site: Site, missing: str) -> None:
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
    async def test_malformed_header_is_refused_before_the_body_is_read(
        self, site: Site, name: str, value: str, status: int
    ) -> None:
        answer = await site.raw(head(**{name: value, "Content-Length": "100"}))
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert name.encode() in answer
        assert b"connection: close" in answer.lower()

    async def test_declared_length_too_large(self, site: Site) -> None:
        answer = await site.raw(head(**{"Content-Length": str(MOST_BYTES + 1)}))
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"larger than" in answer

    async def test_chunked_body_too_large(self, site: Site) -> None:
        chunked = head(**{"Transfer-Encoding": "chunked"})
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        answer = await site.raw(chunked, *[chunk] * (MOST_BYTES // 0x100000), b"1\r\nx\r\n")
        assert answer.startswith(b"HTTP/1.1 413 ")

    async def test_connection_cut_in_the_body(self, site: Site) -> None:
        body = encoded(payload())
        _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(head(body, **{"Content-Length": str(len(body))}) + body[:100])
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def test_not_http(self, site: Site) -> None:
        assert (await site.raw(b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


class TestNotStored:
    async def test_full_queue_is_answered_503(self, site: Site) -> None:
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

    async def test_failing_database_is_answered_503(self, site: Site) -> None:
        site.sql("DROP TABLE deliveries")
        answer = await site.post(encoded(payload()))
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        assert (await site.client.get("/healthz")).status_code == 200

    async def test_log_has_the_id_of_a_delivery_that_was_not_stored(self, site: Site) -> None:
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


class TestBody:
    async def test_body_is_read_in_full(self) -> None:
        large = b"x" * (MOST_BYTES - 1)
        assert await read_body(request(large, b"y")) == large + b"y"

    async def test_endless_body_is_refused_once_it_is_too_large(self) -> None:
        with pytest.raises(Refused) as refused:
            await read_body(request(b"x" * MOST_BYTES, b"y"))
        assert refused.value.status == 413

    async def test_slow_body_is_refused(self) -> None:
        async def receive() -> Message:
            await asyncio.sleep(0.01)
            return {"type": "http.request", "body": b"x", "more_body": True}

        with pytest.raises(Refused) as refused:
            await read_body(Request({"type": "http", "headers": []}, receive), seconds=0.05)
        assert refused.value.status == 408


def request(*chunks: bytes) -> Request:
    """A request with that body and without a declared length."""
    left = list(chunks)

    async def receive() -> Message:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def waiting(number: int) -> Delivery:
    key = InstallationKey(number)
    return Delivery(
        id=f"id-{number}", event="installation", action="created", body=b"", keys=(key,)
    )
