from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.areas import Reviewers
from ghapp.core.ledger import Verb
from ghapp.core.model import Account, Message, Via
from ghapp.core.policy.policy import Policy
from ghapp.core.records import History
from ghapp.core.review.judge import judge, settled_heads
from ghapp.core.review.pushes import bar, counting, is_unknown, newest, only_by, owners, steps
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    REVIEWER,
    approval,
    comment,
    entry,
    facts,
    history,
    policy,
    pull,
    pushed,
    shown,
)
from tests.core.review.verdicts import BOTH, DB, RULES, SEEN, verdicts

ANN, BOB, SAM = Account("ann"), Account("bob"), Account("sam")
THIRD, FOURTH = "c" * 40, "d" * 40
NONE = "0" * 40
OPENED = pushed(HEAD, "ann", 0)


def why(was: History, who: Account = SAM, head_sha: str = NEXT_HEAD, **more: object) -> str:
    """Why somebody may not settle an area of a head, in short."""
    found = bar(was, pull(head_sha, **more), who, "db", head_sha, was.ledger)
    return f"{found.reason} {found.names[0]}" if found else ""


# --- the way back from a head --------------------------------------------------------------


def test_the_way_leads_from_each_push_to_the_head_before_it() -> None:
    was = history(pushes=[pushed(NEXT_HEAD, "bob", 2, HEAD), OPENED])
    assert steps(was, NEXT_HEAD) == ((HEAD, {ANN}), (NEXT_HEAD, {BOB}))
    assert steps(was, NEXT_HEAD, HEAD) == ((NEXT_HEAD, {BOB}),)
    assert steps(was, THIRD) == ((THIRD, frozenset()),)


def test_a_push_on_an_unknown_head_is_by_an_unknown_person() -> None:
    was = history(pushes=[pushed(NEXT_HEAD, "bob", 2, THIRD), OPENED])
    assert steps(was, NEXT_HEAD) == ((THIRD, frozenset()), (NEXT_HEAD, {BOB}))
    unsaid = history(pushes=[pushed(HEAD, "bob", 2, via=Via.SYNCHRONIZE)])
    assert steps(unsaid, HEAD) == ((HEAD, frozenset()),)


def test_the_first_head_is_the_authors_only_if_the_pull_was_opened_with_it() -> None:
    assert steps(history(), HEAD) == ((HEAD, {ANN}),)
    assert steps(history(pushes=()), HEAD) == ((HEAD, frozenset()),)
    sam = pushed(HEAD, "sam", 0, NONE, via=Via.PUSH)
    assert steps(history(pushes=[sam, OPENED]), HEAD) == ((HEAD, {ANN, SAM}),)


def test_what_was_on_the_branch_before_counts_only_if_asked_for() -> None:
    tip = pushed(HEAD, "ann", 0, NEXT_HEAD, via=Via.PUSH)
    first = pushed(NEXT_HEAD, "eve", 0, NONE, via=Via.PUSH)
    was = history(pushes=[first, tip, OPENED])
    assert [head for head, _ in steps(was, HEAD)] == [HEAD]
    assert [head for head, _ in steps(was, HEAD, deep=True)] == [NEXT_HEAD, HEAD]
    assert only_by(ANN, history(), HEAD)
    assert not only_by(ANN, was, HEAD)
    assert not only_by(ANN, history(pushes=[tip, OPENED]), HEAD)


def test_a_pull_is_only_by_an_account_that_is_known_to_have_pushed_all_of_it() -> None:
    robot = Account("renovate[bot]")
    opened = pushed(HEAD, "Renovate[bot]", 0)
    assert only_by(robot, history(pushes=[opened]), HEAD)
    assert not only_by(robot, history(pushes=[opened]), NEXT_HEAD)
    other = [opened, pushed(NEXT_HEAD, "eve", 1, HEAD)]
    assert not only_by(robot, history(pushes=other), NEXT_HEAD)


def test_the_newest_head_is_the_last_one_pushed_or_shown() -> None:
    assert newest(history(shown({}, NEXT_HEAD, 1))) == NEXT_HEAD
    back = pushed(HEAD, "ann", 3, NEXT_HEAD)
    assert newest(history(shown({}, NEXT_HEAD, 1), pushes=[OPENED, back])) == HEAD
    assert newest(history(pushes=())) == ""


# --- commits -------------------------------------------------------------------------------


def test_commits_belong_to_everybody_who_pushed_them_anywhere() -> None:
    tip = pushed(NEXT_HEAD, "ann", 1)
    was = replace(
        history(pushes=[tip]),
        commits={NEXT_HEAD: (HEAD, NEXT_HEAD)},
        pushers={HEAD: frozenset({SAM})},
    )
    assert owners(was, pull(NEXT_HEAD), NEXT_HEAD) == {HEAD: {SAM}, NEXT_HEAD: {ANN}}
    assert why(was) == f"pushed {HEAD[:7]}"
    assert why(was, BOB) == ""
    assert why(replace(was, pushers={}), BOB) == f"pusher_unknown {HEAD[:7]}"
    assert is_unknown(replace(was, pushers={}), pull(NEXT_HEAD), NEXT_HEAD)


def test_commits_of_a_fork_belong_to_who_opened_the_pull_or_pushed_them() -> None:
    pushes = [pushed(NEXT_HEAD, "ann", 1), pushed(FOURTH, "sam", 2, NEXT_HEAD)]
    commits = {FOURTH: (HEAD, NEXT_HEAD, THIRD, FOURTH)}
    was = replace(history(pushes=pushes), commits=commits)
    found = owners(was, pull(FOURTH, from_fork=True), FOURTH)
    assert found == {HEAD: {ANN}, NEXT_HEAD: {ANN}, THIRD: {SAM}, FOURTH: {SAM}}
    assert owners(was, pull(FOURTH), FOURTH) == {**found, HEAD: set(), THIRD: set()}


def test_what_github_lists_covers_all_since_the_head_before_unless_a_delivery_names_it() -> None:
    listed = pushed(NEXT_HEAD, "ann", 1, NONE, via=Via.ACTIVITY)
    was = replace(history(pushes=[listed]), commits={NEXT_HEAD: (HEAD, NEXT_HEAD)})
    assert owners(was, pull(NEXT_HEAD), NEXT_HEAD) == {HEAD: {ANN}, NEXT_HEAD: {ANN}}
    delivered = pushed(NEXT_HEAD, "ann", 1, NONE, via=Via.PUSH)
    both = replace(was, pushes=(listed, delivered))
    assert owners(both, pull(NEXT_HEAD), NEXT_HEAD) == {HEAD: set(), NEXT_HEAD: {ANN}}


def test_a_head_whose_commits_are_not_listed_is_of_an_unknown_person() -> None:
    assert owners(history(), pull(commits=2), HEAD) is None
    assert why(history(), SAM, HEAD, commits=2) == f"pusher_unknown {HEAD[:7]}"
    assert why(history(), SAM, HEAD) == ""


def test_a_head_that_another_has_signed_off_is_nobodys_own() -> None:
    signed = entry(Verb.SIGN_OFF, "db", "zoe", 6, "d2", NEXT_HEAD)
    pushes = [OPENED, pushed(NEXT_HEAD, "sam", 2, HEAD), pushed(THIRD, "ann", 7, NEXT_HEAD)]
    was = history(shown({"db": "d2"}, NEXT_HEAD, 3), ledger=[signed], pushes=pushes)
    commits = {NEXT_HEAD: (HEAD, NEXT_HEAD), THIRD: (HEAD, NEXT_HEAD, THIRD)}
    pushers = {HEAD: frozenset({ANN}), NEXT_HEAD: frozenset({SAM}), THIRD: frozenset({ANN})}
    was = replace(was, commits=commits, pushers=pushers)
    assert why(was, SAM, THIRD) == ""
    assert why(replace(was, ledger=()), SAM, THIRD) == f"pushed {NEXT_HEAD[:7]}"


def test_what_a_signed_head_had_put_right_comes_back_without_it() -> None:
    """Its commit is in the signed head, which is thrown away: another person put it right there."""
    signed = entry(Verb.SIGN_OFF, "db", "zoe", 6, "d3", THIRD)
    pushes = [
        OPENED,
        pushed(NEXT_HEAD, "sam", 2, HEAD),
        pushed(THIRD, "ann", 5, NEXT_HEAD),
        pushed(NEXT_HEAD, "ann", 7, THIRD),
    ]
    was = history(shown({"db": "d3"}, THIRD, 5.5), ledger=[signed], pushes=pushes)
    commits = {NEXT_HEAD: (HEAD, NEXT_HEAD), THIRD: (HEAD, NEXT_HEAD, THIRD)}
    assert why(replace(was, commits=commits), SAM, NEXT_HEAD) == f"pushed {NEXT_HEAD[:7]}"


def test_a_branch_goes_back_further_than_the_commits_of_its_pull() -> None:
    pushes = [
        pushed(HEAD, "sam", 0, NONE, via=Via.ACTIVITY, branch="feat/points"),
        pushed(NEXT_HEAD, "bob", 1, HEAD, via=Via.ACTIVITY, branch="feat/points"),
    ]
    was = replace(history(pushes=pushes), commits={NEXT_HEAD: (NEXT_HEAD,)})
    assert why(was, SAM) == ""
    assert why(was, BOB) == f"pushed {NEXT_HEAD[:7]}"


# --- a head that comes back ----------------------------------------------------------------


def test_a_commit_that_comes_back_is_not_signed_off_by_who_had_pushed_it() -> None:
    """Sam's commit is thrown away, zoe signs off without it, ann brings it back and goes on."""
    pushes = [
        OPENED,
        pushed(NEXT_HEAD, "sam", 1, HEAD),
        pushed(THIRD, "ann", 3, NEXT_HEAD),
        pushed(NEXT_HEAD, "ann", 6, THIRD),
        pushed(FOURTH, "ann", 7, NEXT_HEAD),
    ]
    seen = [
        shown({"db": mark}, head, minutes)
        for mark, head, minutes in (("d2", NEXT_HEAD, 2), ("d3", THIRD, 4), ("d4", FOURTH, 8))
    ]
    signed = entry(Verb.SIGN_OFF, "db", "zoe", 5, "d3", THIRD)
    was = history(SEEN, *seen, ledger=[signed], pushes=pushes)
    said = comment("/nfr done db", minutes=9)
    assert verdicts(said, was=was, head_sha=FOURTH) == [("refused", "pushed", NEXT_HEAD[:7])]
    said = comment("/nfr done db", "sue", minutes=9)
    assert verdicts(said, was=was, head_sha=FOURTH) == [("sign_off", "db", "team acme/sre")]


def test_a_head_that_is_back_without_a_push_was_brought_by_an_unknown_person() -> None:
    away = [OPENED, pushed(NEXT_HEAD, "ann", 1, HEAD), pushed(HEAD, "ann", 2, NEXT_HEAD)]
    was = history(shown({}, NEXT_HEAD, 1), pushes=away)
    assert why(was, SAM, NEXT_HEAD) == f"pusher_unknown {NEXT_HEAD[:7]}"
    assert is_unknown(was, pull(NEXT_HEAD), NEXT_HEAD)
    for via, branch, expected in (
        (Via.PUSH, "feat/points", ""),
        (Via.PUSH, "another", f"pusher_unknown {NEXT_HEAD[:7]}"),
        (Via.SYNCHRONIZE, "", ""),
    ):
        back = pushed(NEXT_HEAD, "bob", 3, HEAD, via=via, branch=branch)
        assert why(replace(was, pushes=(*was.pushes, back)), SAM, NEXT_HEAD) == expected


# --- renamed accounts ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (Account("sam-new", 5), f"pushed {NEXT_HEAD[:7]}"),
        (Account("sam", 6), ""),  # somebody else, who took the name
        (Account("Sam"), f"pushed {NEXT_HEAD[:7]}"),
    ],
)
def test_a_renamed_account_is_still_who_pushed(who: Account, expected: str) -> None:
    was = history(pushes=[OPENED, pushed(NEXT_HEAD, "sam", 2, HEAD, user_id=5)])
    assert why(was, who) == expected


# --- deliveries that come late -------------------------------------------------------------


def test_a_sign_off_by_who_turns_out_to_have_pushed_does_not_count() -> None:
    signed = entry(Verb.SIGN_OFF, "db", "sam", 5, "d1")
    was = history(SEEN, ledger=[signed])
    rules = policy()
    assert counting(was.ledger, was, pull(), rules) == was.ledger
    late = replace(was, pushes=(*was.pushes, pushed(HEAD, "sam", 0, NONE, via=Via.PUSH)))
    (found,) = counting(was.ledger, late, pull(), rules)
    assert (found.verb, found.refusal and found.refusal.reason) == (Verb.REFUSED, "pushed")
    assert counting(was.ledger, late, pull(), replace(rules, allow_author=True)) == was.ledger
    under = replace(
        was, commits={HEAD: (THIRD, HEAD)}, pushers={THIRD: frozenset({SAM}), HEAD: frozenset()}
    )
    (found,) = counting(was.ledger, under, pull(), rules)
    assert found.refusal
    assert found.refusal.names == (THIRD[:7],)


def test_what_somebody_may_sign_off_although_another_pushed_stays() -> None:
    """The signer has pushed elsewhere, and nobody knows any more who pushed what they signed."""
    signed = entry(Verb.SIGN_OFF, "db", "sam", 5, "d2", NEXT_HEAD)
    allowed = replace(entry(Verb.SIGN_OFF, "web", "sam", 5, "w1", THIRD, 2), own_allowed=True)
    later = [pushed(THIRD, "sam", 7, NEXT_HEAD)]
    was = history(SEEN, ledger=[signed, allowed], pushes=later)
    assert counting(was.ledger, was, pull(THIRD), policy()) == was.ledger


def test_a_refusal_because_nobody_knew_who_pushed_is_judged_again_once_it_is_known() -> None:
    refused = entry(
        Verb.REFUSED, "db", "sam", 5, "d2", NEXT_HEAD, pending=Verb.SIGN_OFF, right="team acme/sre"
    )
    was = history(SEEN, ledger=[refused], pushes=[OPENED])
    (unknown,) = counting(was.ledger, was, pull(NEXT_HEAD), policy())
    assert (unknown.verb, unknown.refusal and unknown.refusal.reason) == (
        Verb.REFUSED,
        "pusher_unknown",
    )
    for login, verb in (("bob", Verb.SIGN_OFF), ("sam", Verb.REFUSED)):
        late = replace(was, pushes=(OPENED, pushed(NEXT_HEAD, login, 2, HEAD)))
        (found,) = counting(was.ledger, late, pull(NEXT_HEAD), policy())
        assert found.verb is verb


# --- what has to be known ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "rules", "expected"),
    [
        (comment("/nfr done"), policy(), (HEAD,)),
        (comment("/nfr waive -- x"), policy(), (HEAD,)),
        (comment("/nfr undo"), policy(), (HEAD,)),
        (comment("/nfr done", minutes=0), policy(), (NEXT_HEAD,)),  # nothing had been shown yet
        (comment("/nfr hold -- x"), policy(), ()),
        (comment("/nfr dnoe"), policy(), ()),
        (comment("/nfr done"), policy(allow_author=True), ()),
        (approval(), policy(), ()),
        (approval(), policy(sign_off_by=frozenset({"review"})), (HEAD,)),
        (approval("changes_requested"), policy(sign_off_by=frozenset({"review"})), ()),
    ],
)
def test_who_pushed_a_head_has_to_be_known_once_somebody_settles_it(
    said: Message, rules: Policy, expected: tuple[str, ...]
) -> None:
    seen = facts(rules, said, head_sha=NEXT_HEAD)
    assert settled_heads(seen, history(SEEN)) == expected
    assert settled_heads(seen, replace(history(SEEN), judged=frozenset({said.id}))) == ()


def test_github_is_asked_who_pushed_unless_a_delivery_or_its_list_says_so() -> None:
    assert is_unknown(history(), pull(), HEAD)
    assert not is_unknown(history(), pull(from_fork=True), HEAD)
    delivered = pushed(HEAD, "ann", 0, NONE, via=Via.PUSH)
    was = history(pushes=[delivered, OPENED])
    assert not is_unknown(was, pull(), HEAD)
    assert is_unknown(was, pull(commits=2), HEAD)
    assert is_unknown(was, pull(NEXT_HEAD), NEXT_HEAD)


def test_rights_are_those_of_the_account_whatever_it_is_called_by_now() -> None:
    present = replace(REVIEWER, account=Account("samuel", 5))
    said = replace(comment("/nfr done db"), speaker_id=5)
    was, by_name = history(SEEN), policy(replace(DB, reviewers=Reviewers(users=("samuel",))))
    seen = facts(by_name, said, rights={"sam": present})
    assert [one.verb for one in judge(seen, was, BOTH).entries] == [Verb.SIGN_OFF]
    taken = facts(RULES, replace(said, speaker_id=6), rights={"sam": present})
    (refused,) = judge(taken, was, BOTH).entries
    assert refused.refusal
    assert refused.refusal.reason == "not_reviewer"
