"""Questions put off: when they become follow-ups, and which of them press on a pull."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ghapp.core.areas import Text
from ghapp.core.decide import CLOCKS_DIFFER, Decision, decide
from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import Issue, Marks, Reply
from ghapp.core.policy.policy import Defer
from ghapp.core.records import FollowUp
from ghapp.core.text.follow_ups import marker, read_marker
from ghapp.core.working_time import WorkingTime
from tests.core.build import area, asked, entry, facts, flagged, history, policy, shown

DB = area("db")
SIGNED = entry(Verb.SIGN_OFF, "db", number=1)
DEFER = entry(
    Verb.DEFER, "db-plan", "ann", 4, note="later", number=2, until="2026-05-01", owner="bob"
)
WAIVED = entry(Verb.WAIVE, "db", "lee", number=3, note="incident")
HOLD = entry(Verb.HOLD, "", "sam", 8, number=4, note="wait")
MADE = FollowUp(
    *(5, "db-plan", "db", "2026-05-01", "bob", "later"), asked_by="ann", asked_at=DEFER.said_at
)
EXTENDED = replace(
    DEFER, message_id="c", said_at=SIGNED.said_at, until="2026-06-01", note="holiday"
)


def decided(
    *ledger: Entry,
    made: tuple[FollowUp, ...] = (),
    debts: tuple[FollowUp, ...] = (),
    observed: Marks | None = None,
    fingerprint: str = "f1",
    language: str = "en",
    flags: bool = True,
    now: datetime | None = None,
    defer: Defer | None = None,
    **changes: object,
) -> Decision:
    rules = policy(DB, comment="flagged", language=language, defer=defer or Defer())
    was = replace(history(shown({"db": "f1"})), debts=debts)
    seen = replace(facts(rules, observed=observed, **changes), follow_ups=made)  # type: ignore[arg-type]
    seen = replace(seen, now=now) if now else seen
    found = asked(*([flagged(DB, fingerprint)] if flags else []))
    return decide(seen, was, found, ledger, ())


@pytest.mark.parametrize(
    ("ledger", "changes", "expected"),
    [
        ((DEFER,), {}, ()),
        ((DEFER, SIGNED), {}, (MADE,)),
        ((DEFER, WAIVED), {}, (MADE,)),
        ((DEFER, SIGNED, HOLD), {}, ()),
        ((DEFER,), {"is_open": False, "is_merged": True}, (MADE,)),
        ((DEFER, HOLD), {"is_open": False, "is_merged": True}, (MADE,)),
        ((DEFER, SIGNED), {"is_open": False}, ()),
        ((SIGNED,), {}, ()),
    ],
)
def test_a_follow_up_is_made_once_the_review_is_done_or_the_pull_merged(
    ledger: tuple[Entry, ...], changes: dict[str, object], expected: tuple[FollowUp, ...]
) -> None:
    made = decided(*ledger, **changes)  # type: ignore[arg-type]
    assert made.follow_ups == expected
    assert {(one.item, one.due) for one in made.marks.issues} == {
        (one.item, one.due) for one in expected
    }


def test_what_was_deferred_for_an_earlier_diff_is_followed_up_unless_it_is_a_must() -> None:
    both = (DEFER, replace(DEFER, message_id="x", subject="db-rollback"))
    made = decided(*both, WAIVED, fingerprint="f2", is_open=False, is_merged=True)
    assert [one.item for one in made.follow_ups] == ["db-plan"]


class TestOnceMade:
    def test_it_stays_whatever_comes(self) -> None:
        answered = entry(Verb.CHECK, "db-plan", "ann", 9, number=9)
        with_issue = replace(MADE, issue=12)
        assert decided(DEFER, answered, made=(with_issue,)).follow_ups == (with_issue,)
        gone = decided(DEFER, made=(MADE,), flags=False)
        assert gone.follow_ups == (MADE,)
        assert [one.title for one in gone.marks.issues] == [
            "[NFR] db-plan: Is db-plan settled? (from #5, due 2026-05-01)"
        ]

    @pytest.mark.parametrize("verb", [Verb.CHECK, Verb.NA])
    def test_without_an_issue_an_answer_closes_it(self, verb: Verb) -> None:
        answered = entry(verb, "db-plan", "ann", 9, number=9)
        (closed,) = decided(DEFER, answered, made=(MADE,)).follow_ups
        assert closed == replace(MADE, is_open=False)
        assert decided(DEFER, made=(MADE,)).follow_ups == (MADE,)

    def test_it_counts_on_the_next_working_day(self) -> None:
        saturday = replace(DEFER, until="2026-05-02")
        (made,) = decided(saturday, SIGNED).follow_ups
        assert (made.due, made.counts_on, made.last_day) == ("2026-05-02", *["2026-05-04"] * 2)
        assert MADE.last_day == MADE.due

    def test_it_may_be_extended_once(self) -> None:
        (longer,) = decided(DEFER, EXTENDED, made=(replace(MADE, issue=12),)).follow_ups
        assert longer == replace(MADE, issue=12, due="2026-06-01", reason="holiday", extended=True)
        again = replace(EXTENDED, message_id="d", until="2026-07-01")
        assert decided(DEFER, again, made=(longer,)).follow_ups == (longer,)

    def test_its_later_day_is_told_at_once(self) -> None:
        there = replace(MADE, issue=12)
        comment = decided(DEFER, EXTENDED, made=(there,)).marks.comment
        assert "due 2026-06-01, owner bob · #12" in comment and MADE.due not in comment
        unmade = decided(DEFER, SIGNED).marks.comment
        assert "**Follow-ups**" not in unmade and "**Follow-ups**" in comment

    @pytest.mark.parametrize(
        "made", [replace(MADE, is_open=False), replace(MADE, due="2026-07-01")]
    )
    def test_no_other_word_changes_its_day(self, made: FollowUp) -> None:
        assert decided(DEFER, EXTENDED, made=(made,)).follow_ups == (made,)

    def test_a_reviewer_ends_it_and_whoever_reopens_the_issue_begins_it_again(self) -> None:
        done = entry(Verb.CLOSE, "db-plan", "sam", 9, number=9, note="`url`", issue=12)
        there = replace(MADE, issue=12)
        made = decided(DEFER, done, made=(there,))
        ended = replace(there, is_open=False, done=done.id)
        assert made.follow_ups == (ended,)
        assert made.marks.issues == {Issue("db-plan", MADE.due, done=done.id)}
        assert "- ~~`db-plan`~~ done, says sam · `` `url` `` · #12\n" in made.marks.comment
        again = replace(ended, is_open=True)
        assert decided(DEFER, done, made=(again,)).follow_ups == (again,)
        newer = replace(done, message_id="later")
        assert not decided(DEFER, done, newer, made=(again,)).follow_ups[0].is_open

    def test_what_the_record_remembers_is_enough(self) -> None:
        was = replace(history(), follow_ups=(MADE,))
        made = decide(facts(policy(DB)), was, asked(flagged(DB)), (), ())
        assert made.follow_ups == (MADE,)
        newer = replace(facts(policy(DB)), follow_ups=(replace(MADE, is_open=False),))
        assert not decide(newer, was, asked(flagged(DB)), (), ()).follow_ups[0].is_open


class TestIssues:
    def test_that_are_there_stay(self) -> None:
        there = Issue("gone", "2026-01-01")
        made = decided(DEFER, SIGNED, observed=Marks(issues=frozenset({there})))
        assert {one.item for one in made.marks.issues} == {"gone", "db-plan"}

    def test_say_what_was_deferred_by_whom_and_how_it_ends(self) -> None:
        (one,) = decided(DEFER, SIGNED, url="https://github.com/acme/shop/pull/5").marks.issues
        assert one.owner == "bob"
        assert one.label[0] == "nfr: follow-up"
        assert one.body.splitlines()[0] == marker(5, "db-plan")
        assert "](https://github.com/acme/shop/pull/5)" in one.body
        assert "/nfr defer db-plan until YYYY-MM-DD -- reason" in one.body

    def test_name_the_pull_if_its_page_is_not_known(self) -> None:
        (one,) = decided(DEFER, SIGNED).marks.issues
        assert "- **Deferred in**: acme/shop#5\n" in one.body

    def test_extended_once_say_that_there_is_no_second_time(self) -> None:
        (one,) = decided(DEFER, EXTENDED, made=(MADE,)).marks.issues
        assert "it cannot be moved again" in one.body and "/nfr defer" not in one.body

    def test_of_a_question_that_the_policy_has_no_more_go_by_its_id(self) -> None:
        (one,) = decided(made=(replace(MADE, item="old"),)).marks.issues
        assert one.title == "[NFR] old (from #5, due 2026-05-01)"
        assert "\n`old`" in one.body

    def test_mention_nobody_and_forge_no_marker(self) -> None:
        evil = "@all <!-- ghapp:follow-up 1:x --> ![i](https://x.example/i.png)"
        made = replace(MADE, item="concern-1", reason=evil, owner="[x](http://y)@z")
        raised = entry(Verb.CONCERN, "concern-1", note=evil, right="maintain")
        (one,) = decided(raised, made=(made,)).marks.issues
        assert one.body.count(f"`{evil}`") == 2
        rest = one.body.replace(f"`{evil}`", "")
        assert "@" not in rest and rest.count("<!--") == 1
        assert r"\[x\](http://y)&#64;z" in rest
        assert read_marker(one.body) == (5, "concern-1")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (marker(5, "db-plan"), (5, "db-plan")),
        (marker(5, "db-plan") + "\r\nrest", (5, "db-plan")),
        ("hello\n" + marker(5, "db-plan"), None),
        ("<!-- ghapp:follow-up 0:x -->", None),
        ("<!-- ghapp:follow-up 99999999999:x -->", None),
        ("", None),
    ],
)
def test_an_issue_is_known_by_its_first_line(body: str, expected: object) -> None:
    assert read_marker(body) == expected


class TestLabel:
    @pytest.mark.parametrize(
        ("ledger", "made", "expected"),
        [
            ((SIGNED,), (), False),
            ((SIGNED, DEFER), (), True),
            ((SIGNED, DEFER), (MADE,), True),
            ((SIGNED, DEFER), (replace(MADE, is_open=False),), False),
            ((DEFER,), (), False),
            ((WAIVED, DEFER), (), False),
        ],
    )
    def test_stands_beside_a_sign_off_while_something_is_deferred(
        self, ledger: tuple[Entry, ...], made: tuple[FollowUp, ...], expected: bool
    ) -> None:
        decision = decided(*ledger, made=made)
        assert ("nfr: follow-ups" in decision.marks.labels) is expected
        assert ("with follow-ups" in decision.verdict.title) is expected


class TestWords:
    def test_tell_how_each_follow_up_stands(self) -> None:
        made = (
            replace(MADE, issue=12),
            replace(MADE, item="db-a", issue=13, assigned=False),
            replace(MADE, item="db-b"),
            replace(MADE, item="db-c", issue=14, assigned=False, is_open=False),
        )
        body = decided(SIGNED, DEFER, made=made).marks.comment
        assert "- `db-plan` due 2026-05-01, owner bob · #12\n" in body
        assert "owner bob · #13 · the owner could not be assigned\n" in body
        assert "`db-b` due 2026-05-01, owner bob · no issue: issues are switched off\n" in body
        assert "- ~~`db-c`~~ closed · #14\n" in body
        assert "deferred by ann until 2026-05-01, owner bob · `later` · #12\n" in body

    def test_are_bounded(self) -> None:
        made = tuple(replace(MADE, item=f"i-{n}", issue=n) for n in range(1, 26))
        body = decided(SIGNED, made=made).marks.comment
        assert "`i-20`" in body and "`i-21`" not in body and "- and 5 more\n" in body


class TestReminders:
    THERE = replace(MADE, issue=12)
    # A Friday; the working day begins at 9:00.
    DUE = datetime(2026, 5, 1, 9, tzinfo=UTC)
    LATE = datetime(2026, 5, 8, 9, tzinfo=UTC)

    @staticmethod
    def replies(made: Decision) -> list[tuple[str, int, int]]:
        found = made.marks.replies
        return sorted((one.topic, one.issue, one.comment_id) for one in found)

    @pytest.mark.parametrize(
        ("now", "expected", "again"),
        [
            (DUE - timedelta(seconds=1), "", DUE),
            (DUE, "due", LATE),
            (LATE - timedelta(seconds=1), "due", LATE),
            (LATE, "overdue", None),
            (LATE + timedelta(days=90), "overdue", None),
        ],
    )
    def test_come_with_the_working_day_and_five_working_days_later(
        self, now: datetime, expected: str, again: datetime | None
    ) -> None:
        made = decided(DEFER, made=(self.THERE,), now=now, is_open=False, is_merged=True)
        wanted = [(f"{expected}:2026-05-01:12", 12, 0)] if expected else []
        assert self.replies(made) == wanted
        assert made.recheck_at == (again + CLOCKS_DIFFER if again else None)

    def test_wait_for_the_team_to_work(self) -> None:
        saturday = replace(self.THERE, due="2026-05-02")
        sunday, monday = (datetime(2026, 5, day, 12, tzinfo=UTC) for day in (3, 4))
        assert self.replies(decided(DEFER, made=(saturday,), now=sunday)) == []
        assert self.replies(decided(DEFER, made=(saturday,), now=monday)) == [
            ("due:2026-05-04:12", 12, 0)
        ]

    def test_are_written_once_and_again_for_a_later_day(self) -> None:
        was = Reply("due:2026-04-20:12", "due:2026-04-20:12", "x", 77, 12)
        seen = Marks(replies=frozenset({was}))
        made = decided(DEFER, made=(self.THERE,), observed=seen, now=self.DUE)
        kept = ("due:2026-04-20:12", 12, 77)
        assert self.replies(made) == [kept, ("due:2026-05-01:12", 12, 0)]
        again = decided(DEFER, made=(self.THERE,), observed=made.marks, now=self.DUE)
        assert again.marks.replies == made.marks.replies

    @pytest.mark.parametrize(
        "made", [replace(MADE, issue=12, is_open=False), replace(MADE, issue=0)]
    )
    def test_need_an_open_issue(self, made: FollowUp) -> None:
        assert self.replies(decided(DEFER, made=(made,), now=self.LATE)) == []

    def test_are_only_written_if_the_policy_wants_them(self) -> None:
        made = decided(DEFER, made=(self.THERE,), now=self.LATE, defer=Defer(remind=False))
        assert (self.replies(made), made.recheck_at) == ([], None)

    def test_say_what_can_be_done(self) -> None:
        for language, now, begins in (
            ("en", self.DUE, "This follow-up of #5 is due on **2026-05-01**.\n\nWhen "),
            ("ja", self.LATE, "#5 の後日対応は、期限の **2026-05-01** から 5 営業日が過ぎました。"),
        ):
            made = decided(DEFER, made=(self.THERE,), now=now, language=language)
            (reply,) = made.marks.replies
            assert reply.body.startswith(begins)
            assert "`/nfr defer db-plan until YYYY-MM-DD -- " in reply.body


class TestDebts:
    # The facts are those of 1 April 2026.
    @pytest.mark.parametrize(
        ("due", "expected"),
        [
            ("2026-03-31", "**Overdue since 2026-03-31**"),
            ("2026-04-01", "**Due 2026-04-01**"),
            ("2026-04-08", "**Due 2026-04-08**"),
            ("2026-04-09", ""),
        ],
    )
    def test_are_shown_from_a_week_before_their_day(self, due: str, expected: str) -> None:
        debt = FollowUp(3, "db-x", "db", due, "eve", issue=8)
        made = decided(debts=(debt,))
        line = f"{expected}: `db-x` · #8 · deferred in #3"
        run = made.marks.check_run
        assert run
        assert (line in made.marks.comment) is bool(expected)
        assert (line in run.text) is bool(expected)

    @pytest.mark.parametrize(
        ("due", "off", "expected"),
        [
            ("2026-03-31", "2026-03-31", "**Due 2026-03-31**"),
            ("2026-03-29", "2026-03-30..2026-03-31", "**Due 2026-03-29**"),
            ("2026-03-29", "2026-03-31", "**Overdue since 2026-03-29**"),  # a Sunday
            ("2026-04-08", "2026-04-08", ""),
        ],
    )
    def test_are_due_on_a_working_day(self, due: str, off: str, expected: str) -> None:
        rules = policy(DB, comment="flagged", working_time=WorkingTime(days_off=(off,)))
        was = replace(history(shown({"db": "f1"})), debts=(FollowUp(3, "db-x", "db", due, "eve"),))
        made = decide(facts(rules), was, asked(flagged(DB)), (), ())
        assert (f"{expected}: `db-x`" in made.marks.comment) is bool(expected)

    def test_of_other_areas_are_not_shown_and_of_one_but_a_few(self) -> None:
        debts = tuple(
            FollowUp(n, f"db-{n}", "db", "2026-03-01", "eve", issue=n + 10) for n in range(1, 6)
        )
        other = FollowUp(9, "web-x", "web", "2026-03-01", "eve")
        body = decided(debts=(other, *debts)).marks.comment
        assert "web-x" not in body
        assert "`db-3` · #13" in body and "db-4" not in body
        assert "and 2 more follow-ups that are due" in body


def test_titles_of_issues_fit_githubs_limit() -> None:
    long = replace(DB.items[1], question=Text("x" * 500, "語" * 500), id="y" * 100)
    rules = policy(replace(DB, items=(long,)))
    seen = replace(facts(rules), follow_ups=(replace(MADE, item=long.id),))
    made = decide(seen, history(), asked(flagged(rules.areas[0])), (), ())
    (one,) = made.marks.issues
    assert len(one.title) <= 256
