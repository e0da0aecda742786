"""Issues as projects: asked early and once, and what their pull requests have from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ghapp.emulator.issue import Issue, Thread
from ghapp.emulator.repository import Milestone, Pull
from ghapp.store import projects
from tests.e2e.marks import body, boxes, line, marks
from tests.e2e.stories import Shop, Steps, story
from tests.e2e.world import World, in_store, quiet, running

AREAS = ("alpha", "beta", "gamma", "delta")
LABEL = "nfr: project"


def _area(name: str) -> str:
    return f"""
  {name}:
    title: {{en: Area {name}, ja: 領域 {name}}}
    detect: {{paths: ['{name}/**']}}
    items:
    - {{id: {name}-peak, sev: must, cat: performance, en: 'Peak of {name}?', scope: project}}
    - {{id: {name}-diff, sev: should, cat: performance, en: 'Is this diff of {name} fine?'}}"""


POLICY = f"""version: 1
mode: enforce
comment: flagged
reviewers: {{teams: [sre]}}
sign_off: {{require_answers: must}}
areas:
  database-migration: {{items: {{dbm-online-ddl: {{scope: project}}}}}}
{"".join(map(_area, AREAS))}
"""


def begin(shop: Shop, title: str = "Points") -> Issue:
    issue = shop.repository.open_issue("ann", title)
    issue.comment("/nfr project", "ann")
    return issue


def board(issue: Issue) -> str:
    """The one comment of the App on the issue."""
    (found,) = [one.body for one in issue.comments if one.body.startswith("<!-- ghapp:project")]
    return found


def touching(shop: Shop, area: str, number: int = 1, **more: object) -> Pull:
    files = {f"{area}/{number}.py": f"x = {number}\n"}
    return shop.open(files, branch=f"feat/{area}-{number}", **more)


@story(POLICY)
def test_an_issue_becomes_a_project_and_its_answer_counts_on_a_pull(shop: Shop) -> Steps:
    issue = begin(shop)
    yield
    assert issue.labels == {LABEL}
    assert "Nobody has been consulted yet" in board(issue)
    issue.comment("/nfr check alpha-peak -- 500 rps", "bob")
    yield
    assert "1 of 1 answered" in board(issue)
    pull = touching(shop, "alpha", body=f"NFR-Project: #{issue.number}\n")
    yield
    assert line(pull, "from #").startswith(f"  from #{issue.number} `500 rps` bob ")
    assert marks(pull) == ("in progress", {"needs sign-off"})
    assert f"#{pull.number}" in board(issue)
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == ("success", {"signed off"})


@story(POLICY)
def test_reviewers_are_consulted_early_and_accept_the_answers(shop: Shop) -> Steps:
    issue = begin(shop, "Rank the search by area gamma")
    yield
    suggested = issue.comment("/nfr consult -- is 500 rps fine?", "bob")
    by_reader = issue.comment("/nfr consult beta", "eve")
    unknown = issue.comment("/nfr consult gama", "bob")
    yield
    assert (reactions(issue, suggested), reactions(issue, by_reader)) == (["+1"], ["confused"])
    assert reactions(issue, unknown) == ["confused"]
    assert [one for one in said(issue) if "Did you mean `gamma`?" in one]
    assert "asked by bob on" in board(issue)
    assert "`is 500 rps fine?` · waits for the reviewers" in board(issue)
    assert "Area gamma" in board(issue)
    assert "Area beta" not in board(issue)
    (waits,) = consultations(shop)
    assert (waits.number, waits.areas, waits.who) == (issue.number, ("gamma",), "bob")
    by_author = issue.comment("/nfr done", "bob")
    accepted = issue.comment("/nfr done -- fine", "sam")
    yield
    assert (reactions(issue, by_author), reactions(issue, accepted)) == (["confused"], ["+1"])
    assert "accepted by sam on" in board(issue)
    assert consultations(shop) == ()
    issue.comment("/nfr undo", "sam")
    yield
    assert "waits for the reviewers" in board(issue)


@story(POLICY)
def test_what_is_no_project_takes_no_answers_and_pulls_take_no_consultations(shop: Shop) -> Steps:
    issue, pull = shop.repository.open_issue("ann", "A bug"), touching(shop, "alpha")
    yield
    early = issue.comment("/nfr check alpha-peak", "bob")
    held = issue.comment("/nfr hold -- no", "sam")
    by_reader = issue.comment("/nfr project", "eve")
    asked = pull.comment("/nfr consult alpha", "bob")
    joined = pull.comment("/nfr project", "bob")
    yield
    assert [reactions(issue, one) for one in (early, held, by_reader)] == [["confused"]] * 3
    assert [reactions(pull, one) for one in (asked, joined)] == [["confused"]] * 2
    assert issue.labels == frozenset()
    assert [one for one in said(issue) if "write `/nfr project` first" in one]
    assert not [one for one in said(issue) if one.startswith("<!-- ghapp:project")]
    helped = issue.comment("/nfr help", "eve")
    yield
    assert reactions(issue, helped) == ["eyes"]


@story(POLICY)
def test_a_trailer_of_somebody_without_write_access_is_only_a_hint(shop: Shop) -> Steps:
    issue = begin(shop)
    issue.comment("/nfr check alpha-peak -- 500 rps", "bob")
    yield
    trailer = f"NFR-Project: #{issue.number}"
    pull = touching(shop, "alpha", author="eve", fork="eve", body=trailer)
    yield
    assert "from #" not in body(pull)
    assert f"comments `/nfr project #{issue.number}`" in body(pull)
    assert marks(pull)[0] == "in progress"
    own = pull.comment(f"/nfr project #{issue.number}", "eve")
    yield
    assert reactions(pull, own) == ["confused"]
    assert "from #" not in body(pull)
    joined = pull.comment(f"/nfr project #{issue.number}", "bob")
    yield
    assert reactions(pull, joined) == ["+1"]
    assert line(pull, "from #")
    assert "joined by bob" in body(pull)
    pull.comment("/nfr project none", "bob")
    yield
    assert "from #" not in body(pull)
    assert f"#{pull.number}" not in board(issue)


@story(POLICY)
def test_a_closing_keyword_leads_through_parents_and_a_new_parent_is_noticed(shop: Shop) -> Steps:
    issue, task, sub = begin(shop), *(shop.repository.open_issue("ann", "Task") for _ in "ab")
    issue.comment("/nfr check alpha-peak -- 500 rps", "bob")
    task.set_parent(issue, "ann")
    pull = touching(shop, "alpha", body=f"<!-- closes #{issue.number} -->\nFixes #{sub.number}")
    yield
    assert "from #" not in body(pull)
    sub.set_parent(task, "ann")
    yield
    assert line(pull, f"from #{issue.number}")
    assert "found by the issue that this closes" in body(pull)
    sub.set_parent(None, "ann")
    yield
    assert "from #" not in body(pull)


@story(POLICY)
def test_a_milestone_names_the_project_of_its_pulls(shop: Shop) -> Steps:
    issue = begin(shop)
    issue.comment("/nfr check alpha-peak -- 500 rps", "bob")
    pull = touching(shop, "alpha", author="eve", fork="eve")
    pull.plan(Milestone(1, "v5"), "sam")
    yield
    assert "from #" not in body(pull)
    named = Milestone(1, "v5", description=f"NFR-Project: #{issue.number}")
    shop.repository.edit_milestone(named, "sam")
    yield
    pull.comment("/nfr refresh", "eve")
    yield
    assert line(pull, f"from #{issue.number}")
    assert "named by the milestone" in body(pull)


@story(POLICY)
def test_a_project_that_is_closed_or_loses_its_label_answers_nothing(shop: Shop) -> Steps:
    issue = begin(shop)
    issue.comment("/nfr check alpha-peak -- 500 rps", "bob")
    yield
    pull = touching(shop, "alpha", body=f"NFR-Project: #{issue.number}")
    yield
    issue.close("ann")
    yield
    assert "asked again: the project is closed" in body(pull)
    refused = pull.comment("/nfr done", "sam")
    yield
    assert reactions(pull, refused) == ["confused"]
    issue.reopen("ann")
    yield
    assert "asked again" not in body(pull)
    issue.remove_label(LABEL, "ann")
    yield
    assert "from #" not in body(pull)
    assert "is not a project" in body(pull)
    issue.add_label(LABEL, "ann")
    yield
    assert line(pull, "from #")


@story(POLICY)
def test_a_question_with_other_words_is_asked_again_and_an_own_answer_goes_first(
    shop: Shop,
) -> Steps:
    issue = begin(shop)
    issue.comment("/nfr check alpha-peak -- 500 rps", "bob")
    yield
    pull = touching(shop, "alpha", body=f"NFR-Project: #{issue.number}")
    yield
    shop.policy(POLICY.replace("Peak of alpha?", "Peak of alpha per second?"))
    yield
    assert "asked again: the question has changed since" in body(pull)
    pull.comment("/nfr check alpha-peak -- 700 rps", "ann")
    yield
    assert "asked again" not in body(pull)
    assert line(pull, "700 rps")
    shop.policy(POLICY)
    pull.comment("/nfr uncheck alpha-peak", "ann")
    yield
    assert "asked again: ann removed the answer" in body(pull)


@story(POLICY)
def test_a_concern_about_a_project_is_asked_on_each_pull_until_it_is_answered(
    shop: Shop,
) -> Steps:
    issue = begin(shop)
    pulls = [
        touching(shop, area, body=f"NFR-Project: #{issue.number}") for area in ("alpha", "beta")
    ]
    yield
    raised = issue.comment("/nfr concern Who is on call?", "sam")
    by_author = issue.comment("/nfr concern Me too", "ann")
    yield
    assert (reactions(issue, raised), reactions(issue, by_author)) == (["+1"], ["confused"])
    for pull in pulls:
        assert "`project-concern-1`" in body(pull)
        assert "`Who is on call?`" in body(pull)
    here, there = pulls
    here.comment("/nfr check project-concern-1 -- team orders", "ann")
    here.comment("/nfr done project-concern-1", "sam")
    yield
    assert "Signed off by sam" in body(here)
    issue.comment("/nfr check concern-1 -- team orders", "bob")
    yield
    assert "project-concern-1" not in body(there)
    assert "Concerns" not in board(issue)


@story(POLICY)
def test_a_transferred_project_keeps_its_ledger_and_its_pulls(shop: Shop) -> Steps:
    issue, other = begin(shop), shop.beside(POLICY)
    issue.comment("/nfr check alpha-peak -- 500 rps", "bob")
    other.repository.create_label(LABEL)
    yield
    pull = touching(shop, "alpha", body=f"NFR-Project: #{issue.number}")
    yield
    moved = issue.transfer(other.repository, "ann")
    yield
    assert "1 of 1 answered" in board(moved)
    shown = line(pull, "from acme/")
    assert f"from {other.repository.full_name}#{moved.number} `500 rps` bob" in shown
    moved.comment("/nfr uncheck alpha-peak", "bob")
    yield
    assert "asked again: bob removed the answer" in body(pull)


def reactions(thread: Thread, id: int) -> list[str]:
    return [one.content for one in thread.find_comment(id).reactions]


def said(issue: Issue) -> list[str]:
    return [one.body for one in issue.comments if one.via_app]


def consultations(shop: Shop) -> tuple[projects.Consultation, ...]:
    """Those of this repository that wait for the reviewers."""
    found: list[projects.Consultation] = []

    async def read(store: object) -> None:
        asked = await store.records.read(projects.consultations, [shop.repository.id])  # type: ignore[attr-defined]
        found.extend(asked)

    in_store(shop.world, read)
    return tuple(found)


ISSUE_CALL = "GET /repos/{owner}/{repo}/issues/{number}"
RIGHT_CALL = "GET /repos/{owner}/{repo}/collaborators/{username}/permission"
QUIET = "ALTER TABLE orders ADD COLUMN note{} TEXT;\n"


@pytest.fixture
def unlimited(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path, POLICY, GHAPP_GITHUB_LIMITS="off") as world:
        quiet(world)
        yield world


def test_twenty_pulls_over_five_areas_ask_each_question_of_the_project_once(
    unlimited: World,
) -> None:
    """A finding reopens it in one of them, `uncheck` in all; a fork's trailer is ignored."""
    world = unlimited
    shop = Shop(world, world.repository)
    issue = begin(shop)
    world.settle()
    world.clock.forward()
    areas = (*AREAS, "database-migration")
    items = [f"{area}-peak" for area in AREAS] + ["dbm-online-ddl"]
    issue.comment("\n".join(f"/nfr check {item} -- 500 rps" for item in items), "bob")
    world.settle()
    trailer, pulls = f"NFR-Project: #{issue.number}", list[Pull]()
    for batch in range(4):
        before = world.github.calls.copy()
        for number, area in enumerate(areas, batch * 5):
            path = f"{area}/{number}.py"
            text = f"x = {number}\n"
            if area not in AREAS:
                path, text = f"db/migrate/{number}.sql", QUIET.format(number)
            pulls.append(shop.open({path: text}, branch=f"feat/{number}", body=trailer))
        world.settle()
        asked = world.github.calls - before
        assert asked[RIGHT_CALL] == 5  # once for each pull: whether ann may name a project
        assert asked[ISSUE_CALL] <= 5  # by the runs that list the pulls on the issue
    found = [(item, done) for pull in pulls for item, done in boxes(pull).items() if item in items]
    assert found == [(item, True) for _ in range(4) for item in items]
    assert board(issue).count("| waits for reviewers |") == 20
    world.clock.forward()
    before = world.github.calls.copy()
    pulls[0].push({"alpha/0.py": "x = 100\n"}, "ann")
    world.settle()
    assert {RIGHT_CALL, ISSUE_CALL}.isdisjoint(world.github.calls - before)  # all is known by now
    risky = pulls[4]
    risky.push({"db/migrate/4.sql": "ALTER TABLE orders ALTER COLUMN a TYPE bigint;\n"}, "ann")
    world.settle()
    again = [pull.number for pull in pulls if "asked again" in body(pull)]
    assert again == [risky.number]
    assert "a finding in this diff is about it" in body(risky)
    world.clock.forward()
    issue.comment("/nfr uncheck beta-peak", "bob")
    world.settle()
    unchecked = [pull for pull in pulls if "asked again: bob removed the answer" in body(pull)]
    assert unchecked == pulls[1::5]
    fork = touching(shop, "gamma", 99, author="eve", fork="eve", body=trailer)
    plain = touching(shop, "delta", 98)
    world.settle()
    assert "from #" not in body(fork)
    before = world.github.calls.copy()
    world.clock.forward()
    plain.push({"delta/98.py": "x = 1\n"}, "ann")
    world.settle()
    assert {RIGHT_CALL, ISSUE_CALL}.isdisjoint(world.github.calls - before)
