"""Releases: the milestone of a pull, the organisation's calendar, a freeze that notes or holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from ghapp.emulator.repository import Milestone, Pull
from tests.e2e.marks import body, comments, conclusion, marks, title
from tests.e2e.world import ENFORCE, World, opened, quiet, running

FILE, CALENDAR = ".github/nfr.yml", ".github/releases.ics"
CONTENTS = "GET /repos/{owner}/{repo}/contents/{path}"
BLOBS = "GET /repos/{owner}/{repo}/git/blobs/{sha}"
NAMED = f"{ENFORCE}release: {{calendar: {CALENDAR}}}\n"
HELD = ("in progress", {"on hold"})
SIGNED = ("success", {"signed off"})


def dated(*days: date) -> str:
    """A calendar with a release on each of these days."""
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{day}\r\nSUMMARY:v{place}\r\nDTSTART;VALUE=DATE:{day:%Y%m%d}\r\n"
        "END:VEVENT\r\n"
        for place, day in enumerate(days, 1)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//acme//EN\r\n{events}END:VCALENDAR\r\n"


def today(world: World) -> date:
    return world.clock().astimezone(UTC).date()


def later(world: World, days: int) -> date:
    return today(world) + timedelta(days=days)


def milestone(title: str, day: date) -> Milestone:
    due_on = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    return Milestone(1, title, due_on)


def shown(world: World, pull: Pull) -> dict[str, object]:
    """The pull's page as JSON."""
    assert world.ghapp
    address = f"{world.ghapp.url}/api/v1/pulls/{pull.repository.full_name}/{pull.number}"
    found: dict[str, object] = httpx.get(address, timeout=60).raise_for_status().json()
    return found


def release(world: World, pull: Pull) -> tuple[object, object]:
    found = shown(world, pull)
    name = re.search(r"\((.*)\)", str(found["release"]))
    return found["release_on"], name[1] if name else ""


def summary(pull: Pull) -> str:
    return pull.check_runs()[-1].summary or ""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """acme/shop without a policy of its own, and acme/.github with a policy and a calendar."""
    with running(tmp_path, policy=None, GHAPP_PAGES="local", GHAPP_GITHUB_LIMITS="off") as made:
        quiet(made)
        files = {FILE: NAMED, CALENDAR: dated(later(made, 5), later(made, 12))}
        made.github.repository("acme/.github", files)
        yield made


def test_a_milestone_and_the_calendar_say_when_a_pull_is_released(world: World) -> None:
    pull = world.open()
    world.settle()
    assert release(world, pull) == (str(later(world, 5)), "v1")
    world.github.calls.clear()
    pull.plan(milestone("v5.12", later(world, 30)), "ann")
    world.settle()
    assert release(world, pull) == (str(later(world, 30)), "v5.12")
    world.repository.edit_milestone(milestone("v5.13", later(world, 40)), "ann")
    world.settle()
    assert release(world, pull) == (str(later(world, 40)), "v5.13")
    world.repository.edit_milestone(milestone("v5.13", later(world, 40)), "ann", "deleted")
    world.settle()
    assert release(world, pull) == (str(later(world, 5)), "v1")
    pull.plan(milestone("v5.14", later(world, 20)), "ann")
    world.settle()
    pull.plan(None, "ann")
    world.settle()
    assert release(world, pull) == (str(later(world, 5)), "v1")
    # Neither the milestone nor the calendar cost a call.
    assert (world.github.calls[CONTENTS], world.github.calls[BLOBS]) == (0, 0)


def test_a_push_to_the_calendar_is_read_once_and_checks_the_pulls(world: World) -> None:
    pulls = [opened(world.repository, branch=f"feat/{number}") for number in range(2)]
    world.settle()
    world.github.calls.clear()
    place = world.github.repositories["acme/.github"]
    place.push("main", {CALENDAR: dated(later(world, 3))}, "sue")
    world.settle()
    assert {release(world, pull)[0] for pull in pulls} == {str(later(world, 3))}
    # The policy, which is as before, the folder, and the new blob.
    assert (world.github.calls[CONTENTS], world.github.calls[BLOBS]) == (2, 1)
    place.push("main", {CALENDAR: "<html>"}, "sue")
    world.settle()
    assert {release(world, pull) for pull in pulls} == {("", "")}
    assert all(conclusion(pull) == "in progress" for pull in pulls)


def test_a_repository_may_name_the_calendar_itself(world: World) -> None:
    world.github.repositories["acme/.github"].push("main", {FILE: ENFORCE}, "sue")
    pull = world.open()
    world.settle()
    assert release(world, pull) == ("", "")
    world.repository.push("main", {FILE: NAMED}, "sue")
    world.settle()
    assert release(world, pull) == (str(later(world, 5)), "v1")


def test_a_pull_that_breaks_the_calendar_or_names_none_is_told_so(world: World) -> None:
    place = world.github.repositories["acme/.github"]
    broken = place.open_pull(
        author="ann", branch="feat/rule", title="Repeat", files={
            CALENDAR: dated(later(world, 3)).replace("DTSTART", "RRULE:FREQ=SECONDLY\r\nDTSTART"),
        },
    )  # fmt: skip
    named = world.repository.open_pull(
        author="ann", branch="feat/named", title="Name one",
        files={FILE: "release:\n  calendar: .github/none.ics\n"},
    )  # fmt: skip
    world.settle()
    for pull, line, why in (
        (broken, f"{CALENDAR}:1:1", "`RRULE:FREQ=SECONDLY` is not read"),
        (named, f"{FILE}:2:3", "`.github/none.ics` is not in the organisation's repository"),
    ):
        (run,) = [one for one in pull.check_runs() if one.name == "NFR policy"]
        assert run.conclusion == "failure"
        assert line in (run.summary or "")
        assert why in (run.summary or "")


def freeze(world: World, mode: str, first: int, last: int) -> str:
    """A policy with a freeze; days from today."""
    days = f"{{from: {later(world, first)}, to: {later(world, last)}, name: New Year}}"
    return f"{ENFORCE}release: {{freeze: {{mode: {mode}, periods: [{days}]}}}}\n"


def put(world: World, text: str) -> None:
    world.repository.push("main", {FILE: text}, by="sue")
    world.settle()


def test_a_freeze_is_noted_on_flagged_pulls_alone(world: World) -> None:
    pull, clear = world.open(), world.open({"app/orders.py": "total = len\n"}, branch="fix/a")
    world.settle()
    put(world, freeze(world, "note", 0, 3))
    assert "**Release freeze** (New Year, until " in summary(pull)
    assert "merge this only if it cannot wait" in body(pull)
    assert "freeze" not in summary(clear).lower()
    assert comments(clear) == []
    world.say(pull, "/nfr done")
    world.settle()
    assert marks(pull) == SIGNED
    assert "**Release freeze**" in summary(pull)
    world.days_pass(4)
    assert "freeze" not in summary(pull).lower()
    assert marks(pull) == SIGNED


def test_a_freeze_holds_what_is_signed_off_until_it_ends(world: World) -> None:
    pull = world.open()
    put(world, freeze(world, "hold", 2, 5))
    world.say(pull, "/nfr done")
    world.settle()
    assert marks(pull) == SIGNED

    world.days_pass(2)
    assert marks(pull) == HELD
    assert title(pull).startswith("Signed off, in a release freeze (New Year, until ")
    assert "`/nfr waive -- reason`" in summary(pull)
    found = shown(world, pull)
    assert (found["state"], str(found["freeze"])[:8]) == ("frozen", "New Year")

    world.days_pass(4)
    assert marks(pull) == SIGNED
    assert shown(world, pull)["state"] == "signed_off"


def test_a_waiver_lets_a_pull_through_a_freeze(world: World) -> None:
    pull = world.open()
    put(world, f"{freeze(world, 'hold', 0, 3)}waivers: {{teams: [sre-leads]}}\n")
    world.say(pull, "/nfr done")
    world.settle()
    assert marks(pull) == HELD
    world.say(pull, "/nfr waive -- me too", "sam")
    world.settle()
    assert marks(pull) == HELD
    world.say(pull, "/nfr waive -- the checkout is down", "lea")
    world.settle()
    assert marks(pull) == ("neutral", {"waived"})
    assert shown(world, pull)["state"] == "waived"
    pull.push({"db/migrate/2.sql": "ALTER TABLE carts ADD COLUMN c INT NOT NULL;\n"})
    world.settle()
    assert conclusion(pull) == "in progress"  # what is new is neither signed off nor waived


def test_the_queue_lists_what_is_frozen_and_what_is_released_next_first(world: World) -> None:
    late, soon, none = (world.open(branch=f"feat/{name}") for name in ("late", "soon", "none"))
    late.plan(milestone("v2", later(world, 9)), "ann")
    soon.plan(milestone("v1", later(world, 2)), "ann")
    put(world, f"{ENFORCE}release: {{from: [milestone]}}\n")
    for pull in (late, soon, none):
        pull.push({"README.md": f"# {pull.number}\n"})  # read with the policy as it is now
    world.settle()
    assert world.ghapp
    page = httpx.get(f"{world.ghapp.url}/api/v1/queue?lang=en", timeout=60).json()
    (rows,) = (section["reviews"] for section in page["sections"] if section["id"] == "author")
    assert [row["number"] for row in rows] == [soon.number, late.number, none.number]
    assert [row["release_on"] for row in rows] == [str(later(world, 2)), str(later(world, 9)), ""]
    assert (page["release"]["name"], page["release"]["flagged"]) == ("v1", 1)
    assert page["release"]["text"].endswith("(v1): 1 flagged, 1 not signed")
    world.say(soon, "/nfr done")
    world.settle()
    page = httpx.get(f"{world.ghapp.url}/api/v1/queue?lang=en", timeout=60).json()
    assert page["release"]["text"].endswith("(v1): 1 flagged, 0 not signed")
