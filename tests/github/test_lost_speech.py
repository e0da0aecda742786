"""What people said while no delivery came through is found when our marks are read back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ghapp.core.marks import Marks, PutComment, Written
from ghapp.core.model import Channel, Message
from ghapp.core.records import History, PolicySource, Shown
from ghapp.core.text.render import MARKER
from ghapp.emulator.faults import Fault, stale
from ghapp.emulator.repository import Pull
from ghapp.errors import Lag, Retry
from ghapp.github.webhook import parse
from tests.github.world import APP_ID, BOT, World

SECRET = "a secret for tests"
GRAPHQL = "POST /graphql"
REVIEWS = "GET /repos/{owner}/{repo}/pulls/{number}/reviews"
REMARKS = "GET /repos/{owner}/{repo}/pulls/{number}/comments"
COMMENTS = "GET /repos/{owner}/{repo}/issues/{number}/comments"
POLICY = "version: 1\nreviewers: {teams: [sre]}\n"
LIST = f"{MARKER}\n- [ ] `dbm-lock` Locks?\n- [x] `dbm-back` Way back?"


@pytest.fixture
def world() -> Iterator[World]:
    made = World(webhook_secret=SECRET)
    yield made
    made.close()


def looked(world: World, pull: Pull, **more: Any) -> History:
    """Somebody touched a mark of a pull that was shown an hour ago."""
    source = PolicySource(POLICY, "", world.now(), POLICY)
    shown = (Shown(pull.head_sha, world.now() - timedelta(hours=1)),)
    return replace(History(marks=Marks(), policy=source, shown=shown, touched=True), **more)


def missed(world: World, pull: Pull, **more: Any) -> tuple[Message, ...]:
    return world.gather(pull, looked(world, pull, **more)).messages


def delivered(world: World) -> list[Message]:
    """What the deliveries would have told, had they come."""
    github = world.github
    said = [parse(*github.signed(sent), secrets=[SECRET], app_id=APP_ID,
                  bot_login=BOT) for sent in github.deliveries.all]  # fmt: skip
    return [one for delivery in said for one in delivery.messages]


def told(said: tuple[Message, ...]) -> list[tuple[str, str, bool]]:
    return [(one.speaker, one.text, one.edited) for one in said]


def test_what_is_found_is_what_its_delivery_would_have_told(world: World) -> None:
    pull = world.pull()
    pull.comment("/nfr check dbm-lock", "ann")
    world.now.forward(2)
    pull.review("sam", "approved", "/nfr done")
    world.now.forward(2)
    pull.review("sam", "changes_requested", "Please wait.")
    world.now.forward(2)
    pull.review_comment("/nfr hold -- slow", "sam")
    found = missed(world, pull)
    assert [one.channel for one in found] == [
        Channel.COMMENT, Channel.APPROVAL, Channel.REVIEW, Channel.APPROVAL, Channel.REVIEW_COMMENT,
    ]  # fmt: skip
    whole = [replace(one, said_at=one.said_at.replace(microsecond=0)) for one in delivered(world)]
    assert list(found) == whole
    assert world.github.calls[GRAPHQL] == 1
    assert "sam" in world.gather(pull, looked(world, pull)).rights


def test_only_people_who_speak_to_us_are_found(world: World) -> None:
    pull = world.pull()
    pull.comment("Nice, `/nfr done`", "ann")
    pull.comment("/nfr done", "renovate[bot]")
    pull.comment("/nfr help", BOT)
    pull.review("sam", "commented", "Nice.")
    assert missed(world, pull) == ()
    assert world.github.calls[GRAPHQL] == 0
    assert world.github.calls[REVIEWS] == world.github.calls[REMARKS] == 1


def test_what_was_heard_or_is_waiting_is_not_said_twice(world: World) -> None:
    pull = world.pull()
    first, second = pull.comment("/nfr help", "ann"), pull.comment("/nfr explain", "ann")
    pull.review("sam", "approved")
    (waiting, approval) = (one for one in delivered(world) if one.id != f"comment:{first}")
    assert waiting.id == f"comment:{second}"
    found = missed(
        world, pull, judged=frozenset({f"comment:{first}"}), messages=(waiting, approval)
    )
    assert found == (waiting, approval)
    assert world.github.calls[GRAPHQL] == 0


def test_our_record_that_is_believed_takes_no_further_reads(world: World) -> None:
    pull = world.pull()
    pull.comment("/nfr done", "sam")
    assert missed(world, pull, touched=False) == ()
    lists = (COMMENTS, REVIEWS, REMARKS, GRAPHQL)
    assert [world.github.calls[route] for route in lists] == [0, 0, 0, 0]


def test_what_was_edited_since_has_to_be_said_again(world: World) -> None:
    pull = world.pull()
    pull.edit_comment(pull.comment("/nfr explain", "ann"), "/nfr done", "eve")
    pull.edit_review(pull.review("sam", "approved", "/nfr help"), "/nfr done", "sam")
    pull.edit_review_comment(pull.review_comment("/nfr help", "ann"), "/nfr done", "ann")
    assert sorted(told(missed(world, pull))) == [
        ("ann", "/nfr done", True),
        ("ann", "/nfr done", True),
        ("sam", "/nfr done", True),
        ("sam", "approved", False),
    ]


def test_more_than_a_hundred_are_asked_about_in_portions(world: World) -> None:
    pull = world.pull()
    for number in range(130):
        pull.comment(f"/nfr help {number}", "ann")
    assert len(missed(world, pull)) == 130
    assert world.github.calls[GRAPHQL] == 2


def test_a_dismissal_matters_where_its_approval_was_heard(world: World) -> None:
    pull = world.pull()
    id = pull.review("sam", "approved")
    pull.dismiss_review(id, "mia")
    assert missed(world, pull) == ()
    (found,) = missed(world, pull, judged=frozenset({f"review:{id}:approved"}))
    assert (found.id, found.channel, found.speaker) == (
        f"review:{id}:dismissed",
        Channel.APPROVAL,
        "",
    )
    assert found.said_at >= pull.find_review(id).submitted_at.replace(microsecond=0)
    known = frozenset({f"review:{id}:approved", f"review:{id}:dismissed"})
    assert missed(world, pull, judged=known) == ()


# --- what is older than we are here --------------------------------------------------------


def test_an_approval_is_not_found_after_its_reviewer_was_heard_to_want_changes(
    world: World,
) -> None:
    pull = world.pull()
    pull.review("sam", "approved")
    world.now.forward(2)
    review = pull.review("sam", "changes_requested", "Please wait.")
    assert [one.text for one in missed(world, pull)] == ["approved", "changes_requested"]
    heard = frozenset({f"review:{review}:changes_requested"})
    assert missed(world, pull, judged=heard) == ()


def test_what_was_said_before_anything_was_shown_counts_only_where_it_stops(world: World) -> None:
    pull = world.pull()
    pull.comment("/nfr done", "sam")
    pull.comment("/nfr help\n/nfr refresh", "ann")
    pull.review("sam", "approved", "/nfr hold -- not yet")
    pull.review_comment("/nfr concern Too slow?", "sam")
    stops = [("sam", "/nfr concern Too slow?", False), ("sam", "/nfr hold -- not yet", False)]
    assert sorted(told(missed(world, pull, shown=()))) == stops
    later = (Shown(pull.head_sha, world.now() + timedelta(minutes=1)),)
    assert sorted(told(missed(world, pull, shown=later))) == stops


# --- boxes ---------------------------------------------------------------------------------


def ours(world: World, pull: Pull) -> int:
    made = world.run(lambda client: client.apply(world.key(pull), PutComment(LIST, 0)))
    return made.id


def boxes(world: World, pull: Pull, id: int, **more: Any) -> tuple[Message, ...]:
    history: dict[str, Any] = {"marks": Marks(comment=LIST), "written": Written(0, id), **more}
    return missed(world, pull, **history)


TICKED = LIST.replace("[ ]", "[x]")


def test_a_lost_tick_is_said_by_who_edited_our_comment_last(world: World) -> None:
    pull = world.pull()
    id = ours(world, pull)
    assert boxes(world, pull, id) == ()
    assert world.github.calls[GRAPHQL] == 0
    pull.edit_comment(id, TICKED.replace("[x] `dbm-back`", "[ ] `dbm-back`"), "ann")
    found = boxes(world, pull, id)
    assert list(found) == [
        replace(one, said_at=one.said_at.replace(microsecond=0)) for one in delivered(world)
    ]
    assert [(one.speaker, one.text) for one in found] == [
        ("ann", "+dbm-lock"), ("ann", "-dbm-back"),
    ]  # fmt: skip
    assert boxes(world, pull, id, judged=frozenset(one.id for one in found)) == ()


def test_a_tick_whose_delivery_waits_is_not_given_to_a_later_editor(world: World) -> None:
    pull = world.pull()
    id = ours(world, pull)
    pull.edit_comment(id, TICKED, "ann")
    (tick,) = delivered(world)
    world.now.forward(60)
    pull.edit_comment(id, TICKED.replace("[x] `dbm-back`", "[ ] `dbm-back`"), "eve")
    found = boxes(world, pull, id, messages=(tick,))
    assert [(one.speaker, one.text) for one in found] == [
        ("ann", "+dbm-lock"), ("eve", "-dbm-back"),
    ]  # fmt: skip


@pytest.mark.parametrize("editor", [BOT, "renovate[bot]"])
def test_boxes_that_a_bot_turned_are_nobodys_words(world: World, editor: str) -> None:
    pull = world.pull()
    id = ours(world, pull)
    pull.edit_comment(id, TICKED, editor)
    assert boxes(world, pull, id) == ()


def test_boxes_that_we_may_have_written_ourselves_are_nobodys_words(world: World) -> None:
    pull = world.pull()
    id = ours(world, pull)
    pull.edit_comment(id, TICKED, "ann")
    assert boxes(world, pull, id, unresolved=frozenset({"PutComment"})) == ()
    assert boxes(world, pull, id, marks=None) == ()


# --- when GraphQL does not answer ----------------------------------------------------------


def test_nobody_is_heard_before_it_is_known_whether_they_wrote_it_so(world: World) -> None:
    pull = world.pull()
    pull.comment("/nfr done", "sam")
    world.github.faults.add(Fault(GRAPHQL, 4, status=502))
    with pytest.raises(Retry):
        missed(world, pull)
    assert told(missed(world, pull)) == [("sam", "/nfr done", False)]


# --- buttons -------------------------------------------------------------------------------


def test_a_button_is_pressed_after_what_it_stands_on_was_shown(world: World) -> None:
    pull = world.pull()
    at = datetime.now(UTC).replace(microsecond=0)
    shown = tuple(
        Shown(head, at + timedelta(seconds=seconds))
        for head, seconds in ((pull.head_sha, -60), (pull.head_sha, 2), ("f" * 40, 3),
                              (pull.head_sha, 600))
    )  # fmt: skip
    said = Message("button:1", Channel.BUTTON, "sam", at, "signoff", head_sha=pull.head_sha)
    comment = Message("comment:1", Channel.COMMENT, "sam", at, "/nfr help")
    known = looked(world, pull, shown=shown, messages=(said, comment), touched=False)
    by_channel = {one.channel: one.said_at for one in world.gather(pull, known).messages}
    # A second later than what was shown: in the same second it would not be after it.
    assert by_channel == {Channel.BUTTON: at + timedelta(seconds=3), Channel.COMMENT: at}
    never_shown = replace(known, shown=shown[2:3])
    assert world.gather(pull, never_shown).messages[0].said_at == at


def test_what_is_listed_and_cannot_be_looked_at_yet_is_waited_for(world: World) -> None:
    """It would be lost: nobody looks at a pull again that has not moved since."""
    pull = world.pull()
    pull.comment("/nfr done", "sam")
    for waited, seconds in enumerate((1, 2, 4)):
        world.github.faults.add(stale(GRAPHQL))
        with pytest.raises(Lag, match="cannot be read yet") as lag:
            missed(world, pull, waited=waited)
        assert lag.value.after_seconds == seconds
    world.github.faults.add(stale(GRAPHQL))
    assert missed(world, pull, waited=3) == ()
    assert [one.text for one in missed(world, pull)] == ["/nfr done"]
