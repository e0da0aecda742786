"""What is posted at once: waivers, long holds, parked reviews, unreadable policies.

Each is posted once, in at most five messages a day. The last of them lists all that is left, and so
does the next stand-up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from hashlib import sha256

from ghapp import logs
from ghapp.core.i18n import Words
from ghapp.core.model import Repository
from ghapp.core.policy.policy import Rules, effective
from ghapp.core.records import PolicySource
from ghapp.core.text.digest import MOST_LINES, Digest, Line, Part
from ghapp.core.text.places import Place
from ghapp.core.text.turns import age, waited, why
from ghapp.errors import Busy, StoreFailed
from ghapp.store import Store, pages, policies, posts, stats
from ghapp.store.pages import Narrowed, Queue, Waiver
from ghapp.worker.digest import Audience, Sender, audiences, whereabouts
from ghapp.worker.schedule import in_turn

TURN, KIND = "alerts", "alert"
FIRST_SECONDS = 30.0
MOST_A_DAY = 5
RECENT = timedelta(days=1)  # what is older is no news

log = logs.logger()


@dataclass(frozen=True, slots=True)
class Alert:
    """what: what happened, always in the same words. line: to what it happened."""

    what: str
    line: Line

    @property
    def id(self) -> str:
        """A digest of it, which names no repository."""
        return f"{KIND}:{sha256(self.what.encode()).hexdigest()[:32]}"


class Alerts:
    """Sends them to the channels that get digests."""

    def __init__(
        self, store: Store, sender: Sender, webhooks: frozenset[str], rules: Rules, place: Place
    ) -> None:
        self._store, self._sender, self._webhooks = store, sender, webhooks
        self._rules, self._place = rules, place

    async def run(self, first_seconds: float = FIRST_SECONDS) -> None:
        """Look every few minutes, for ever; all processes take turns."""

        def failed(error: Busy | StoreFailed) -> None:
            log.error("cannot send alerts", reason=str(error))

        await in_turn(self._store, TURN, self.look, failed, first_seconds)

    async def look(self) -> None:
        """Send what is new. Raises Busy and StoreFailed."""
        if not self._webhooks:
            return
        read, zone = self._store.records.read, self._place.zone
        now, known = await read(stats.now), await read(policies.of_all)
        found, unreadable = await asyncio.to_thread(self._named, known)
        for audience in found:
            if audience.target.kind != "slack":
                continue
            team, seen = audience.target.team, frozenset(one.id for one in audience.repositories)
            queue = await read(pages.queue, seen, Narrowed(team=team), zone)
            waivers = () if team else await read(pages.waivers, seen, now - RECENT)
            words = Words(audience.language)
            alerts = [*_happened(queue, waivers, self._place, words)]
            if not team:
                alerts += _unreadable(audience, unreadable, self._place, words)
            await self._send(audience, alerts, now)

    def _named(
        self, known: Mapping[Repository, PolicySource]
    ) -> tuple[tuple[Audience, ...], frozenset[int]]:
        """The audiences, and the ids of repositories whose policy cannot be read."""
        return audiences(known, self._rules, self._webhooks), frozenset(
            repository.id
            for repository, source in known.items()
            if effective(source, self._rules).standing == "unreadable"
        )

    async def _send(self, audience: Audience, alerts: Sequence[Alert], now: datetime) -> None:
        """Those that are new: one message each, the last of a day for all that are left."""
        read, write, to = self._store.records.read, self._store.records.write, audience.target.id
        settled = await read(posts.settled, to, [one.id for one in alerts])
        new = [one for one in alerts if one.id not in settled]
        today = datetime.combine(now.astimezone(self._place.zone).date(), time(), self._place.zone)
        left = MOST_A_DAY - await read(posts.sent_since, to, KIND, today)
        while new:
            count = 1 if left > 1 or len(new) == 1 else len(new)
            first, new = new[:count], new[count:]
            mine = [one for one in first if await write(posts.claim, to, one.id) == posts.CLAIMED]
            if mine and left > 0:
                digest = self._digest(mine, Words(audience.language))
                if not await self._sender.sent(audience, [one.id for one in mine], digest):
                    return
            for place, one in enumerate(mine):
                await write(posts.done, to, one.id, "folded" if place or left <= 0 else "sent")
            left -= bool(mine)

    def _digest(self, alerts: Sequence[Alert], words: Words) -> Digest:
        lines = tuple(one.line for one in alerts[:MOST_LINES])
        part = Part(words("alert_title"), lines, len(alerts))
        queue = self._place.base_url and f"{self._place.base_url}/?lang={words.language}"
        return Digest(words("alert_heading"), (), (part,), queue=queue)


def _happened(
    queue: Queue, waivers: Sequence[Waiver], place: Place, words: Words
) -> Iterator[Alert]:
    for one in waivers:
        entry, number = one.entry, one.number
        yield Alert(
            f"waived:{one.key}:{entry.id}",
            Line(
                f"{one.full_name}#{number}",
                place.pull(one.full_name, number),
                words("alert_waived", who=entry.speaker),
                (entry.subject, entry.note),
            ),
        )
    for held in queue.turns.get("hold", (0, ()))[1]:
        passed, day = waited(held.since, queue.now, held.overview.hours, place.zone)
        if passed > day and held.overview.holds:  # a release freeze ends by itself
            yield Alert(
                f"hold:{held.full_name}:{held.number}:{held.since.timestamp():.0f}",
                Line(
                    f"{held.full_name}#{held.number}",
                    place.pull(held.full_name, held.number),
                    words("alert_hold", waited=age((passed, day), words)),
                    (held.overview.title, why("hold", held.overview, words)),
                ),
            )
    for parked in queue.parked[1]:
        name, address = whereabouts(parked, place)
        yield Alert(
            f"parked:{name}:{parked.since.timestamp():.0f}",
            Line(
                name,
                address,
                words("page_parked", error=parked.error),
            ),
        )


def _unreadable(
    audience: Audience, unreadable: frozenset[int], place: Place, words: Words
) -> Iterator[Alert]:
    """Said once in a while for as long as the same policy stays so: rows of `posts` are pruned."""
    for one in audience.repositories:
        if one.id in unreadable:
            address = place.repository(one.full_name)
            line = Line(one.full_name, address, words("alert_unreadable"))
            yield Alert(f"policy:{one.id}", line)
