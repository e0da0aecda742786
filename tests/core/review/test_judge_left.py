"""What is said before it is known who pushed: left for a while, and in the end judged the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ghapp.core.ledger import Entry, Verb, answers
from ghapp.core.model import Channel, Message, Push
from ghapp.core.records import Judgement
from ghapp.core.review.judge import judge
from tests.core.build import (
    HEAD,
    NEXT_HEAD,
    approval,
    at,
    button,
    comment,
    entry,
    facts,
    history,
    label,
    rerun,
    shown,
    tick,
    written,
)
from tests.core.review.verdicts import BOTH, RIGHTS, RULES, SEEN, brief

NEXT = shown({"db": "d2", "web": "w2"}, NEXT_HEAD, minutes=3)
FIRST = Push(HEAD, "ann", at(0))
KNOWN = (FIRST, Push(NEXT_HEAD, "ann", at(2)))
BY_REVIEW = replace(RULES, sign_off_by=frozenset({"command", "label", "button", "review"}))
HELD = entry(Verb.HOLD, "", "sue", 4, number=90)


def judged(
    *said: Message,
    minutes: float = 6,
    pushes: tuple[Push, ...] = (FIRST,),
    ledger: Iterable[Entry] = (),
) -> Judgement:
    """Of a head that was pushed since the first one, which is known to be the author's."""
    seen = facts(BY_REVIEW, *said, rights=RIGHTS, head_sha=NEXT_HEAD)
    was = history(SEEN, NEXT, pushes=pushes, ledger=ledger)
    return judge(replace(seen, now=at(minutes)), was, BOTH)


def names(judgement: Judgement) -> list[str]:
    return [one.id for one in judgement.left]


def old(said: Message, minutes: float = 0) -> Message:
    """One that has been left since then."""
    return replace(said, left_at=at(minutes))


SIGNS = (
    comment("/nfr done"),
    comment("/nfr done db -- read"),
    comment("/nfr done\n/nfr done db"),
    comment("/nfr waive -- incident", "lee"),
    written(Channel.REVIEW, "/nfr done", head_sha=NEXT_HEAD),
    written(Channel.REVIEW_COMMENT, "/nfr done"),
    approval(head_sha=NEXT_HEAD),
    button(head_sha=NEXT_HEAD),
)


# The same with what waits for it in its comment.
PATIENT = (
    comment("/nfr check db-rollback -- tried\n/nfr done"),
    comment("/nfr done\n/nfr na db-plan -- x\n/nfr refresh\n/nfr explain\n/nfr help"),
    written(Channel.REVIEW, "/nfr refresh\n/nfr waive -- incident", "lee", head_sha=NEXT_HEAD),
)


class TestASignOffOfAHeadThatNobodyIsKnownToHavePushed:
    @pytest.mark.parametrize("said", [*SIGNS, *PATIENT])
    def test_is_left_while_it_is_young(self, said: Message) -> None:
        assert judged(said) == Judgement(left=(replace(said, left_at=at(6)),))
        still = old(said, 1)
        assert judged(still) == Judgement(left=(still,))

    @pytest.mark.parametrize("said", SIGNS)
    def test_is_refused_in_the_end(self, said: Message) -> None:
        told = judged(old(said))
        assert (told.judged, told.left) == ((said.id,), ())
        assert brief(told.entries[0]) == ("refused", "pusher_unknown", NEXT_HEAD[:7])

    @pytest.mark.parametrize("said", SIGNS)
    def test_is_judged_as_ever_once_that_is_known(self, said: Message) -> None:
        told = judged(said, pushes=KNOWN)
        assert (told.judged, told.left) == ((said.id,), ())
        assert {one.verb for one in told.entries} <= {Verb.SIGN_OFF, Verb.WAIVE}

    @pytest.mark.parametrize("said", PATIENT)
    def test_is_judged_with_the_rest_of_its_comment(self, said: Message) -> None:
        known, late = judged(said, pushes=KNOWN), judged(old(said))
        assert known.left == late.left == ()
        assert not [one for one in known.entries if one.verb is Verb.REFUSED]
        rest = [one for one in known.entries if one.verb not in (Verb.SIGN_OFF, Verb.WAIVE)]
        refused = [one.note for one in late.entries if one.verb is Verb.REFUSED]
        assert [one.verb for one in late.entries if one.verb is not Verb.REFUSED] == [
            one.verb for one in rest
        ]
        assert refused == ["pusher_unknown"]

    def test_has_its_time_from_when_we_first_looked(self) -> None:
        assert names(judged(comment("/nfr done"), minutes=600)) == ["comment:1"]

    def test_is_refused_at_once_for_any_other_reason(self) -> None:
        for said in (comment("/nfr done", "eve"), comment("/nfr done", "ann")):
            assert judged(said).left == ()

    def test_is_left_whole_where_one_area_is_refused_for_another_reason(self) -> None:
        told = judged(comment("/nfr done db web"))
        assert (names(told), told.entries) == (["comment:1"], ())

    def test_by_label_is_refused_at_once(self) -> None:
        told = judged(label("+nfr: signed off"))
        assert ([brief(one) for one in told.entries], told.left) == (
            [("refused", "pusher_unknown", NEXT_HEAD[:7])],
            (),
        )

    @pytest.mark.parametrize(
        "more",
        ["hold -- x", "concern x", "undo", "uncheck db-plan", "defer db-plan -- x", "dnoe"],
    )
    def test_is_refused_at_once_with_what_else_its_comment_says(self, more: str) -> None:
        told = judged(comment(f"/nfr {more}\n/nfr done"))
        assert told.left == ()
        assert told.entries[-1].note == "pusher_unknown"

    def test_delivered_twice_is_left_once(self) -> None:
        said = comment("/nfr done")
        assert names(judged(said, replace(said, left_at=at(5)))) == ["comment:1"]


class TestWhatIsSaidAfterIt:
    SAID = comment("/nfr done", number=1)

    @pytest.mark.parametrize(
        "later",
        [
            comment("/nfr hold -- x", "sue", 5.1, 2),
            comment("/nfr concern x", "sue", 5.1, 2),
            comment("/nfr check db-rollback\n/nfr uncheck db-rollback", "ann", 5.1, 2),
            comment("/nfr na db-plan -- x\n/nfr defer db-rollback -- x", "ann", 5.1, 2),
            comment("/nfr help\n/nfr explain\n/nfr refresh\n/nfr dnoe", "eve", 5.1, 2),
            tick("+db-plan", minutes=5.1),
            button("refresh", minutes=5.1),
            replace(rerun(), said_at=at(5.1)),
        ],
    )
    def test_is_judged_at_once_where_no_signature_matters(self, later: Message) -> None:
        told = judged(self.SAID, later)
        assert (names(told), told.judged) == (["comment:1"], (later.id,))
        assert told.entries == judged(later).entries != ()

    @pytest.mark.parametrize(
        "later", [comment("/nfr uncheck db-rollback", "ann", 5.1, 2), tick("-db-rollback")]
    )
    def test_takes_back_what_was_answered_with_it(self, later: Message) -> None:
        """At once where it can be, and in the order of speaking once that is judged."""
        answers_too = comment("/nfr check db-rollback -- tried\n/nfr done", number=1)
        later = replace(later, said_at=at(5.1))
        now = judged(answers_too, later)
        assert ([one.verb for one in now.entries], names(now)) == ([Verb.UNCHECK], ["comment:1"])
        then = judged(*now.left, pushes=KNOWN, ledger=now.entries)
        assert then.entries[0].verb is Verb.CHECK
        assert "db-rollback" in answers(then.entries)
        assert answers(now.entries + then.entries) == {}

    def test_is_left_too_where_it_signs(self) -> None:
        later = comment("/nfr done web", "wes", 5.1, 2), approval("approved", "bob", 5.2, 3)
        assert judged(later[1]).entries == judged(later[1]).left == ()
        told = judged(self.SAID, *later)
        assert (names(told), told.judged) == (["comment:1", "comment:2", "review:3:approved"], ())

    @pytest.mark.parametrize(
        "later",
        [
            comment("/nfr undo", "sam", 5.1, 2),
            approval("changes_requested", minutes=5.1, head_sha=NEXT_HEAD),
            label("-nfr: signed off", minutes=5.1),
            label("+nfr: signed off", minutes=5.1),
            comment("/nfr done\n/nfr hold -- x", minutes=5.1, number=2),
            old(comment("/nfr done", "sue", 5.1, 2)),
        ],
    )
    def test_has_it_judged_first_where_signatures_matter_now(self, later: Message) -> None:
        told = judged(self.SAID, later)
        assert (told.left, told.judged) == ((), ("comment:1", later.id))
        assert told.entries[0].note == "pusher_unknown"

    def test_never_takes_back_something_else_than_was_meant(self) -> None:
        """Else the undo lifted the hold, and the sign-off turned it green when it was judged."""
        signs, takes_back = comment("/nfr done", "sue"), comment("/nfr undo", "sue", 5.1, 2)
        first = judged(signs, ledger=[HELD])
        then = judged(*first.left, takes_back, pushes=KNOWN, ledger=[HELD, *first.entries])
        assert [one.verb for one in then.entries] == [Verb.SIGN_OFF, Verb.UNDO]

    def test_may_be_left_after_an_undo(self) -> None:
        takes_back, again = (
            comment("/nfr undo", minutes=5.1, number=2),
            comment("/nfr done", number=3),
        )
        again = replace(again, said_at=at(5.2))
        assert names(judged(self.SAID, takes_back, again)) == ["comment:3"]


WORDS = (
    ("/nfr done", "sam"),
    ("/nfr done db", "sue"),
    ("/nfr done web", "wes"),
    ("/nfr done concern-1", "sue"),
    ("/nfr waive -- x", "lee"),
    ("/nfr undo", "sam"),
    ("/nfr undo", "sue"),
    ("/nfr hold -- x", "sam"),
    ("/nfr hold web -- x", "wes"),
    ("/nfr concern x", "sue"),
    ("/nfr check db-rollback", "ann"),
    ("/nfr uncheck db-rollback", "ann"),
    ("/nfr defer db-plan -- x", "sue"),
    ("/nfr done\n/nfr hold db -- x", "sam"),
    ("/nfr check db-rollback\n/nfr done", "sam"),
    ("/nfr done web\n/nfr na db-plan db-rollback -- x", "sue"),
    ("/nfr na db-rollback -- x", "ann"),
)
TALK = st.lists(st.sampled_from(WORDS), max_size=7).map(
    lambda words: [
        comment(text, by, 5 + number / 10, number) for number, (text, by) in enumerate(words, 1)
    ]
)


@given(said=TALK, heard=st.integers(0, 7), held=st.booleans())
def test_what_is_left_comes_to_what_it_would_have_come_to(
    said: list[Message], heard: int, held: bool
) -> None:
    """As if all from the first that is left on had been judged when who pushed was known."""
    before = [HELD] if held else []
    now = judged(*said[:heard], ledger=before)
    assume(now.left)
    then = judged(*now.left, *said[heard:], pushes=KNOWN, ledger=[*before, *now.entries])
    assert then.left == ()
    first = names(now)[0]
    at_once = [one for one in said if one.comment_id < int(first.partition(":")[2])]
    refused = judged(*map(old, at_once), ledger=before).entries
    rest = judged(*said[len(at_once) :], pushes=KNOWN, ledger=[*before, *refused]).entries
    assert _sorted(now.entries + then.entries) == _sorted(refused + rest)


def _sorted(entries: tuple[Entry, ...]) -> list[Entry]:
    return sorted(entries, key=lambda one: one.id)
