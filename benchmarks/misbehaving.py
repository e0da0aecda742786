"""Reviews under a GitHub that misbehaves: whether anything is lost, or done twice.

uv run python -m benchmarks.misbehaving [--pulls 30] [--seed 1] [--errors 0.10]

An emulator GitHub over HTTP, and the store, the client and the worker of a ghapp in this process.
Waits that GitHub or our own backoff ask for are asserted elsewhere and cut short here.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from benchmarks.clock import Clock
from benchmarks.temporary import temporary
from ghapp import builtin_packs, logs
from ghapp.core.model import PullKey
from ghapp.core.model import Repository as Known
from ghapp.emulator import faults
from ghapp.emulator.faults import Fault
from ghapp.emulator.github import Emulator
from ghapp.emulator.repository import Pull, Repository
from ghapp.emulator.server import EmulatorServer
from ghapp.github.client import GitHub
from ghapp.github.webhook import parse
from ghapp.settings import Endpoint
from ghapp.store import Store, stats
from ghapp.store.history import recall
from ghapp.store.notify import announce
from ghapp.store.work_queue import marking
from ghapp.worker.worker import CONCURRENCY, Worker

SECRET = "a secret of this benchmark"
POLICY = "version: 1\nmode: enforce\nreviewers: {teams: [sre]}\n"
RISKY = "ALTER TABLE orders ADD COLUMN points INT;\nCREATE INDEX i ON orders (points);\n"
MIGRATION, ITEM = "db/migrate/20260401_add_points.sql", "dbm-query-plan"
WAITING, SIGNED = {"nfr: needs sign-off"}, {"nfr: signed off"}


class Scene:
    """One GitHub and one ghapp. parked: how often a key failed too often and was given a chance."""

    def __init__(self, github: Emulator, clock: Clock, store: Store, file: Path) -> None:
        self.github, self.clock, self.store = github, clock, store
        self.parked = 0
        self._file = file
        self._delivered = 0

    def shop(self, name: str, *, owner: str = "acme", installation_id: int = 1) -> Repository:
        """A repository: Ann and Bob write, Sam and Sue are its reviewers, Eve reads."""
        self.github.team(owner, "sre", members=["sam", "sue"])
        files = {".github/nfr.yml": POLICY, "db/schema.sql": ""}
        made = self.github.repository(f"{owner}/{name}", files, installation_id=installation_id)
        for login in ("ann", "bob", "sam", "sue"):
            made.collaborator(login, "write")
        made.collaborator("eve", "read")
        return made

    def spoil(self, shop: Repository, *bad: Fault) -> tuple[Fault, ...]:
        """These strike there alone; as they do, they count down."""
        within = tuple(replace(one, within=shop.full_name) for one in bad)
        self.github.faults.add(*within)
        return within

    def key(self, pull: Pull) -> PullKey:
        shop = pull.repository
        assert shop.installation
        return PullKey(Known(shop.installation.id, shop.id, shop.full_name), pull.number)

    async def deliver(self) -> None:
        """All that GitHub has told since, as its deliveries would bring it."""
        waiting = self.github.deliveries.all[self._delivered :]
        self._delivered += len(waiting)
        for one in waiting:
            headers, body = self.github.signed(one)
            read = parse(headers, body, secrets=(SECRET,), app_id=self.github.app.id)
            await self.store.queue.accept(read)

    async def settle(self, *, patience_seconds: float = 60.0, hurried: bool = True) -> None:
        """Until nothing is left to be done. hurried: what waits need not. Raises TimeoutError."""
        async with asyncio.timeout(patience_seconds):
            while True:
                await self.deliver()
                health = await self.store.records.read(stats.health)
                if not health.dirty and not health.parked:
                    break
                if hurried:
                    await self.hurry()
                await asyncio.sleep(0.03)
        self.clock.forward(3)

    async def hurry(self, *, revives: bool = True) -> None:
        """What was put off is due now. revives: what was parked is tried again, too."""
        if revives:
            self.parked += await self.store.records.write(marking.retry_parked)
        with sqlite3.connect(self._file, timeout=10) as database:
            database.execute("UPDATE keys SET due = 1 WHERE generation > done_generation")
        database.close()
        await self.store.records.write(announce)  # so that the worker claims


@asynccontextmanager
async def scene(  # of a GitHub and of a ghapp
    folder: Path,
    *,
    seed: int = 1,
    limits: str = "off",
    concurrency: int = CONCURRENCY,
    patience_seconds: float = 15.0,
    clock: Clock | None = None,
) -> AsyncIterator[Scene]:
    """Open while inside. patience_seconds: for how long our client waits for an answer."""
    clock, file = clock or Clock(), folder / "ghapp.sqlite3"
    github = Emulator(webhook_secret=SECRET, clock=clock)
    github.faults = faults.Faults(seed)
    server = EmulatorServer(github)
    url, app_id, key = server.start(), github.app.id, github.private_key
    store, stop = await Store.open(f"sqlite:///{file}"), asyncio.Event()
    client = GitHub(Endpoint(url), app_id, key, limits=limits, patience_seconds=patience_seconds)
    try:
        async with client:
            rules = builtin_packs.rules("enforce")
            worker = Worker(store, client, rules, concurrency=concurrency, grace_seconds=2.0)
            working = asyncio.create_task(worker.run(stop))
            try:
                yield Scene(github, clock, store, file)
            finally:
                stop.set()
                await working
    finally:
        await store.close()
        server.stop()
        github.close()


@dataclass(slots=True)
class Review:
    """One pull, all that was said on it, and what has to have become of that.

    said: comment -> the reaction that is due.
    """

    pull: Pull
    said: dict[int, str] = field(default_factory=dict)
    helped: int = 0
    deferred: int = 0

    @classmethod
    def opened(cls, shop: Repository, branch: str = "feat/points") -> Review:
        files = {MIGRATION: f"{RISKY}-- {branch}\n"}  # else equal files were one and the same head
        return cls(shop.open_pull(author="ann", branch=branch, title="feat: points", files=files))

    def defer(self, by: str = "ann") -> None:
        due = (self.pull.repository.github.now() + timedelta(days=20)).date().isoformat()
        self._say(f"/nfr defer {ITEM} until {due} -- after launch", by)
        self.deferred += 1

    def ask(self) -> None:
        self.pull.comment("/nfr help", "eve")
        self.helped += 1

    def sign(self) -> None:
        self._say("/nfr done", "sam")

    def _say(self, body: str, by: str) -> None:
        self.said[self.pull.comment(body, by)] = "+1"

    async def verdict(self, scene: Scene) -> Iterable[str]:
        """What is lost, doubled or wrong, once all was said and signed off."""
        pull = self.pull
        issues = [one for one in pull.repository.issues.values() if one.via_app]
        mine = [one for one in issues if f"(from #{pull.number}," in one.title]
        shown = [one.conclusion for one in pull.check_runs() if one.name == "NFR review"]
        labels = SIGNED | ({"nfr: follow-ups"} if self.deferred else set())
        history = await scene.store.records.read(recall, scene.key(pull))
        there: dict[str, tuple[object, object]] = {
            "comments": (1 + self.helped, sum(one.via_app for one in pull.comments)),
            "issues": (self.deferred, len(mine)),
            "conclusion": ("success", shown[-1] if shown else "none"),
            "labels": (labels, set(pull.labels)),
            "entries": (len(set(history.ledger)), len({one.id for one in history.ledger})),
            "not judged": (set(), {f"comment:{id}" for id in self.said} - history.judged),
        }
        for one in pull.comments:
            if not one.via_app:
                due = [self.said[one.id]] if one.id in self.said else []
                found = [
                    reaction.content for reaction in one.reactions if reaction.content != "eyes"
                ]
                there[f"reactions to {one.body}"] = (due, found)
        return [
            f"{pull}: {name} {found}, not {due}"
            for name, (due, found) in there.items()
            if due != found
        ]


@dataclass(frozen=True, slots=True)
class Told:
    """What a run of reviews came to. wrong: what was lost or doubled, in words."""

    wrong: tuple[str, ...]
    calls: Counter[str]
    struck: int
    parked: int
    seconds: float


def kinds(errors: float, calls: int) -> tuple[Fault, ...]:
    """A bad day. errors: the share of calls answered 502 before they took effect; the others follow
    from it. calls: so many calls meet it, then it is over.
    """
    route, reads = "* /repos/*", "GET /repos/*"
    made = (
        (faults.broken(route), 1.0),
        (faults.broken("P* /repos/*", after=True), 0.5),
        (faults.cut(route), 0.25),
        (faults.cut("P* /repos/*", after=True), 0.25),
        (faults.secondary_limit(route, retry_after=1), 0.3),
        (faults.revoked(route), 0.2),
        (faults.stale(reads), 0.5),
    )
    return tuple(
        replace(one, rate=share * errors, times=int(share * errors * calls) + 1)
        for one, share in made
    )


async def lived(
    folder: Path, bad: Iterable[Fault], *, pulls: int = 30, shops: int = 3, seed: int = 1
) -> Told:
    """So many reviews side by side, from their opening to their sign-off."""
    started, chance = time.monotonic(), random.Random(seed)  # noqa: S311  # the same each time
    async with scene(folder, seed=seed) as made:
        places = [made.shop(f"shop-{number}") for number in range(shops)]
        made.github.faults.add(*bad)
        reviews = [Review.opened(places[at % shops], f"feat/{at}") for at in range(pulls)]
        await made.settle()
        for review in reviews:
            if chance.random() < 0.3:
                review.pull.push({"app/orders.py": f"total = {review.pull.number}\n"})
            if chance.random() < 0.3:
                review.ask()
            if chance.random() < 0.3:
                review.defer()
        await made.settle()
        for review in reviews:
            review.sign()
        await made.settle()
        wrong = [line for review in reviews for line in await review.verdict(made)]
        github, seconds = made.github, time.monotonic() - started
        return Told(tuple(wrong), github.calls, github.faults.struck, made.parked, seconds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pulls", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--errors", type=float, default=0.10)
    given = parser.parse_args()
    logs.configure("off")
    bad = kinds(given.errors, 20 * given.pulls)
    with tempfile.TemporaryDirectory(prefix="ghapp-benchmark-") as folder:
        told = asyncio.run(lived(Path(folder), bad, pulls=given.pulls, seed=given.seed))
    print(*told.wrong, sep="\n")
    print(
        f"{given.pulls} pulls, {told.calls.total()} calls of which {told.struck} met a fault, "
        f"{told.parked} parked and revived, {told.seconds:.0f} s; {len(told.wrong)} wrong"
    )


if __name__ == "__main__":
    with temporary():
        main()
