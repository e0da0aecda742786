"""Reviews as runs record them, and a client of the pages over a store."""

from __future__ import annotations

import zoneinfo
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx

from ghapp.core.areas import Text
from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import Marks, Written
from ghapp.core.model import Channel, ConfigurationKey, ProjectKey, PullKey, Repository
from ghapp.core.records import (
    Asked,
    Consultation,
    FlaggedArea,
    FollowUp,
    Hours,
    Judgement,
    KnownIssue,
    Membership,
    Note,
    Overview,
    ProjectArea,
    ProjectRun,
    Run,
    RunNote,
    Shown,
)
from ghapp.core.review.configuration import Tracked
from ghapp.settings import Settings
from ghapp.store import Store, configurations, ledger, projects, runs
from ghapp.store.configurations import Outcome
from ghapp.web.app import application
from tests.store.stores import HEAD, NOON, SOURCE, claimed, due, run, verdict

SHOP = Repository(11, 501, "acme/shop")
BATCH = Repository(11, 502, "acme/batch")
HOURS = Hours(("mon", "tue", "wed", "thu", "fri"), "09:00-18:00")
WEB = "https://github.example"
SETTINGS = Settings(
    app_id=7,
    webhook_secrets=("secret",),
    pages="local",
    github_api_url=f"{WEB}/api/v3",
    timezone=zoneinfo.ZoneInfo("Asia/Tokyo"),
)
LOCAL = "http://127.0.0.1:8000"
STANDING_REVIEW = ConfigurationKey(SHOP)
OPEN_FINDING = Tracked("infra/<b>.tf", "IAC-001", 0, 2, "must", "iac", NOON, NOON)
ANSWER = Note(Verb.CHECK, "tanaka", NOON, "online, 40 s on a copy", "dbm-lock-time", HEAD)


def area(id: str = "database-migration", **changes: object) -> FlaggedArea:
    """An area with one open must question and one that is answered."""
    values: dict[str, object] = {
        "title": Text("Database migration", "データベース移行"),
        "mode": "enforce",
        "state": "waiting",
        "why": Text("db/1.sql:3: add_column", "db/1.sql:3：add_column"),
        "reviewers": ("team dba", "sue"),
        "items": (
            Asked("dbm-lock-time", "must", Text("How long is the lock?", "ロック時間は？"), ANSWER),
            Asked("dbm-rollback", "must", Text("Is there a way back?", "戻せますか？")),
        ),
    }
    return FlaggedArea(id, **(values | changes))  # type: ignore[arg-type]


def overview(title: str = "add a column", **changes: object) -> Overview:
    values: dict[str, object] = {
        "author": "ann",
        "is_draft": False,
        "hours": HOURS,
        "areas": (area(),),
    }
    return Overview(title, **(values | changes))  # type: ignore[arg-type]


def entry(verb: Verb, subject: str = "", minutes: int = 0, **changes: object) -> Entry:
    values: dict[str, object] = {
        "speaker": "sam",
        "said_at": NOON + timedelta(minutes=minutes),
        "channel": Channel.COMMENT,
        "subject": subject,
        "head_sha": HEAD,
        "right": "team acme/dba",
    }
    return Entry(f"comment:{minutes}", 0, verb, **(values | changes))  # type: ignore[arg-type]


async def recorded(
    store: Store,
    number: int,
    state: str = "waiting_reviewers",
    shown: Overview | None = None,
    *entries: Entry,
    repository: Repository = SHOP,
    since: datetime = NOON,
    is_open: bool = True,
    follow_ups: tuple[FollowUp, ...] = (),
    notes: tuple[RunNote, ...] = (),
    accepted: Shown | None = None,
    of: ProjectKey | None = None,
) -> PullKey:
    """A whole run of this pull, which has a head of its own. of: its project."""
    key, head_sha = PullKey(repository, number), f"{repository.id:08x}{number:032x}"
    claim = await claimed(store, key)
    await store.records.write(runs.admit, claim, head_sha, SOURCE, Judgement(entries, ()))
    left: Run = replace(
        run(replace(verdict(key, "", head_sha), is_open=is_open)),
        state=state,
        state_since=since,
        overview=shown or overview(f"pull {number}"),
        follow_ups=follow_ups,
        runs=notes,
        shown=accepted,
        membership=Membership("command", of.reference, "ann", "joined", of) if of else None,
    )
    await store.records.write(runs.record, claim, left, finished=True)
    return key


async def project(
    store: Store,
    number: int,
    *entries: Entry,
    asked: str | None = None,
    repository: Repository = SHOP,
    title: str = "orders v2",
    areas: tuple[str, ...] = ("external-api",),
    areas_shown: tuple[ProjectArea, ...] = (),
) -> ProjectKey:
    """A whole run of this issue, which is a project. asked: a question to the reviewers."""
    key = ProjectKey(repository, number)
    await store.queue.mark_dirty([key])
    claim = await due(store, key)
    await store.records.write(projects.admit, claim, str(key), None, Judgement(entries, ()), ())
    consultation = None
    if asked is not None:
        at = NOON + timedelta(minutes=number)
        names = (repository.full_name, number, title, "")
        consultation = Consultation(*names, areas, "bob", at, asked, ("team dba", "sue"))
    issue = KnownIssue(key, f"I_{number}", title, "", True, frozenset({"nfr: project"}))
    run = ProjectRun(issue, True, Marks(), Written(), {}, consultation, (), areas_shown)
    await store.records.write(projects.record, claim, str(key), run)
    return key


async def searched(store: Store) -> None:
    """A standing review of the shop: two findings are open, two accepted and one is gone."""
    await store.records.write(configurations.want, [SHOP])
    claim = await due(store, STANDING_REVIEW)
    at = (await store.records.read(configurations.recall, SHOP.id)).now
    findings = (
        OPEN_FINDING,
        replace(OPEN_FINDING, path="infra/new.tf", first_seen=at),
        replace(OPEN_FINDING, path="infra/by.tf"),
        replace(OPEN_FINDING, path="infra/in.tf", accepted="a bastion"),
        replace(OPEN_FINDING, path="infra/gone.tf", gone_at=NOON),
    )
    legend = {"IAC-001": Text("Open to all.", "全公開。")}
    outcome = Outcome(at, findings, 9, (), False, legend, ())
    await store.records.write(configurations.searched, claim, SHOP.id, outcome)
    accepted = replace(entry(Verb.ACCEPT, "IAC-001 infra/by.tf"), note="known")
    await store.records.write(ledger.append, str(STANDING_REVIEW), [accepted], SHOP.id)
    for monday, must in (("2026-11-23", 4), ("2026-11-30", 2)):
        counts = {"must": must, "should": 1, "could": 0, "accepted": 2}
        await store.records.write(configurations.count, SHOP.id, monday, counts)
    await store.records.write(configurations.wrote, claim, SHOP.id, 5, "digest")


def client(
    store: Store, peer: str = "127.0.0.1", base_url: str = LOCAL, settings: Settings = SETTINGS
) -> httpx.AsyncClient:
    """A browser at that address. base_url: what it takes the server's name for."""
    app = application(settings, store, lambda: "ghapp[bot]")
    transport = httpx.ASGITransport(app=app, client=(peer, 50_000))
    return httpx.AsyncClient(transport=transport, base_url=base_url)


def days_from_now(days: int) -> str:
    """A day as a follow-up names it, by the team's clock."""
    return (
        (datetime.now(UTC).astimezone(SETTINGS.timezone) + timedelta(days=days)).date().isoformat()
    )
