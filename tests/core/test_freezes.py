"""A release freeze on a pull: what it says, what it holds, until when, and what a waiver does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ghapp.core.decide import CLOCKS_DIFFER, Decision, decide
from ghapp.core.ledger import Entry, Verb
from ghapp.core.policy.policy import Policy
from ghapp.core.releases import Freeze, Milestone, Plan, Release
from ghapp.core.text.overview import overview
from ghapp.core.working_time import WorkingTime
from tests.core.build import area, asked, entry, facts, flagged, history, policy, shown

TOKYO = ZoneInfo("Asia/Tokyo")
NEW_YEAR = Freeze("2026-12-29", "2027-01-03", "年末年始")
BEFORE = datetime(2026, 12, 28, 14, 59, tzinfo=UTC)
DURING = datetime(2026, 12, 28, 15, 1, tzinfo=UTC)
AFTER = datetime(2027, 1, 3, 15, 1, tzinfo=UTC)
BEGINS, ENDS = DURING - timedelta(minutes=1), AFTER - timedelta(minutes=1)
DB, WEB = area("db"), area("web", "advise")
SIGNED = entry(Verb.SIGN_OFF, "db")
WAIVED = entry(Verb.WAIVE, "db", "lee", 6, number=2, note="a fix for the checkout")
ANSWERED = entry(Verb.CHECK, "db-rollback", "ann", number=3)


def frozen_policy(mode: str = "hold", language: str = "en", **changes: object) -> Policy:
    plan = Plan(freeze=mode, freezes=(NEW_YEAR,))
    rules = policy(DB, language=language, release=plan, working_time=WorkingTime(zone=TOKYO))
    return replace(rules, **changes)  # type: ignore[arg-type]


def decided(
    *ledger: Entry,
    rules: Policy | None = None,
    now: datetime = DURING,
    releases: tuple[Release, ...] = (),
    **changes: object,
) -> Decision:
    rules = rules or frozen_policy()
    seen = replace(facts(rules, **changes), now=now, releases=releases)  # type: ignore[arg-type]
    found = asked(*(flagged(one) for one in rules.areas))
    was = history(shown({one.id: "f1" for one in rules.areas}))
    return decide(seen, was, found, ledger, ())


def outcome(made: Decision) -> tuple[str, str, frozenset[str]]:
    run = made.marks.check_run
    assert run
    return made.review.state.value, run.conclusion, made.marks.labels


def text(made: Decision) -> str:
    run = made.marks.check_run
    assert run
    return f"{run.title}\n{run.summary}"


DONE, HELD = frozenset({"nfr: signed off"}), frozenset({"nfr: on hold"})
WAITING, FREE = frozenset({"nfr: needs sign-off"}), frozenset({"nfr: waived"})


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (BEFORE, ("signed_off", "success", DONE)),
        (DURING, ("frozen", "", HELD)),
        (AFTER, ("signed_off", "success", DONE)),
    ],
)
def test_what_is_signed_off_is_held_while_the_freeze_lasts(
    now: datetime, expected: tuple[str, str, frozenset[str]]
) -> None:
    assert outcome(decided(SIGNED, now=now)) == expected


def test_a_waiver_lets_it_pass_before_or_after_its_sign_off() -> None:
    assert outcome(decided(SIGNED, WAIVED)) == ("waived", "neutral", FREE)
    assert outcome(decided(WAIVED)) == ("waived", "neutral", FREE)
    undone = entry(Verb.SIGN_OFF, "db", minutes=7, number=4)
    assert outcome(decided(WAIVED, undone)) == ("frozen", "", HELD)


def test_what_waits_is_reviewed_meanwhile() -> None:
    assert outcome(decided()) == ("waiting_author", "", WAITING)
    assert outcome(decided(ANSWERED)) == ("waiting_reviewers", "", WAITING)


def test_a_note_holds_nothing() -> None:
    made = decided(SIGNED, rules=frozen_policy("note"))
    assert outcome(made) == ("signed_off", "success", DONE)
    assert "**Release freeze** (年末年始, until 3 January 2027): merge this only" in text(made)


def test_only_what_is_enforced_is_held() -> None:
    rules = frozen_policy()
    advised = replace(rules, areas=(area("db", "advise"),))
    assert outcome(decided(SIGNED, rules=advised)) == ("signed_off", "success", DONE)
    assert "merge this only if it cannot wait" in text(decided(SIGNED, rules=advised))
    both = replace(rules, areas=(DB, WEB))
    made = decided(SIGNED, rules=both)  # what is only advised would be neutral
    assert outcome(made) == ("waiting_author", "", WAITING)
    assert "because of Area db, unless" in text(made)


def test_a_freeze_says_so_in_the_language_of_the_policy() -> None:
    made = decided(SIGNED, rules=frozen_policy(language="ja"))
    assert text(made).startswith(
        "承認済み、リリース凍結中（年末年始、2027 年 1 月 3 日まで）：領域 db\n"
        "**リリース凍結中**（年末年始、2027 年 1 月 3 日まで）：凍結が終わるまで、"
    )
    assert made.marks.comment
    assert "リリース凍結中" in made.marks.comment
    plain = frozen_policy(release=Plan(freezes=(Freeze("2026-12-29", "2027-01-03"),)))
    assert "**Release freeze** (until 3 January 2027): merge" in text(decided(rules=plain))


def test_a_name_is_harmless() -> None:
    hostile = Freeze("2026-12-29", "2027-01-03", "@all <b>x</b>")
    made = decided(rules=frozen_policy(release=Plan(freezes=(hostile,))))
    assert "@all" not in text(made)
    assert "<b>" not in text(made)


def test_pending_is_shown_as_the_policy_wants_it() -> None:
    rules = frozen_policy(pending="action_required")
    assert outcome(decided(SIGNED, rules=rules)) == ("frozen", "action_required", HELD)


def test_what_is_closed_or_clear_is_not_frozen() -> None:
    closed = decided(SIGNED, is_open=False)
    assert (closed.review.state.value, closed.review.freeze) == ("signed_off", None)
    assert closed.verdict.conclusion == "success"
    clear = decided(rules=frozen_policy(areas=()))
    assert outcome(clear) == ("clear", "success", frozenset())
    assert "freeze" not in text(clear)


def test_a_hold_of_a_person_comes_first() -> None:
    hold = entry(Verb.HOLD, "", minutes=7, number=5, fingerprint="")
    assert outcome(decided(SIGNED, hold))[0] == "on_hold"
    assert outcome(decided(SIGNED, hold))[1] == "action_required"


@pytest.mark.parametrize(
    ("now", "again"), [(BEFORE, BEGINS), (DURING, ENDS), (AFTER, None)], ids=str
)
def test_it_is_checked_again_when_a_freeze_begins_and_ends(
    now: datetime, again: datetime | None
) -> None:
    for rules in (frozen_policy(), frozen_policy("note")):
        made = decided(SIGNED, rules=rules, now=now)
        assert made.recheck_at == (again and again + CLOCKS_DIFFER)
    assert decided(rules=frozen_policy(areas=()), now=now).recheck_at is None
    assert decided(SIGNED, now=now, is_open=False).recheck_at is None


def test_follow_ups_are_opened_although_a_freeze_holds_the_pull() -> None:
    deferred = entry(Verb.DEFER, "db-rollback", "ann", 4, until="2027-02-01", number=6)
    assert [one.item for one in decided(deferred, SIGNED).follow_ups] == ["db-rollback"]


# --- the release ----------------------------------------------------------------------------------

MILESTONE = Milestone("v5.12", datetime(2026, 12, 30, 8, tzinfo=UTC))


def test_the_next_release_and_the_freeze_are_kept_for_the_pages() -> None:
    made = decided(SIGNED, milestone=MILESTONE)
    kept = overview(made.review)
    assert (kept.release, kept.freeze) == (Release("2026-12-30", "v5.12"), NEW_YEAR)
    assert (kept.release_on, kept.urgency) == ("2026-12-30", "0")
    assert kept.tags == ("release:2026-12-30",)
    later = overview(decided(SIGNED, now=AFTER, releases=(Release("2027-01-14"),)).review)
    assert (later.release_on, later.urgency) == ("2027-01-14", "2027-01-14")
    none = overview(decided(SIGNED, now=AFTER).review)
    assert (none.release_on, none.urgency, none.tags) == ("", "9", ())
    clear = overview(decided(rules=frozen_policy(areas=()), milestone=MILESTONE).review)
    assert (clear.release_on, clear.urgency, clear.tags) == ("", "9", ())


def test_urgencies_sort_the_next_release_first() -> None:
    assert sorted(["9", "2027-01-14", "2026-12-30", "0"]) == ["0", "2026-12-30", "2027-01-14", "9"]


def test_it_is_checked_again_once_the_day_of_its_release_is_over() -> None:
    rules = frozen_policy(release=Plan())
    made = decided(SIGNED, rules=rules, milestone=MILESTONE, now=DURING)
    assert made.recheck_at == datetime(2026, 12, 30, 15, tzinfo=UTC) + CLOCKS_DIFFER
    assert decided(SIGNED, rules=rules, milestone=MILESTONE, now=AFTER).recheck_at is None
