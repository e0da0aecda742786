"""Signed deliveries: built when something happens, sent by threads, kept for redelivery.

They can be held back, sent twice, sent in another order, or lost.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from threading import Condition, Thread

import httpx

BODY_LIMIT = 25 * 1024 * 1024  # a larger payload is not delivered at all
TIMEOUT_SECONDS = 10.0  # https://docs.github.com/webhooks: the receiver has 10 seconds


@dataclass(slots=True, eq=False)
class Delivery:
    """One POST to the App. status_code: 0 until it was tried."""

    id: int
    guid: str
    event: str
    action: str | None
    body: bytes
    installation_id: int | None
    repository_id: int | None
    delivered_at: datetime
    redelivery: bool = False
    duration: float = 0.0
    status: str = "pending"
    status_code: int = 0
    attempts: int = 0

    def fail(self) -> None:
        """It did not arrive."""
        self.status, self.status_code = "failed to connect to host", 502


@dataclass(slots=True)
class Copies:
    """How often the next new deliveries of an event are sent: 0 loses them, 2 doubles them.

    event: a pattern over "event" and "event.action". left: how many more deliveries.
    """

    event: str
    left: int
    copies: int


@dataclass(slots=True)
class Hook:
    """Where the App listens and how its deliveries are signed."""

    id: int
    app_id: int
    url: str
    secret: str
    content_type: str = "json"
    insecure_ssl: str = "0"

    def headers(self, delivery: Delivery) -> dict[str, str]:
        """What GitHub sends beside the body.

        Source: https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
        """
        key, body = self.secret.encode(), delivery.body
        return {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": f"GitHub-Hookshot/{delivery.guid[:7]}",
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Hook-ID": str(self.id),
            "X-GitHub-Hook-Installation-Target-ID": str(self.app_id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
            "X-Hub-Signature": "sha1=" + hmac.new(key, body, hashlib.sha1).hexdigest(),
            "X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest(),
        }


class Deliveries:
    """All deliveries of one App, in the order they came to be."""

    def __init__(self, hook: Hook, new_id: Callable[[], int], now: Callable[[], datetime]) -> None:
        self.hook = hook
        self.all: list[Delivery] = []
        self._new_id = new_id
        self._now = now
        self._queue: deque[Delivery] = deque()
        self._in_progress = 0
        self._changed = Condition()
        self._threads: list[Thread] = []
        self._closed = False
        self._held: list[Delivery] | None = None
        self._losing = False
        self._copies: list[Copies] = []

    def copy_next(self, event: str, count: int, copies: int) -> None:
        """Send the next new deliveries of an event so often."""
        self._copies.append(Copies(event, count, copies))

    def new(
        self,
        event: str,
        action: str | None,
        body: bytes,
        *,
        installation_id: int | None,
        repository_id: int | None,
    ) -> None:
        """Queue a delivery, unless it is larger than GitHub sends."""
        if len(body) > BODY_LIMIT:
            return
        delivery = Delivery(
            self._new_id(), str(uuid.uuid4()), event, action, body,
            installation_id, repository_id, self._now(),
        )  # fmt: skip
        self.all.append(delivery)
        copies = 1
        for known in self._copies:
            names = (event, f"{event}.{action}")
            if known.left and any(fnmatchcase(name, known.event) for name in names):
                known.left, copies = known.left - 1, known.copies
                break
        if not copies:
            delivery.fail()
        for _ in range(copies):
            if self._held is not None:
                self._held.append(delivery)
            else:
                self.send(delivery)

    def send(self, delivery: Delivery) -> None:
        """Queue it (again, with the same GUID, as a doubled delivery would come)."""
        if self._losing or not self.hook.url:
            delivery.fail()
            return
        with self._changed:
            self._queue.append(delivery)
            if not self._threads:
                self._start(1)
            self._changed.notify()

    def redeliver(self, delivery_id: int) -> Delivery:
        """A new attempt with the same GUID and body. Raises KeyError (no such delivery)."""
        old = next((known for known in self.all if known.id == delivery_id), None)
        if old is None:
            raise KeyError(delivery_id)
        again = Delivery(
            self._new_id(), old.guid, old.event, old.action, old.body,
            old.installation_id, old.repository_id, self._now(), redelivery=True,
        )  # fmt: skip
        self.all.append(again)
        self.send(again)
        return again

    @contextmanager
    def held(self) -> Iterator[list[Delivery]]:
        """Hold back what happens inside; the list is the caller's to `send`, drop or shuffle."""
        held: list[Delivery] = []
        self._held = held
        try:
            yield held
        finally:
            self._held = None

    @contextmanager
    def lost(self) -> Iterator[None]:
        """What is sent inside does not arrive: GitHub records a failed delivery."""
        self._losing = True
        try:
            yield
        finally:
            self._losing = False

    def settle(self, timeout_seconds: float) -> None:
        """Wait until every queued delivery was answered. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.idle, timeout_seconds):
                raise TimeoutError(
                    f"{len(self._queue) + self._in_progress} deliveries were not answered"
                    f" in {timeout_seconds} seconds"
                )

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or being sent."""
        return not self._queue and not self._in_progress

    def start(self, senders: int) -> None:
        """Send from this many threads; with more than one the order is open, as on GitHub."""
        with self._changed:
            self._start(senders - len(self._threads))

    def _start(self, count: int) -> None:
        for _ in range(count):
            thread = Thread(target=self._run, name="emulator-deliveries", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._queue or self._closed)
                    if self._closed:
                        return
                    self._in_progress += 1
                    delivery = self._queue.popleft()
                try:
                    self._post(client, delivery)
                finally:
                    with self._changed:
                        self._in_progress -= 1
                        self._changed.notify_all()

    def _post(self, client: httpx.Client, delivery: Delivery) -> None:
        began, headers = time.monotonic(), self.hook.headers(delivery)
        try:
            answer = client.post(self.hook.url, content=delivery.body, headers=headers)
            status, reason = answer.status_code, answer.reason_phrase
        except httpx.TimeoutException:
            status, reason = 504, "timed out"
        except httpx.HTTPError:
            status, reason = 502, "failed to connect to host"
        delivery.duration = round(time.monotonic() - began, 3)
        delivery.status_code = status
        delivery.status = "OK" if 200 <= status < 300 else reason
        delivery.attempts += 1
