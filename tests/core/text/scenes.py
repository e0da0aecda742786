"""Reviewed pulls, for the tests of what people read on them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ghapp.core.areas import Reviewers
from ghapp.core.decide import Decision, decide
from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import Marks
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp, History
from ghapp.core.scan.checklist import Checklist, Flagged
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    area,
    asked,
    at,
    entry,
    facts,
    finding,
    flagged,
    history,
    item,
    policy,
    shown,
)

SNAPSHOTS = Path(__file__).parent / "snapshots"
URL = "https://github.com/acme/shop/pull/5"
DB, WEB = area("db"), area("web", reviewers=Reviewers(users=("wes",)))
SIGNED = entry(Verb.SIGN_OFF, "db", number=3)
HOLD = entry(Verb.HOLD, fingerprint="", head_sha="", note="load test first", number=4)
HOLD_DB = entry(Verb.HOLD, "db", "sue", note="wait for the backup", number=5)
CONCERN = entry(
    Verb.CONCERN, "concern-1", note="Retries hammer the `api` @all", right="team acme/sre", number=6
)
WAIVED = [
    entry(Verb.WAIVE, one, "lee", 9, note="incident 42", number=7, part=n)
    for n, one in enumerate(("db", "web"))
]
NA = entry(Verb.NA, "db-rollback", "ann", note="read only table", number=8)
DEFER = entry(
    Verb.DEFER, "db-plan", "ann", note="after launch", number=9, until="2026-05-01", owner="bob"
)
MADE = FollowUp(5, "db-plan", "db", "2026-05-01", "bob", "after launch", issue=12)
DEBTS = (
    FollowUp(2, "db-index", "db", "2026-03-01", "eve", issue=7),
    FollowUp(3, "db-load", "db", "2026-04-06", "eve"),
    FollowUp(3, "db-later", "db", "2026-06-01", "eve", issue=8),
    FollowUp(3, "web-x", "other", "2026-03-01", "eve", issue=9),
)
FOUND = (
    finding(),
    finding("DB-2", 5, "should", unsure=True),
    finding("DB-3", 7, "should", item="db-plan", accepted="empty table"),
)


@dataclass(frozen=True)
class Scene:
    """A pull with two areas and the ledger of its review."""

    ledger: Iterable[Entry] = ()
    areas: tuple[Flagged, ...] = field(default=(flagged(DB), flagged(WEB)))
    made: tuple[FollowUp, ...] = ()
    debts: tuple[FollowUp, ...] = ()
    rules: dict[str, object] = field(default_factory=dict)
    pull: dict[str, object] = field(default_factory=dict)
    head_sha: str = HEAD
    observed: Marks | None = None
    minutes: float = 60

    def decided(self, language: str = "en") -> Decision:
        rules: Policy = policy(DB, WEB, **{"language": language, "comment": "flagged"} | self.rules)
        marks = {one.area.id: one.fingerprint for one in self.areas}
        before: History = history(shown({"db": "f1", "web": "f1"}), shown(marks, self.head_sha, 9))
        before = replace(before, follow_ups=self.made, debts=self.debts)
        now = facts(rules, head_sha=self.head_sha, **{"url": URL} | self.pull)  # type: ignore[arg-type]
        now = replace(now, observed=self.observed or Marks(), now=at(self.minutes))
        return decide(now, before, asked(*self.areas), tuple(self.ledger), ())

    def comment(self, language: str = "en") -> str:
        return self.decided(language).marks.comment


def typed(*kinds: str) -> Flagged:
    """The area db with one question for each kind of evidence."""
    items = (replace(item(f"db-{kind}"), kind=kind, choices=("a", "b")) for kind in kinds)
    return replace(flagged(DB), items=tuple(items))


STATES = {
    "on_hold": Scene((SIGNED, HOLD, HOLD_DB)),
    "waived": Scene((HOLD, *WAIVED)),
    "concern": Scene((SIGNED, CONCERN), areas=(flagged(DB),)),
    "deferred": Scene((NA, DEFER)),
    "follow_ups": Scene(
        (NA, DEFER, SIGNED), (flagged(DB),), made=(MADE,), debts=DEBTS, rules={"mode": "advise"}
    ),
    "stale_linked": Scene(
        (NA, DEFER, SIGNED), (flagged(DB, "f2"),), made=(MADE,), head_sha=NEXT_HEAD
    ),
    "typed": Scene((), (typed("url", "number", "text", "choice"),)),
}


def reply(language: str, scene: Scene, verb: Verb, **changes: object) -> str:
    """The reply to one more entry."""
    last = entry(verb, minutes=20, number=30, replied=True, **changes)
    decision = replace(scene, ledger=(*scene.ledger, last)).decided(language)
    (found,) = decision.marks.replies
    return f"{found.body}\n"


def same_as_snapshot(name: str, language: str, text: str) -> bool:
    """Set GHAPP_WRITE_SNAPSHOTS=1 to write the files anew, then read their difference."""
    file = SNAPSHOTS / f"{name}.{language}.md"
    if os.environ.get("GHAPP_WRITE_SNAPSHOTS"):
        file.write_text(text, encoding="utf-8")
    return file.read_text(encoding="utf-8") == text


def rendered(
    language: str, fingerprint: str, ledger: tuple[Entry, ...], found: Checklist | None = None
) -> Marks:
    """The marks of a pull with one area, db, which had the fingerprint f1 before."""
    rules = policy(DB, language=language, comment="flagged")
    before = history(shown({"db": "f1"}), shown({"db": fingerprint}, NEXT_HEAD, 9))
    now = facts(rules, head_sha=NEXT_HEAD if fingerprint == "f2" else HEAD)
    return decide(now, before, found or asked(flagged(DB, fingerprint)), ledger, ()).marks


def summary(rules: Policy, *ledger: Entry) -> str:
    """The check run's summary."""
    found = asked(*(flagged(one) for one in rules.areas))
    run = decide(facts(rules), history(shown({"db": "f1"})), found, ledger, ()).marks.check_run
    assert run is not None
    return run.summary
