"""`POST /webhook`: a delivery is verified and stored, and only then answered."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ghapp import logs
from ghapp.core.model import Delivery
from ghapp.errors import Busy, Refused, StoreFailed
from ghapp.github.webhook import EVENT, GUID, parse
from ghapp.observer import Observer
from ghapp.store import Store

# GitHub does not deliver larger payloads.
# Source: https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap
MOST_BYTES = 25 * 1024 * 1024
TOO_LARGE = f"the body is larger than {MOST_BYTES} bytes, which GitHub never sends"
# GitHub waits 10 seconds for the answer to a delivery, an Enterprise Server 30.
# Source: https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
READ_SECONDS = 30.0
RETRY_AFTER_SECONDS = 10
# After an error the connection is closed, because the rest of the body is not read.
CLOSE = {"Connection": "close"}
# Headers that every delivery has: name, pattern, and the status and error if it does not match.
REQUIRED_HEADERS = (
    (
        "X-Hub-Signature-256",
        re.compile("sha256=[0-9A-Fa-f]{64}"),
        401,
        "is missing or malformed: set the same secret in GHAPP_WEBHOOK_SECRET and in the App's "
        "settings",
    ),
    ("X-GitHub-Delivery", GUID, 400, "is not a GUID"),
    ("X-GitHub-Event", EVENT, 400, "names no event"),
)
# The outcome of a delivery that is refused, by the status of the answer.
OUTCOMES = {400: "unreadable", 401: "unsigned", 408: "too_slow", 413: "too_large"}

log = logs.logger()


class Storing:
    """For how long no delivery could be stored, by the latest deliveries."""

    forgotten_seconds = 120.0  # after so long without deliveries, a failure says nothing

    def __init__(self) -> None:
        self._failing_since: float | None = None
        self._failed_at = 0.0

    def record(self, *, stored: bool) -> None:
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


@dataclass(frozen=True, slots=True)
class Webhook:
    """The route. secrets: any of them may have signed. bot_login: returns "" until it is known."""

    store: Store
    secrets: tuple[str, ...]
    app_id: int
    bot_login: Callable[[], str]
    observer: Observer = field(default_factory=Observer)
    storing: Storing = field(default_factory=Storing)

    async def receive(self, request: Request) -> Response:
        """202 once stored, 200 if the delivery is of no interest, else an error, nothing stored."""
        started, delivery = time.perf_counter(), None
        try:
            for name, pattern, status, wrong in REQUIRED_HEADERS:
                if not pattern.fullmatch(request.headers.get(name, "")):
                    raise Refused(status, f"{name} {wrong}")
            delivery = parse(
                request.headers,
                await read_body(request),
                secrets=self.secrets,
                app_id=self.app_id,
                bot_login=self.bot_login(),
            )
            outcome = await self._accept(delivery)
        except ClientDisconnect:
            log.info("delivery", outcome="sender left before the end")
            self._count("left", None, started)
            return Response(status_code=400)
        except Refused as refused:
            log.warning("delivery", outcome="refused", status=refused.status, reason=str(refused))
            self._count(OUTCOMES[refused.status], None, started)
            return JSONResponse({"error": str(refused)}, refused.status, CLOSE)
        except (Busy, StoreFailed) as failed:
            log.error("delivery", **_fields(delivery), outcome="not stored", reason=str(failed))
            self._count("not_stored", delivery, started)
            error = "the delivery could not be stored; deliver it again in a while"
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS), **CLOSE}
            return JSONResponse({"error": error}, 503, headers)
        self._count(outcome, delivery, started)
        milliseconds = round((time.perf_counter() - started) * 1000, 1)
        log.info("delivery", **_fields(delivery), outcome=outcome, milliseconds=milliseconds)
        return JSONResponse({"outcome": outcome}, 200 if outcome == "ignored" else 202)

    async def _accept(self, delivery: Delivery) -> str:
        """Store the delivery. The outcome: stored, known (from an earlier attempt) or ignored."""
        concerns = (
            delivery.has_keys,
            delivery.messages,
            delivery.push,
            delivery.left,
            delivery.ended,
            delivery.revoked,
        )
        if not any(concerns) and not delivery.policy_changed:
            return "ignored"
        started = time.perf_counter()
        is_new = await self.store.queue.accept(delivery)
        self.observer.stored(delivery, time.perf_counter() - started)
        return "stored" if is_new else "known"

    def _count(self, outcome: str, delivery: Delivery | None, started: float) -> None:
        if delivery and outcome != "ignored":
            self.storing.record(stored=outcome != "not_stored")
        self.observer.delivered(outcome, delivery, time.perf_counter() - started)


async def read_body(request: Request, seconds: float = READ_SECONDS) -> bytes:
    """The body as sent. Raises Refused as soon as it is too large or too slow."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > MOST_BYTES):
        raise Refused(413, TOO_LARGE)
    body = BytesIO()  # unlike a bytearray it gives its bytes away without a copy
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                if body.tell() + len(chunk) > MOST_BYTES:
                    raise Refused(413, TOO_LARGE)
                body.write(chunk)
    except TimeoutError:
        raise Refused(408, f"the body did not arrive within {seconds:.0f} seconds") from None
    return body.getvalue()


def _fields(delivery: Delivery | None) -> dict[str, object]:
    """A delivery for the log; nothing if it could not be read."""
    if delivery is None:
        return {}
    return {
        "delivery": delivery.id,
        "github_event": delivery.event,
        "action": delivery.action,
        "keys": [str(key) for key in delivery.keys],
    }
