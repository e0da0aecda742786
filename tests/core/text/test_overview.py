from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from ghapp.core.areas import Text
from ghapp.core.ledger import Entry, Verb
from ghapp.core.records import Overview, PolicyFile, PolicySource
from ghapp.core.scan.triggers import AddedHit
from ghapp.core.text.overview import MOST_FOUND, overview
from tests.core.build import entry, finding, flagged
from tests.core.text.scenes import DB, DEFER, HOLD, NA, SIGNED, Scene


def of(*ledger: Entry, **more: object) -> Overview:
    return overview(Scene(ledger, **more).decided().review)  # type: ignore[arg-type]


def test_it_has_all_that_is_asked_and_why() -> None:
    made = of()
    assert (made.title, made.author, made.is_draft) == ("feat: points", "ann", False)
    assert (made.hours.days[0], made.hours.hours) == ("mon", "09:00-18:00")
    db, web = made.areas
    assert (db.id, db.title, db.mode, db.state) == ("db", DB.title, "enforce", "waiting")
    assert db.why == Text("db/1.sql (matches db/**)", "db/1.sql（db/** に一致）")
    assert (db.reviewers, web.reviewers) == (("team sre",), ("wes",))
    assert [(one.id, one.severity, one.answer) for one in db.items] == [
        ("db-rollback", "must", None),
        ("db-plan", "should", None),
    ]
    assert (db.open_musts, db.signed, made.holds) == (("db-rollback",), None, ())
    assert made.tags == ("area:db", "area:web", "team:sre")


def test_answers_sign_offs_and_holds_name_who_when_and_what() -> None:
    made = of(NA, DEFER, SIGNED, HOLD)
    db = made.areas[0]
    rollback, plan = (one.answer for one in db.items)
    assert rollback and (rollback.verb, rollback.who, rollback.text) == (
        Verb.NA,
        "ann",
        "read only table",
    )
    assert plan and (plan.verb, plan.until, plan.at) == (Verb.DEFER, "2026-05-01", DEFER.said_at)
    assert db.signed and (db.signed.verb, db.signed.subject) == (Verb.SIGN_OFF, "db")
    assert (db.open_musts, db.settled) == ((), True)
    assert [one.id for one in made.waiting] == ["web"]
    assert made.tags == ("area:web",)
    assert [(one.who, one.text) for one in made.holds] == [(HOLD.speaker, "load test first")]


def test_a_waiver_overrides_the_holds() -> None:
    waivers = [
        entry(Verb.WAIVE, one, "lee", 9, note="incident", number=7, part=n)
        for n, one in enumerate(("db", "web"))
    ]
    made = of(HOLD, *waivers)
    assert (made.holds, made.waiting, made.tags) == ((), (), ())


def test_a_sign_off_of_another_diff_is_stale() -> None:
    area = replace(flagged(DB), fingerprint="f2")
    (db,) = of(SIGNED, areas=(area,)).areas
    assert (db.state, db.settled) == ("stale", False)
    assert db.signed and db.signed.who == SIGNED.speaker


def test_the_text_of_a_line_with_a_finding_is_not_kept() -> None:
    hits = (AddedHit("the secret", path="db/1.sql", line=3),)
    (db,) = of(areas=(replace(flagged(DB, "f1", finding()), hits=hits),)).areas
    assert "db/1.sql:3" in db.why.en and "secret" not in db.why.en + db.why.ja


def test_findings_come_heaviest_first_with_their_question_and_not_their_line() -> None:
    light, heavy = finding("DB-2", 5, "should"), finding("DB-1", 3)
    noted = finding("DB-3", 7, accepted="empty table")
    (db,) = of(areas=(flagged(DB, "f1", light, noted, heavy),)).areas
    assert [(one.hazard, one.path, one.line, one.item) for one in db.findings] == [
        ("DB-1", "db/1.sql", 3, heavy.item),
        ("DB-2", "db/1.sql", 5, light.item),
        ("DB-3", "db/1.sql", 7, noted.item),
    ]
    assert (db.fingerprint, db.findings[2].accepted) == ("f1", "empty table")
    many = tuple(finding("DB-1", line) for line in range(1, MOST_FOUND + 9))
    assert len(of(areas=(flagged(DB, "f1", *many),)).areas[0].findings) == MOST_FOUND


SHA = "78981922613b2afb6025042ff6bd878ac1994e85"  # by `git hash-object`


@pytest.mark.parametrize(
    ("source", "files"),
    [
        (PolicySource(), ()),
        (PolicySource("a\n", good="a\n"), (PolicyFile("repository", SHA),)),
        (PolicySource("b", good="a\n"), (PolicyFile("repository", SHA, False),)),
        (PolicySource("b"), (PolicyFile("repository", "", False),)),
        (PolicySource(good="a\n"), ()),
        (
            PolicySource("a\n", good="a\n", organisation=PolicySource("a\n", good="a\n")),
            (PolicyFile("repository", SHA), PolicyFile("organisation", SHA)),
        ),
        (
            PolicySource(organisation=PolicySource(good="a\n")),
            (PolicyFile("organisation", SHA, False),),
        ),
        (PolicySource(organisation=PolicySource()), ()),
    ],
)
def test_it_names_the_files_that_the_policy_comes_from(
    source: PolicySource, files: tuple[PolicyFile, ...]
) -> None:
    review = Scene().decided().review
    review = replace(review, facts=replace(review.facts, source=source))
    assert overview(review).policy == files


def test_it_comes_back_from_json_as_it_was() -> None:
    made = of(NA, DEFER, SIGNED, HOLD)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Overview) == made
