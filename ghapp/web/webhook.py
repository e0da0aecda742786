"""`POST /webhook`: raw bytes -> verified, stored, only then answered. Nothing is worked on here."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Protocol

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ghapp import logs
from ghapp.core.model import Delivery
from ghapp.errors import Busy, Refused, StoreFailed
from ghapp.github.webhook import EVENT, GUID, parse
from ghapp.store import Store

RETRY_AFTER_SECONDS = 10
# What may be left of a body is not waited for.
UNREAD = {"Connection": "close"}
SHAPES = (  # header, what it looks like, else the status and what is wrong
    (
        "X-Hub-Signature-256",
        re.compile("sha256=[0-9A-Fa-f]{64}"),
        401,
        "is missing or malformed: set the same secret in GHAPP_WEBHOOK_SECRET and in the App's "
        "settings",
    ),
    ("X-GitHub-Delivery", GUID, 400, "is no GUID"),
    ("X-GitHub-Event", EVENT, 400, "names no event"),
)

# What became of a delivery that is not taken, by the status of its answer.
OUTCOMES = {400: "unreadable", 401: "unsigned", 408: "too_slow", 413: "too_large"}

log = logs.logger()


class Watch(Protocol):
    """Hears of each delivery. delivery: None where it is not authentic or not readable."""

    def delivered(self, outcome: str, delivery: Delivery | None, seconds: float) -> None: ...


class Unwatched:
    """Nobody counts."""

    def delivered(self, outcome: str, delivery: Delivery | None, seconds: float) -> None:
        pass


class Storing:
    """For how long no delivery could be stored. The newest try decides, while it is new."""

    forgotten_seconds = 120.0  # without deliveries nobody knows

    def __init__(self) -> None:
        self._failing_since: float | None = None
        self._failed_at = 0.0

    def told(self, *, stored: bool) -> None:
        now = time.monotonic()
        if stored or now - self._failed_at > self.forgotten_seconds:
            self._failing_since = None
        if not stored:
            self._failed_at = now
            self._failing_since = now if self._failing_since is None else self._failing_since

    def failing_seconds(self) -> float:
        now = time.monotonic()
        if self._failing_since is None or now - self._failed_at > self.forgotten_seconds:
            return 0.0
        return now - self._failing_since


# GitHub does not deliver larger payloads.
# Source: https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap
MOST_BYTES = 25 * 1024 * 1024
# Of all bodies that are being read or stored.
MOST_UNDER_WAY_BYTES = 64 * 1024 * 1024
# GitHub waits 10 seconds for the answer to a delivery, an Enterprise Server 30.
# Source: https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
READ_SECONDS = 30.0


class Bodies:
    """Counts what has come, not what was announced: else announcing alone could fill it."""

    read_seconds = READ_SECONDS

    def __init__(self) -> None:
        self._under_way_bytes = 0

    @asynccontextmanager
    async def of(self, request: Request) -> AsyncIterator[bytes]:
        """The body as sent; counted as under way while inside.

        Raises Refused as soon as it is too large or too slow, Busy where there is no room.
        """
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and (len(declared) > 18 or int(declared) > MOST_BYTES):
            raise _too_large()
        body = BytesIO()  # unlike a bytearray it gives its bytes away without a copy
        try:
            await self._read(request, body)
            yield body.getvalue()
        finally:
            self._under_way_bytes -= body.tell()

    async def _read(self, request: Request, body: BytesIO) -> None:
        try:
            async with asyncio.timeout(self.read_seconds):
                async for chunk in request.stream():
                    if body.tell() + len(chunk) > MOST_BYTES:
                        raise _too_large()
                    if self._under_way_bytes + len(chunk) > MOST_UNDER_WAY_BYTES:
                        raise Busy(f"bodies of {self._under_way_bytes} bytes are under way")
                    self._under_way_bytes += body.write(chunk)
        except TimeoutError:
            text = f"the body did not come within {self.read_seconds:.0f} seconds"
            raise Refused(408, text) from None


def _too_large() -> Refused:
    return Refused(413, f"the body is larger than {MOST_BYTES} bytes, which GitHub never sends")


@dataclass(frozen=True, slots=True)
class Webhook:
    """secrets: any of them may have signed. bot_login: "" while it is not known."""

    store: Store
    secrets: tuple[str, ...]
    app_id: int
    bot_login: Callable[[], str]
    watch: Watch = field(default_factory=Unwatched)
    bodies: Bodies = field(default_factory=Bodies)
    storing: Storing = field(default_factory=Storing)

    async def receive(self, request: Request) -> Response:
        """202 once stored, 200 where it concerns us not, else what is wrong and nothing stored."""
        started, delivery = time.perf_counter(), None
        try:
            _check_shape(request.headers)
            async with self.bodies.of(request) as body:
                delivery = self._verified(request, body)
                outcome = await self._accepted(delivery)
        except ClientDisconnect:
            log.info("delivery", outcome="sender left before the end")
            self._counted("left", None, started)
            return Response(status_code=400)
        except Refused as refused:
            log.warning("delivery", outcome="refused", status=refused.status, reason=str(refused))
            self._counted(OUTCOMES[refused.status], None, started)
            return _refused(refused)
        except (Busy, StoreFailed) as failed:
            log.error("delivery", **_told(delivery), outcome="not stored", reason=str(failed))
            self._counted("not_stored", delivery, started)
            return _later()
        self._counted(outcome, delivery, started)
        log.info("delivery", **_told(delivery), outcome=outcome, milliseconds=_since(started))
        return JSONResponse({"outcome": outcome}, 200 if outcome == "ignored" else 202)

    def _verified(self, request: Request, body: bytes) -> Delivery:
        return parse(
            request.headers,
            body,
            secrets=self.secrets,
            app_id=self.app_id,
            bot_login=self.bot_login(),
        )

    def _counted(self, outcome: str, delivery: Delivery | None, started: float) -> None:
        if delivery and outcome != "ignored":
            self.storing.told(stored=outcome != "not_stored")
        self.watch.delivered(outcome, delivery, time.perf_counter() - started)

    async def _accepted(self, delivery: Delivery) -> str:
        """stored, known (from an earlier try) or ignored."""
        concerns = (
            delivery.keys,
            delivery.messages,
            delivery.push,
            delivery.left,
            delivery.ended,
        )
        if not any(concerns) and not delivery.policy_changed:
            return "ignored"
        return "stored" if await self.store.queue.accept(delivery) else "known"


def _check_shape(headers: Headers) -> None:
    """Raises Refused where no delivery of GitHub has such headers: then no body is read."""
    for name, shape, status, wrong in SHAPES:
        if not shape.fullmatch(headers.get(name, "")):
            raise Refused(status, f"{name} {wrong}")


def _refused(refused: Refused) -> Response:
    return JSONResponse({"error": str(refused)}, refused.status, UNREAD)


def _later() -> Response:
    words = "the delivery could not be stored; deliver it again in a while"
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS), **UNREAD}
    return JSONResponse({"error": words}, 503, headers)


def _told(delivery: Delivery | None) -> dict[str, object]:
    """Nothing of one that there was no room to read."""
    if delivery is None:
        return {}
    return {
        "delivery": delivery.id,
        "github_event": delivery.event,
        "action": delivery.action,
        "keys": [str(key) for key in delivery.keys],
    }


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
