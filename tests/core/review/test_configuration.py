"""Findings over time, and who may accept them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.areas import Finding, Reviewers, Text
from ghapp.core.ledger import Entry, Refusal, Verb
from ghapp.core.model import Account, Channel, Message, Rights
from ghapp.core.policy.policy import Policy
from ghapp.core.review import configuration
from ghapp.core.review.configuration import (
    Accept,
    Place,
    Standing,
    Tracked,
    acceptances,
    asks,
    commands,
    judged,
    tracked,
)

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=7)
TODAY = NOW.date()
POLICY = Policy(reviewers=Reviewers(teams=("sre",)))


def finding(path: str = "a.tf", line: int = 1, hazard: str = "IAC-001", **more: str) -> Finding:
    values = {"severity": "must", "item": "i", "area": "iac", **more}
    return Finding(hazard, path=path, line=line, message=Text("m", "m"), **values)


def said(text: str, speaker: str = "sam", id: str = "comment:1") -> Message:
    return Message(id, Channel.COMMENT, speaker, NOW, text, comment_id=1, speaker_id=7)


def test_a_finding_keeps_the_day_on_which_it_was_first_seen() -> None:
    first = tracked((), [finding(), finding(line=9)], NOW)
    assert [(one.number, one.line, one.first_seen) for one in first] == [(0, 1, NOW), (1, 9, NOW)]
    (one,) = tracked(first[:1], [finding(line=4)], LATER)
    assert (one.line, one.first_seen, one.last_seen, one.gone_at) == (4, NOW, LATER, None)


def test_what_is_no_longer_found_is_gone_and_forgotten_after_a_while() -> None:
    first = tracked((), [finding()], NOW)
    (gone,) = tracked(first, [], LATER)
    assert (gone.gone_at, gone.last_seen) == (LATER, NOW)
    assert tracked([gone], [], LATER + timedelta(days=1)) == (gone,)
    assert tracked([gone], [], LATER + timedelta(days=90)) == ()
    (back,) = tracked([gone], [finding()], LATER + timedelta(days=1))
    assert back.first_seen == LATER + timedelta(days=1)


def test_what_was_not_searched_stays_as_it_was() -> None:
    first = tracked((), [finding(), finding("b.tf")], NOW)
    assert tracked(first, [], LATER, unsearched={"a.tf"})[0] == first[0]
    stays = tracked(first, [finding("b.tf", hazard="IAC-002")], LATER, complete=False)
    assert {(one.path, one.hazard): one.gone_at for one in stays} == {
        ("a.tf", "IAC-001"): None,
        ("b.tf", "IAC-001"): LATER,
        ("b.tf", "IAC-002"): None,
    }


def test_the_heaviest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "MOST_KEPT", 2)
    found = [finding(severity="could"), finding("b.tf"), finding("c.tf", severity="should")]
    assert [one.severity for one in tracked((), found, NOW)] == ["must", "should"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3)), max_size=5), st.booleans())
def test_a_search_that_finds_the_same_changes_nothing_but_its_time(
    places: list[tuple[str, int]], complete: bool
) -> None:
    found = [finding(path, line) for path, line in places]
    first = tracked((), found, NOW)
    again = tracked(first, found, LATER, complete=complete)
    assert [(one.path, one.line, one.first_seen) for one in again] == [
        (one.path, one.line, NOW) for one in first
    ]


# --- what is accepted -----------------------------------------------------------------------------


def entry(verb: Verb, until: str = "", subject: str = "IAC-001 a.tf") -> Entry:
    return Entry("comment:1", 0, verb, "sam", NOW, Channel.COMMENT, subject=subject, until=until)


def test_an_acceptance_holds_until_its_day_or_until_it_is_undone() -> None:
    accepted = entry(Verb.ACCEPT, "2026-12-01")
    assert acceptances([accepted], TODAY) == {"IAC-001 a.tf": accepted}
    assert acceptances([accepted], TODAY + timedelta(days=1)) == {}
    assert acceptances([accepted, entry(Verb.UNDO)], TODAY) == {}
    assert acceptances([entry(Verb.UNDO), entry(Verb.REFUSED)], TODAY) == {}


def test_what_stands() -> None:
    first = tracked((), [finding(), finding("c.tf")], NOW)
    found = [finding(), finding("b.tf", accepted="ok"), finding("d.tf", severity="could")]
    after = tracked(first, found, LATER)
    standing = Standing(after, {"IAC-001 a.tf": entry(Verb.ACCEPT)}, LATER, NOW)
    assert [one.path for one in standing.open] == ["d.tf"]
    assert [one.path for one in standing.waived] == ["a.tf", "b.tf"]
    assert [one.path for one in standing.gone] == ["c.tf"]
    assert standing.counts() == {"must": 0, "should": 0, "could": 1, "accepted": 2}
    assert [standing.is_new(one) for one in after] == [False, True, True, False]
    assert not Standing(first, None, NOW).is_new(first[0])
    assert Standing().gone == ()
    assert (standing.newest, Standing().newest) == (LATER, None)


# --- commands -------------------------------------------------------------------------------------


def test_a_command_names_a_hazard_and_a_path() -> None:
    def read(body: str) -> list[Accept | Refusal]:
        return [command for command, _ in commands(body)]

    place = Place("IAC-001", "Infra/main file.tf")
    assert read("/nfr accept iac-001 `Infra/main` file.tf until 2027-01-15 -- a bastion") == [
        Accept(Verb.ACCEPT, Place("IAC-001", "Infra/main file.tf"), "2027-01-15", "a bastion")
    ]
    assert read("/nfr accept IAC-001 Infra/main file.tf — why") == [
        Accept(Verb.ACCEPT, place, "", "why")
    ]
    assert read("／ｎｆｒ undo IAC-001 a.tf") == [Accept(Verb.UNDO, Place("IAC-001", "a.tf"))]
    for asked in ("/nfr", "/nfr help", "/nfr HELP me", "/nfr-help"):
        assert read(asked) == [Accept(Verb.HELP, None)]
    assert read("/nfrhelp") == []
    for wrong in ("accept IAC-001 a.tf", "accept IAC-001 -- why", "done -- why", "undo", "accept"):
        assert read(f"/nfr {wrong}") == [Refusal("syntax")]
    assert read("> /nfr undo IAC-001 a.tf\n\nno command") == []
    assert len(read("/nfr undo A-1 b\n" * 30)) == configuration.MOST_COMMANDS


def outcome(
    text: str, rights: Rights | None = None, policy: Policy = POLICY, known: bool = True
) -> Entry:
    held = rights or Rights(teams=frozenset({"acme/sre"}))
    found = tracked((), [finding()] if known else [], NOW)
    (made,) = judged([said(text)], policy, {"sam": held}, "acme", found, TODAY)
    return made


def test_a_reviewer_accepts_a_finding() -> None:
    made = outcome("/nfr accept IAC-001 a.tf until 2026-12-24 -- a bastion")
    assert (made.verb, made.subject, made.until) == (Verb.ACCEPT, "IAC-001 a.tf", "2026-12-24")
    assert (made.note, made.right, made.comment_id) == ("a bastion", "team acme/sre", 1)
    assert outcome("/nfr undo IAC-001 a.tf").verb is Verb.UNDO


def test_anyone_may_ask_for_help() -> None:
    unreadable = Policy(reviewers=POLICY.reviewers, standing="unreadable")
    made = outcome("/nfr help", rights=Rights(), policy=unreadable)
    assert (made.verb, made.subject, made.refusal) == (Verb.HELP, "", None)
    assert configuration.asks([said("/nfr help")], POLICY, "acme") == {}
    assert list(configuration.asks([said("/nfr\n/nfr undo A b")], POLICY, "acme")) == ["sam"]
    assert acceptances([made], TODAY) == {}


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("accept IAC-001 a.tf -- x", {"rights": Rights(maintain=True)}, "reviewer"),
        ("accept IAC-001 a.tf -- x", {"rights": Rights(unclear=("no",))}, "unclear"),
        ("accept IAC-001 a.tf -- x", {"known": False}, "unknown"),
        ("accept IAC-001 b.tf -- x", {}, "unknown"),
        ("accept IAC-001 a.tf until 2026-11-30 -- x", {}, "day"),
        ("accept IAC-001 a.tf until soon -- x", {}, "day"),
        ("accept IAC-001 a.tf", {}, "syntax"),
        (
            "accept IAC-001 a.tf -- x",
            {"policy": Policy(reviewers=POLICY.reviewers, standing="unreadable")},
            "unreadable",
        ),
    ],
)
def test_what_is_refused(text: str, more: dict[str, object], reason: str) -> None:
    made = outcome(f"/nfr {text}", **more)  # type: ignore[arg-type]
    assert made.verb is Verb.REFUSED
    assert made.refusal is not None
    assert made.refusal.reason == reason
    assert made.note == f"/nfr {text}"


def test_the_right_is_that_of_the_account_by_its_present_name() -> None:
    users = Policy(reviewers=Reviewers(users=("samuel",)))
    renamed = Rights(account=Account("samuel", 7))
    assert outcome("/nfr undo IAC-001 a.tf", renamed, users).verb is Verb.UNDO


def test_only_about_people_who_write_commands_github_is_asked() -> None:
    messages = [said("/nfr undo IAC-001 a.tf"), said("thanks", "ann")]
    (asked,) = asks(messages, POLICY, "acme").items()
    assert asked[0] == "sam"
    assert (asked[1].permission, asked[1].teams) == (False, frozenset({"acme/sre"}))
    assert asks(messages, Policy(), "acme")["sam"].permission


def test_a_message_without_rights_is_refused() -> None:
    (made,) = judged([said("/nfr undo A-1 b")], POLICY, {}, "acme", (), date(2026, 12, 1))
    assert made.refusal == Refusal("reviewer", "sam")


def test_a_tracked_finding_names_its_place() -> None:
    one = Tracked("a.tf", "IAC-001", 0, 1, "must", "iac", NOW, NOW)
    assert str(one.place) == "IAC-001 a.tf"
