"""Holds, concerns and waivers among several people, and who takes back what."""

from __future__ import annotations

from tests.e2e.stories import (
    HELD,
    LEADS,
    SIGNED,
    WAITING,
    Shop,
    Steps,
    body,
    boxes,
    line,
    marks,
    reacted,
    story,
)
from tests.e2e.world import MIGRATION, RISKY, title

WAIVED = ("neutral", {"waived"})
ADVISE = "version: 1\nmode: advise\nreviewers: {teams: [sre]}\n"


@story()
def a_hold_outlives_pushes_and_sign_offs_until_it_is_undone(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr hold -- freeze", "sam")
    yield
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
    yield
    assert marks(pull) == HELD
    taken = pull.comment("/nfr done", "sue")
    yield
    assert (marks(pull), reacted(pull, taken)) == (HELD, ["+1"])
    assert line(pull, "Signed off by sue")
    assert "the hold goes by `/nfr undo` from sam" in line(pull, "**Next**")
    pull.comment("/nfr undo", "ann")
    yield
    assert marks(pull) == HELD
    assert "- ann: " in body(pull)
    pull.comment("/nfr undo", "sam")
    yield
    assert marks(pull) == SIGNED


@story()
def each_has_a_hold_of_their_own_and_reviewers_lift_others(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr hold database-migration -- backup first", "sam")
    pull.comment("/nfr hold -- freeze", "sue")
    yield
    assert marks(pull) == HELD
    assert line(pull, "**On hold by sam** (Database migration): `backup first`")
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == HELD
    assert "On hold by sue" not in body(pull)
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == WAITING
    pull.comment("/nfr hold databse -- typo", "sam")
    yield
    assert marks(pull) == WAITING
    assert "is not an area flagged here" in line(pull, "- sam: ")


@story()
def a_hold_on_a_clear_pull_blocks_it(shop: Shop) -> Steps:
    pull = shop.open({"app/a.py": "a = 1\n"}, title="fix: a", branch="fix/a")
    yield
    assert marks(pull) == ("success", set())
    pull.comment("/nfr hold -- incident", "sam")
    yield
    assert marks(pull) == HELD
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == ("success", set())


@story()
def a_hold_outlives_its_area(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr hold database-migration -- wait", "sam")
    yield
    pull.force_push({"app/orders.py": "total = len\n"})
    yield
    assert marks(pull) == HELD
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == ("success", set())


@story(ADVISE)
def a_hold_that_advises_blocks_nothing(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr hold -- wait", "sam")
    yield
    assert marks(pull) == ("neutral", {"on hold"})
    pull.comment("/nfr undo\n/nfr waive -- small", "sam")
    yield
    assert marks(pull) == WAIVED


@story()
def a_concern_is_withdrawn_by_undo_and_its_number_is_not_given_again(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.comment("/nfr concern Who watches it?", "sue")
    yield
    assert marks(pull) == WAITING
    assert "concern-1" in boxes(pull)
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == SIGNED
    assert "concern-1" not in boxes(pull)
    pull.comment("/nfr concern And at night?", "sue")
    yield
    assert "concern-2" in boxes(pull)
    pull.comment("/nfr hold concern-2 -- answer first", "sam")
    yield
    assert marks(pull) == HELD
    pull.comment("/nfr undo\n/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED


@story(LEADS)
def a_waiver_overrides_holds_before_it_and_later_ones_block_again(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr hold -- freeze", "sam")
    yield
    pull.comment("/nfr waive -- outage 42", "lea")
    yield
    assert marks(pull) == WAIVED
    assert "~~On hold by sam~~" in line(pull, "overridden by the waiver")
    pull.comment("/nfr hold -- still no", "sue")
    yield
    assert marks(pull) == HELD
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == WAIVED
    pull.comment("/nfr undo", "lea")
    yield
    assert marks(pull) == HELD
    assert line(pull, "Waiver taken back by lea")


@story(LEADS)
def a_waiver_covers_what_was_shown_and_not_what_comes_after(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr waive -- outage 42", "lea")
    yield
    pull.push({"app/orders.py": "total = len\n"})
    yield
    assert marks(pull) == WAIVED
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
    yield
    assert marks(pull) == WAITING
    assert "**Waived by lea**" not in [one[:17] for one in body(pull).splitlines()]
    assert line(pull, "~~")
    pull.comment("/nfr done", "sam")
    yield
    assert (marks(pull), title(pull)) == (SIGNED, "Signed off: Database migration")


@story(LEADS)
def who_wrote_or_pushed_it_may_not_waive_it(shop: Shop) -> Steps:
    shop.repository.collaborator("lea", "write")
    own = shop.open(author="lea", branch="feat/own")
    pushed = shop.open(branch="feat/pushed")
    yield
    pushed.push({MIGRATION: RISKY + "-- more\n"}, by="lea")
    yield
    own.comment("/nfr waive -- mine", "lea")
    pushed.comment("/nfr waive -- mine", "lea")
    yield
    assert (marks(own), marks(pushed)) == (WAITING, WAITING)
    assert "authors cannot sign off their own pull request, nor waive it" in line(own, "- lea: ")
    assert f"you pushed `{pushed.head_sha[:7]}` yourself" in line(pushed, "- lea: ")
