"""How little people hear of ghapp over a review, and what a very long one costs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.review import lived
from ghapp.emulator.conversation import Event
from ghapp.emulator.repository import Pull
from tests.e2e.marks import comment, marks, outside_code, tick
from tests.e2e.stories import Shop, Steps, story
from tests.e2e.world import MIGRATION, RISKY

BOT = "ghapp[bot]"
MENTION = re.compile(r"(?<![A-Za-z0-9_/`])@[A-Za-z0-9]")


@story()
def test_a_typical_review_makes_one_comment_and_mentions_nobody(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.push({"app/orders.py": "total = len\n"})
    yield
    tick(pull, "dbm-rollback", "ann")
    yield
    pull.comment("/nfr check dbm-online-ddl -- 3 s, says @sam", "ann")
    pull.push({MIGRATION: RISKY + "-- reviewed by @acme/sre\n"})
    yield
    pull.comment("Thanks @ann!", "sam")
    pull.comment("/nfr na dbm-rollback -- @bob: the table is new", "ann")
    pull.comment("/nfr defer dbm-query-plan by @bob -- @bob has the data", "ann")
    yield
    pull.push({"app/orders.py": "total = max\n"})
    yield
    pull.comment("/nfr check dbm-online-ddl -- 4 s", "ann")
    yield
    pull.comment("/nfr done -- thanks @ann", "sam")
    yield
    pull.merge(by="ann")
    yield
    assert marks(pull) == ("success", {"signed off", "follow-ups"})
    assert [one.user.login for one in pull.comments if one.via_app] == [BOT]
    first, *rest = [labelled(event) for event in pull.events if event.actor.login == BOT]
    assert first == "labeled nfr: needs sign-off"
    assert sorted(rest) == [
        "labeled nfr: follow-ups",
        "labeled nfr: signed off",
        "unlabeled nfr: needs sign-off",
    ]
    assert len(shop.issues) == 1
    for text in written(pull):
        assert not MENTION.search(outside_code(text)), text


@story()
def test_ticks_cause_one_edit_of_the_comment(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    for item in ("dbm-rollback", "dbm-query-plan"):
        tick(pull, item, "ann")
    edits = len(comment(pull).edits)
    yield
    assert len(comment(pull).edits) == edits + 1  # of the count, once nobody ticks any more
    tick(pull, "dbm-query-plan", "bob", on=False)
    yield
    assert len(comment(pull).edits) == edits + 3


@story()
def test_ordinary_comments_get_no_answer(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    for number in range(20):
        pull.comment(f"{number}: nfr done? `/nfr done`\n> /nfr done", "sam")
    pull.review("bob")
    yield
    assert len([one for one in pull.comments if one.via_app]) == 1
    assert all(not one.reactions for one in pull.conversation())
    assert comment(pull).edits == []


def labelled(event: Event) -> str:
    return f"{event.name} {event.label.name if event.label else ''}"


def written(pull: Pull) -> list[str]:
    """All texts of the App about a pull, those too that it has replaced since."""
    comments = [one for one in pull.comments if one.via_app]
    texts = [one.body for one in comments]
    texts += [edit.before for one in comments for edit in one.edits]
    runs = pull.repository.check_runs.values()
    texts += [one.body or "" for one in pull.repository.issues.values()]
    return texts + [text for run in runs for text in (run.title, run.summary, run.text) if text]


@pytest.mark.slow("lives through a very long review")
def test_thirty_pushes_and_two_hundred_comments_stay_within_bounds(
    tmp_path: Path,
) -> None:
    """One reaction for each command; all else is shared by what comes at once.

    GitHub takes its time: what comes while one look goes on is for the next.
    """
    told = lived(tmp_path, pushes=30, comments=200, areas=12, at_once=46, latency_seconds=0.25)
    calls = sum((cost.calls for cost in told.costs.values()), Counter())
    reactions = sum(count for route, count in calls.items() if route.endswith("/reactions"))
    looks = calls["GET /repos/{owner}/{repo}/pulls/{number}"]
    assert reactions == 60 + 2
    assert looks <= 3 + 3 * 5  # the opening, two at the end, and five times 46 events
    assert told.calls - reactions <= 11 * looks, told.costs
    assert told.bytes <= 170_000 * looks
