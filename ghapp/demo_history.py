"""Three months of a shop that does not exist, played within seconds by the real core.

People act on an emulated GitHub whose clock is moved, and each delivery leads to runs, as in a
server. A database of its own has the same clock; what the runs recorded is then copied from it.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import count
from string import Template
from threading import Event
from typing import Any

import yaml

from ghapp import builtin_packs
from ghapp.core.policy.policy import Rules
from ghapp.core.records import Claim
from ghapp.core.working_time import WorkingTime
from ghapp.emulator import Emulator, EmulatorServer, Pull
from ghapp.errors import Retry, Wait
from ghapp.github.client import GitHub
from ghapp.github.webhook import parse
from ghapp.observer import Observer
from ghapp.settings import Endpoint
from ghapp.store import Store, copying
from ghapp.store.rollups import roll_up
from ghapp.store.stats import health
from ghapp.store.work_queue import marking
from ghapp.worker.reconcile import reconcile
from ghapp.worker.threads import Threads
from ghapp.worker.worker import CONCURRENCY

DAYS = 91
EVERY_HOURS = 6.0  # of working time, between two pull requests
TEAM = WorkingTime()
WORKING_HOURS = TEAM.day.total_seconds() / 3600
SEED = 17
SECRET = "secret of the history"  # signs deliveries that never leave the process
LIVES_SECONDS = 400 * 86_400.0  # of a token: the clock moves by months
REPOSITORIES = {"orders": "enforce", "payments": "enforce", "batch": "advise", "infra": "advise"}
AUTHORS = ("ann", "ben", "cho", "dia", "eli", "fay")
REVIEWERS = ("sam-sre", "sue-sre")
POLICY = """\
version: 1
mode: {mode}
language: {language}
comment: flagged
reviewers: {{teams: [sre]}}
waivers: {{teams: [waiver-leads]}}
areas:
  database-migration: {{reviewers: {{teams: [dba, sre]}}}}
"""

Steps = Iterator[float]  # each the hours of working time until the next one
Files = dict[str, str]
Way = Callable[["Life"], Steps]


class Ended(Exception):
    """Nobody waits for the history any more."""


@cache
def _script() -> Mapping[str, Any]:
    source = resources.files("ghapp") / "demo_history.yml"
    loaded: dict[str, Any] = yaml.load(source.read_text("utf-8"), yaml.CSafeLoader)
    return loaded


@dataclass
class Clock:
    """The time of the history, which only moves forward."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def to(self, at: datetime) -> None:
        self.at = max(self.at, at)

    def forward(self, seconds: float = 0.4) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class People:
    """What the people of the shop do. chance: decides who does what, always in the same way."""

    github: Emulator
    language: str
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    turns: dict[str, int] = field(default_factory=dict)
    projects: dict[str, int] = field(default_factory=dict)  # by repository, the project's issue

    def found(self) -> None:
        """Teams and repositories, each with its policy."""
        github = self.github
        github.team("acme", "sre", members=REVIEWERS)
        github.team("acme", "dba", members=["dan-dba"])
        github.team("acme", "waiver-leads", members=["lea"])
        for name, mode in REPOSITORIES.items():
            policy = POLICY.format(mode=mode, language=self.language)
            files = {".github/nfr.yml": policy, "README.md": f"# {name}\n"}
            made = github.repository(f"acme/{name}", files)
            for login in (*AUTHORS, *REVIEWERS, "dan-dba", "lea"):
                made.collaborator(login, "write")

    def says(self, kind: str) -> str:
        """One of the texts of this kind; each in its turn."""
        texts = _script()["texts"][kind]
        text: str = texts[self.turn(kind) % len(texts)][self.language]
        return text

    def turn(self, kind: str) -> int:
        """How often something of this kind was asked for before."""
        self.turns[kind] = self.turns.get(kind, -1) + 1
        return self.turns[kind]

    def project(self) -> Steps:
        """A project: its issue, an early consultation and answers. Later pull requests join it."""
        script, language = _script()["project"], self.language
        name = script["repository"]
        issue = self.github.repositories[f"acme/{name}"].open_issue(
            AUTHORS[-1], script["title"][language], labels=["nfr: project"]
        )
        self.projects[name] = issue.number
        yield 2.0
        issue.comment(f"/nfr consult {script['areas']} -- {script['asks'][language]}", AUTHORS[-1])
        yield 3.0
        for item, evidence in script["answers"].items():
            issue.comment(f"/nfr check {item} -- {evidence[language]}", AUTHORS[-1])
        yield 4.0
        issue.comment(f"/nfr done -- {self.says('note')}", REVIEWERS[0])

    def change(self, number: int, way: Way | None = None) -> Steps:
        """The life of a pull request. number: of the change. way: by chance, if None is named."""
        chance, script = self.chance, _script()
        changes, names = script["changes"], list(script["names"])
        if way:  # one that asks for a review
            changes = [one for one in changes if "again" in one]
        change = changes[number * 7 % len(changes)]
        # Each name once, or its second pull request would change nothing.
        turn = self.turn(change["branch"])
        name = names[(turn + 3 * changes.index(change)) % len(names)]
        what = script["names"][name][self.language]
        values = {"name": name, "what": what, "day": f"{self.github.now():%Y%m%d}"}

        def filled(text: str) -> str:
            return Template(text).substitute(values)

        files = {filled(path): filled(text) for path, text in change["files"].items()}
        project = self.projects.get(change["repository"])
        pull = self.github.repositories[f"acme/{change['repository']}"].open_pull(
            author=AUTHORS[number % len(AUTHORS)],
            branch=f"{filled(change['branch'])}-{number}",
            title=filled(change["title"][self.language]),
            files=files,
            body=f"NFR-Project: #{project}" if project else "",
        )
        if "again" not in change:
            yield from Life(self, pull).merged()
            return
        again = {next(iter(files)): filled(change["again"])}
        advised = REPOSITORIES[change["repository"]] == "advise"
        ways = (*WAYS, *WHERE_ADVISED) if advised else WAYS
        life = Life(self, pull, again, change["evidence"][self.language])
        yield from (way or chance.choice(ways))(life)


@dataclass
class Life:
    """The life of one pull request.

    again: what its author may push later. evidence: how the author answers questions.
    """

    people: People
    pull: Pull
    again: Files = field(default_factory=dict)
    evidence: str = ""

    def plain(self) -> Steps:
        yield from self.answered()
        yield from self.signed_off()
        yield from self.merged()

    def stale(self) -> Steps:
        yield from self.answered()
        yield from self.signed_off()
        yield self.hours(3)
        self.pull.push(self.again)
        yield from self.plain()

    def held(self) -> Steps:
        yield self.hours(3)
        reviewer = self.people.chance.choice(REVIEWERS)
        self.pull.comment(f"/nfr hold -- {self.people.says('hold')}", reviewer)
        yield from self.answered()
        yield self.hours(16)
        self.pull.comment(f"/nfr undo\n\n{self.people.says('release')}", reviewer)
        yield from self.signed_off()
        yield from self.merged()

    def questioned(self) -> Steps:
        yield self.hours(4)
        self.pull.comment(
            f"/nfr concern {self.people.says('concern')}", self.people.chance.choice(REVIEWERS)
        )
        yield from self.plain()

    def deferred(self) -> Steps:
        yield from self.due_in(self.people.chance.choice((14, 21, 30, 45)))
        days = self.people.chance.uniform(8, 30)
        yield days * WORKING_HOURS
        if self.people.chance.random() < 0.85:
            for issue in self.pull.repository.issues.values():
                if f"ghapp:follow-up {self.pull.number}:" in (issue.body or ""):
                    issue.close(self.pull.author.login)

    def waived(self) -> Steps:
        yield self.hours(2)
        self.pull.comment(f"/nfr waive -- {self.people.says('waive')}", "lea")
        yield from self.merged()

    def abandoned(self) -> Steps:
        yield self.hours(20)
        self.pull.close(by=self.pull.author.login)

    def slow(self) -> Steps:
        """It waits for its author, and later for a reviewer."""
        yield self.hours(20)
        yield from self.answered()
        yield self.hours(20)
        yield from self.signed_off()
        yield from self.merged()

    def unsigned(self) -> Steps:
        """Merged without a sign-off, which a policy that only advises lets pass."""
        if self.people.chance.random() < 0.5:
            yield from self.answered()
        yield from self.merged()

    # --- what is under way at the end ----------------------------------------------------------

    def opened(self) -> Steps:
        yield from ()

    def waits(self) -> Steps:
        yield 1.0
        self.answer(asked(self.pull))

    def on_hold(self) -> Steps:
        yield 1.0
        self.pull.comment(f"/nfr hold -- {self.people.says('hold')}", "sue-sre")

    def went_stale(self) -> Steps:
        yield from self.waits()
        yield 1.0
        self.pull.comment(f"/nfr done -- {self.people.says('note')}", "sam-sre")
        yield 1.0
        self.pull.push(self.again)
        yield from self.waits()

    def due_soon(self) -> Steps:
        yield from self.due_in(self.people.chance.choice((10, 12)))

    def extended(self) -> Steps:
        """Deferred, and once more a few days later."""
        item = yield from self.due_in(7)
        yield WORKING_HOURS
        due = self.people.github.now().date() + timedelta(days=20)
        self.pull.comment(
            f"/nfr defer {item} until {due} -- {self.people.says('defer')}", "sam-sre"
        )

    # --- steps ---------------------------------------------------------------------------------

    def hours(self, mean: float) -> float:
        """Most people are quick, some take much longer."""
        return max(self.people.chance.expovariate(1 / mean), 0.1)

    def answered(self, but: str = "") -> Steps:
        """The author answers. but: a question to leave out."""
        yield self.hours(5)
        items = [one for one in asked(self.pull) if one != but]
        if len(items) > 1 and self.people.chance.random() < 0.3:
            note = self.people.says("not_applicable")
            self.pull.comment(f"/nfr na {items.pop()} -- {note}", self.pull.author.login)
            yield 0.1
        self.answer(items)

    def answer(self, items: list[str]) -> None:
        if items:
            text = f"/nfr check {' '.join(items)} -- {self.evidence}"
            self.pull.comment(text, self.pull.author.login)

    def signed_off(self) -> Steps:
        yield self.hours(8)
        reviewer = self.people.chance.choice(REVIEWERS)
        if self.people.chance.random() < 0.2:
            self.pull.add_label("nfr: signed off", reviewer)
        else:
            self.pull.comment(f"/nfr done -- {self.people.says('note')}", reviewer)

    def merged(self) -> Steps:
        yield self.hours(4)
        self.pull.merge(by=self.pull.author.login)

    def due_in(self, days: int) -> Generator[float, None, str]:
        """Signed off and merged with a question that is deferred for so many days."""
        yield self.hours(2)
        item, author = asked(self.pull)[-1], self.pull.author.login
        due = self.people.github.now().date() + timedelta(days=days)
        note = self.people.says("defer")
        self.pull.comment(f"/nfr defer {item} until {due} by @{author} -- {note}", author)
        yield from self.answered(but=item)
        yield from self.signed_off()
        yield from self.merged()
        return item


WAYS: tuple[Way, ...] = (
    *[Life.plain] * 8,
    *[Life.stale] * 4,
    *[Life.held] * 2,
    *[Life.deferred] * 4,
    *[Life.questioned] * 2,
    *[Life.slow] * 2,
    *(Life.waived, Life.abandoned),
)
WHERE_ADVISED: tuple[Way, ...] = (Life.unsigned,) * 10
PROJECT_HOURS = 45.0  # as in LAST, when the project begins
# So many hours of working time before the end, so that all that pages show is there then.
LAST: tuple[tuple[float, Way], ...] = (
    (80, Life.due_soon),
    (74, Life.extended),
    (66, Life.due_soon),
    (29, Life.waits),
    (24, Life.on_hold),
    (21, Life.opened),
    (17, Life.went_stale),
    (12, Life.opened),
    (8, Life.waits),
    (5, Life.on_hold),
    (3, Life.waits),
    (0.5, Life.opened),
)


def asked(pull: Pull) -> list[str]:
    """Ids of the questions whose boxes are empty."""
    text = "".join(one.body for one in pull.comments if one.user is pull.github.app.bot)
    return [line.split("`")[1] for line in text.splitlines() if line.startswith("- [ ] ")]


@dataclass(frozen=True, slots=True)
class Played:
    """A history. github: holds its repositories. rows: what was recorded. pulls: how many."""

    github: Emulator
    rows: copying.Rows
    pulls: int


def played(
    beside: Emulator,
    url: str,
    language: str,
    *,
    days: int = DAYS,
    end: datetime | None = None,
    ended: Event | None = None,
    report: Callable[[float], None] = lambda share: None,
) -> Played:
    """The history of the last `days` until `end`, which is now by default.

    beside: whose accounts it shares, and which may adopt its GitHub. url: of that one's pages.
    ended: once it is set, the history stops. report: is called with how much is
    played, from 0 to 1. Raises Ended.
    """
    end = end or datetime.now(UTC)
    clock = Clock(end - timedelta(days=days))
    github = Emulator(
        webhook_secret=SECRET,
        private_key=beside.private_key,
        rate_limit=0,
        token_seconds=LIVES_SECONDS,
        clock=clock,
        beside=beside,
    )
    server = EmulatorServer(github)
    api = server.start()
    github.serve_at(api, url)
    people = People(github, language)

    async def play(folder: str) -> Played:
        store = await Store.open(f"sqlite:///{folder}/history.db", clock=clock.seconds)
        try:
            endpoint, app = Endpoint(api), github.app.id
            async with GitHub(endpoint, app, github.private_key, limits="off") as client:
                player = Player(people, store, client, clock)
                await player.play(end, ended or Event(), report)
            return Played(github, await store.records.read(copying.rows), player.pulls)
        finally:
            await store.close()

    try:
        with tempfile.TemporaryDirectory(prefix="ghapp-demo-") as folder:
            return asyncio.run(play(folder))
    finally:
        server.stop()


@dataclass
class Player:
    """Moves the clock from one step of the people to the next, and works as a server does.

    pulls: how many were opened so far.
    """

    people: People
    store: Store
    client: GitHub
    clock: Clock
    pulls: int = 0
    rules: Rules = field(default_factory=lambda: builtin_packs.rules("advise"))
    threads: Threads = field(default_factory=Threads)
    observer: Observer = field(default_factory=Observer)

    async def play(self, end: datetime, ended: Event, report: Callable[[float], None]) -> None:
        """Play until the end. Raises Ended."""
        begin, people = self.clock(), self.people
        people.found()
        # What somebody does next, by time; the number tells those of the same time apart.
        coming = list(self._openings(begin, end))
        heapq.heapify(coming)
        self.pulls = sum(number > 0 for _, number, _ in coming)  # 0 is the project
        while coming and coming[0][0] <= end:
            if ended.is_set():
                raise Ended
            at, number, steps = heapq.heappop(coming)
            self.clock.to(at)
            hours = next(steps, None)
            await self._settle()
            if hours is not None:
                later = TEAM.after(self.clock(), timedelta(hours=hours))
                heapq.heappush(coming, (later, number, steps))
            report((self.clock() - begin) / (end - begin))
        self.clock.to(end)
        await self.store.records.write(marking.mark_rechecks)
        await self._settle()
        await roll_up(self.store.records, TEAM.zone)

    def _openings(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, int, Steps]]:
        """When each pull request is opened, and what happens then."""
        numbers, at, chance = count(1), begin, self.people.chance
        while at < end:
            number = next(numbers)
            yield at, number, self.people.change(number)
            hours = timedelta(hours=chance.expovariate(1 / EVERY_HOURS))
            at = TEAM.after(at, hours)

        def before_end(hours: float) -> datetime:
            at = end
            while TEAM.between(at, end) < timedelta(hours=hours):
                at -= timedelta(minutes=10)
            return at

        for hours_left, way in LAST:
            if (at := before_end(hours_left)) > begin:
                number = next(numbers)
                yield at, number, self.people.change(number, way)
        if (at := before_end(PROJECT_HOURS)) > begin:
            yield at, 0, self.people.project()

    async def _settle(self) -> None:
        """Deliver what happened, and run what that makes dirty until nothing is."""
        github = self.people.github
        deliveries, queue = github.deliveries, self.store.queue
        while True:
            new = list(deliveries.all)
            del deliveries.all[: len(new)]
            read = [
                parse(
                    deliveries.hook.headers(one),
                    one.body,
                    secrets=(SECRET,),
                    app_id=github.app.id,
                    bot_login=github.app.bot.login,
                )
                for one in new
            ]
            await asyncio.gather(*map(queue.accept, read))
            self.clock.forward()
            claims = await queue.claim(CONCURRENCY)
            await asyncio.gather(*map(self._run, claims))
            if not new and not claims and not (await self.store.records.read(health)).dirty:
                return

    async def _run(self, claim: Claim) -> None:
        tools = self.client, self.store, self.rules, self.observer, self.threads
        try:
            done = await reconcile(claim, *tools)
        except (Retry, Wait) as early:
            await self.store.queue.defer(claim, after_seconds=early.after_seconds)
        else:
            if done.later:
                await self.store.queue.defer(claim, after_seconds=done.later.after_seconds)
