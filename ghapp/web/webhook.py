"""`POST /webhook`: raw bytes -> verified, stored, only then answered. Nothing is worked on here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ghapp.core.model import Delivery
from ghapp.errors import Busy, Refused, StoreFailed
from ghapp.github.delivery import parse
from ghapp.store import Store

# GitHub does not deliver larger payloads.
# Source: https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap
MOST_BYTES = 25 * 1024 * 1024
# GitHub waits 10 seconds for the answer to a delivery, an Enterprise Server 30.
# Source: https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
READ_SECONDS = 30.0
RETRY_AFTER_SECONDS = 10

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Webhook:
    """secrets: any of them may have signed. bot_login: "" while it is not known."""

    store: Store
    secrets: tuple[str, ...]
    app_id: int
    bot_login: Callable[[], str]

    async def receive(self, request: Request) -> Response:
        """202 once stored, 200 where it concerns us not, else what is wrong and nothing stored."""
        started = time.perf_counter()
        try:
            delivery = self._verified(request, await _body(request))
            outcome = await self._accepted(delivery)
        except ClientDisconnect:
            log.info("delivery", outcome="sender left before the end")
            return Response(status_code=400)
        except Refused as refused:
            log.warning("delivery", outcome="refused", status=refused.status, reason=str(refused))
            return _refused(refused)
        except (Busy, StoreFailed) as failed:
            log.error("delivery", outcome="not stored", reason=str(failed))
            return _later()
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

    async def _accepted(self, delivery: Delivery) -> str:
        """stored, known (from an earlier try) or ignored."""
        if not (delivery.keys or delivery.utterances or delivery.push or delivery.policy_changed):
            return "ignored"
        return "stored" if await self.store.accept(delivery) else "known"


async def _body(request: Request) -> bytes:
    """The bytes as sent. Raises Refused as soon as they are too many or too slow."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > MOST_BYTES):
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                if len(body) + len(chunk) > MOST_BYTES:
                    raise _too_large()
                body += chunk
    except TimeoutError:
        raise Refused(408, f"the body did not come within {READ_SECONDS:.0f} seconds") from None
    return bytes(body)


def _too_large() -> Refused:
    return Refused(413, f"the body is larger than {MOST_BYTES} bytes, which GitHub never sends")


def _refused(refused: Refused) -> Response:
    # What is left of a body that we did not read to its end is not waited for.
    unread = {"Connection": "close"} if refused.status in (408, 413) else None
    return JSONResponse({"error": str(refused)}, refused.status, unread)


def _later() -> Response:
    words = "the delivery could not be stored; deliver it again in a while"
    return JSONResponse({"error": words}, 503, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def _told(delivery: Delivery) -> dict[str, object]:
    return {
        "delivery": delivery.id,
        "github_event": delivery.event,
        "action": delivery.action,
        "keys": [str(key) for key in delivery.keys],
    }


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
