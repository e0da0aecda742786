"""Signed deliveries: built when something happens, sent by threads, kept for redelivery.

They can be held back, sent twice, sent in another order, or lost.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from threading import Condition, Thread

from ghapp.emulator.line import Line

BODY_LIMIT = 25 * 1024 * 1024  # a larger payload is not delivered at all


@dataclass(slots=True, eq=False)
class Delivery:
    """One POST to the App. status_code: 0 while it was not tried."""

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
        """Nobody took it."""
        self.status, self.status_code = "failed to connect to host", 502


@dataclass(slots=True)
class Fate:
    """What becomes of the next new deliveries. event: a pattern. copies: 0 where they are lost."""

    event: str
    left: int
    copies: int

    def strikes(self, delivery: Delivery) -> bool:
        names = (delivery.event, f"{delivery.event}.{delivery.action}")
        return self.left > 0 and any(fnmatchcase(name, self.event) for name in names)


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
        key = self.secret.encode()
        return {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": f"GitHub-Hookshot/{delivery.guid[:7]}",
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Hook-ID": str(self.id),
            "X-GitHub-Hook-Installation-Target-ID": str(self.app_id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
            "X-Hub-Signature": "sha1=" + hmac.new(key, delivery.body, hashlib.sha1).hexdigest(),
            "X-Hub-Signature-256": "sha256="
            + hmac.new(key, delivery.body, hashlib.sha256).hexdigest(),
        }


class Deliveries:
    """All deliveries of one App, in the order they came to be."""

    def __init__(self, hook: Hook, ids: Iterator[int], now: Callable[[], datetime]) -> None:
        self.hook = hook
        self.all: list[Delivery] = []
        self._ids = ids
        self._now = now
        self._queue: deque[Delivery] = deque()
        self._under_way = 0
        self._changed = Condition()
        self._threads: list[Thread] = []
        self._closed = False
        self._held: list[Delivery] | None = None
        self._losing = False
        self._fates: list[Fate] = []

    def doom(self, event: str, count: int, copies: int) -> None:
        """The next new deliveries of an event are sent so often."""
        self._fates.append(Fate(event, count, copies))

    def new(
        self,
        event: str,
        action: str | None,
        body: bytes,
        *,
        installation_id: int | None,
        repository_id: int | None,
    ) -> Delivery | None:
        """Queue a delivery; None where it is larger than GitHub sends."""
        if len(body) > BODY_LIMIT:
            return None
        delivery = Delivery(
            next(self._ids), str(uuid.uuid4()), event, action, body,
            installation_id, repository_id, self._now(),
        )  # fmt: skip
        self.all.append(delivery)
        for _ in range(self._copies(delivery)):
            if self._held is not None:
                self._held.append(delivery)
            else:
                self.send(delivery)
        return delivery

    def _copies(self, delivery: Delivery) -> int:
        """How often a new delivery is sent; one that is lost is a failed one at once."""
        fate = next((known for known in self._fates if known.strikes(delivery)), None)
        if fate is None:
            return 1
        fate.left -= 1
        if not fate.copies:
            delivery.fail()
        return fate.copies

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
            next(self._ids), old.guid, old.event, old.action, old.body,
            old.installation_id, old.repository_id, self._now(), redelivery=True,
        )  # fmt: skip
        self.all.append(again)
        self.send(again)
        return again

    @contextmanager
    def held(self) -> Iterator[list[Delivery]]:
        """What happens inside is not sent; the list is the caller's to `send`, drop or shuffle."""
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
            if not self._changed.wait_for(self._idle, timeout_seconds):
                raise TimeoutError(
                    f"{len(self._queue) + self._under_way} deliveries were not answered"
                    f" in {timeout_seconds} seconds"
                )

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or under way."""
        return self._idle()

    def start(self, senders: int) -> None:
        """Send from this many threads; with more than one the order is open, as on GitHub."""
        with self._changed:
            self._start(senders - len(self._threads))

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _idle(self) -> bool:
        return not self._queue and not self._under_way

    def _start(self, count: int) -> None:
        for _ in range(count):
            thread = Thread(target=self._run, name="emulator-deliveries", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        line = Line()
        try:
            while delivery := self._next():
                try:
                    self._post(line, delivery)
                finally:
                    with self._changed:
                        self._under_way -= 1
                        self._changed.notify_all()
        finally:
            line.hang_up()

    def _next(self) -> Delivery | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            if self._closed:
                return None
            self._under_way += 1
            return self._queue.popleft()

    def _post(self, line: Line, delivery: Delivery) -> None:
        began = time.monotonic()
        try:
            status, reason = line.post(self.hook.url, delivery.body, self.hook.headers(delivery))
        except TimeoutError:
            status, reason = 504, "timed out"
        except (OSError, http.client.HTTPException):
            status, reason = 502, "failed to connect to host"
        delivery.duration = round(time.monotonic() - began, 3)
        delivery.status_code = status
        delivery.status = "OK" if 200 <= status < 300 else reason
        delivery.attempts += 1
