"""One effect -> what GitHub then shows; doing it twice or half does no harm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from ghapp.core.marks import (
    Action,
    AddLabels,
    Annotation,
    CheckRun,
    Effect,
    Outcome,
    PostReply,
    PutCheckRun,
    PutComment,
    React,
    Reaction,
    RemoveLabel,
    Reply,
    RequestReview,
)
from ghapp.core.records import History
from ghapp.emulator.faults import (
    Fault,
    already_exists,
    broken,
    cut,
    forbidden,
    page,
    secondary_limit,
)
from ghapp.emulator.repository import Pull
from ghapp.errors import Gone, Rejected, Retry, Wait
from ghapp.github import endpoints
from ghapp.github.client import GitHub
from tests.github.world import RULES, World

RUNS = "POST /repos/{owner}/{repo}/check-runs"
PATCH_RUN = "PATCH /repos/{owner}/{repo}/check-runs/{id}"
COMMENT = "POST /repos/{owner}/{repo}/issues/{number}/comments"
NAME = "nfr/area: caching & more"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the looks for what a failed write may have left."""
    monkeypatch.setattr("ghapp.github.apply.LOOKS", (0.0, 0.0))


@pytest.fixture
def pull(world: World) -> Iterator[Pull]:
    world.github.calls.clear()
    number = world.shop.numbers + 1  # in the files too: equal commits would be one head
    yield world.pull(branch=f"b{number}", files={"app.py": f"points = {number}\n"})
    world.github.faults.clear()


def apply(world: World, pull: Pull, *effects: Effect) -> list[Outcome]:
    async def story(client: GitHub) -> list[Outcome]:
        return [await client.apply(world.key(pull), effect) for effect in effects]

    return world.run(story)


def notes(count: int) -> tuple[Annotation, ...]:
    return tuple(Annotation("app.py", 1, "warning", f"n{at}", "Why?") for at in range(count))


# --- check run -----------------------------------------------------------------------------


def test_a_check_run_is_created_whole_in_one_call(world: World, pull: Pull) -> None:
    run = CheckRun(pull.head_sha, "d1", "neutral", "One area", "Summary", "Text", notes(50))
    (outcome,) = apply(world, pull, PutCheckRun(run, 0))
    (made,) = pull.check_runs()
    assert (made.id, made.name, made.external_id) == (
        outcome.id,
        "NFR review",
        f"v1:{pull.number}:d1",
    )
    assert (made.status, made.conclusion) == ("completed", "neutral")
    assert (made.title, made.summary, made.text) == ("One area", "Summary", "Text")
    assert [(one["path"], one["start_line"], one["end_line"]) for one in made.annotations] == [
        ("app.py", 1, 1)
    ] * 50
    assert abs(outcome.answered_at - world.now()) < timedelta(minutes=1)
    assert world.github.calls[RUNS] == 1
    assert world.github.calls[PATCH_RUN] == 0


def test_a_run_without_conclusion_is_in_progress_and_can_be_completed(
    world: World, pull: Pull
) -> None:
    waiting = CheckRun(pull.head_sha, "d1", "", "Waiting", "Summary", annotations=notes(3))
    (first,) = apply(world, pull, PutCheckRun(waiting, 0))
    assert (pull.check_runs()[0].status, pull.check_runs()[0].conclusion) == ("in_progress", None)
    signed = CheckRun(pull.head_sha, "d2", "success", "Signed", "Summary", annotations=notes(3))
    (second,) = apply(world, pull, PutCheckRun(signed, first.id))
    (run,) = pull.check_runs()
    assert (run.conclusion, run.title, run.external_id) == (
        "success",
        "Signed",
        f"v1:{pull.number}:d2",
    )
    assert second.id == first.id
    assert len(run.annotations) == 3  # GitHub would have added them again


@pytest.mark.parametrize("count", [51, 120, 150])
def test_annotations_beyond_fifty_follow_and_the_last_ones_conclude(
    world: World, pull: Pull, count: int
) -> None:
    run = CheckRun(pull.head_sha, "d1", "action_required", "t", "s", annotations=notes(count))
    apply(world, pull, PutCheckRun(run, 0))
    (made,) = pull.check_runs()
    assert [one["title"] for one in made.annotations] == [f"n{at}" for at in range(count)]
    assert (made.conclusion, made.external_id) == ("action_required", f"v1:{pull.number}:d1")


def test_a_run_cut_short_between_annotations_equals_no_other(world: World, pull: Pull) -> None:
    run = CheckRun(pull.head_sha, "d1", "success", "t", "s", annotations=notes(120))
    world.github.faults.add(broken(PATCH_RUN, times=2))
    with pytest.raises(Retry):
        apply(world, pull, PutCheckRun(run, 0))
    facts = world.gather(pull, History())
    assert facts.observed.check_run == CheckRun(pull.head_sha, "")
    assert facts.observed.check_run and not facts.observed.check_run.conclusion


def test_a_run_that_is_not_to_be_seen_is_not_made_anew_at_once(world: World, pull: Pull) -> None:
    run = CheckRun(pull.head_sha, "d1", "success", "t", "s", annotations=notes(2))
    with pytest.raises(Retry, match="404"):
        apply(world, pull, PutCheckRun(run, 999_999_999))
    assert pull.check_runs() == []


# --- comment, reply, reaction --------------------------------------------------------------


def test_what_we_put_we_get(world: World, pull: Pull) -> None:
    body = "<!-- ghapp:nfr -->\n### Überschrift ✓\n\n- [ ] `a` x"
    (made,) = apply(world, pull, PutComment(body, 0))
    assert world.gather(pull, History()).observed.comment == body
    apply(world, pull, PutComment(body + "\nmore", made.id))
    assert world.gather(pull, History()).observed.comment == body + "\nmore"
    assert len(pull.comments) == 1


def test_a_comment_that_is_not_to_be_seen_is_not_made_anew_at_once(
    world: World, pull: Pull
) -> None:
    (first,) = apply(world, pull, PutComment("one", 0))
    world.github.faults.add(Fault("PATCH */comments/{id}", status=404, message="Not Found"))
    with pytest.raises(Retry, match="404"):
        apply(world, pull, PutComment("two", first.id))
    apply(world, pull, PutComment("two", first.id))
    assert [(comment.id, comment.body) for comment in pull.comments] == [(first.id, "two")]


@pytest.mark.parametrize("body", [b"", b"<html>ok</html>", b'{"id": 1', b"[]", b"{}"])
def test_an_answer_without_what_was_made_is_no_success(
    world: World, pull: Pull, body: bytes
) -> None:
    for route in ("POST */comments", RUNS):
        world.github.faults.add(Fault(route, 1, after=True, body=body))
    with pytest.raises(Retry):
        apply(world, pull, PutComment("text", 0))
    with pytest.raises(Retry):
        apply(world, pull, PutCheckRun(CheckRun(pull.head_sha, "d", "success", "t", "s"), 0))
    assert (len(pull.comments), len(pull.check_runs())) == (1, 1)


def test_a_write_refused_as_if_the_pull_were_not_there_comes_again(
    world: World, pull: Pull
) -> None:
    world.github.faults.add(Fault("POST */comments", status=404, message="Not Found"))
    with pytest.raises(Retry, match="404"):
        apply(world, pull, PutComment("text", 0))


def test_a_label_that_somebody_else_made_meanwhile_is_tried_again(world: World, pull: Pull) -> None:
    world.github.faults.add(already_exists("POST */labels"))
    with pytest.raises(Retry, match="already_exists"):
        apply(world, pull, AddLabels(((NAME, "fbca04", "An SRE"),)))


def test_a_reply_names_what_it_answers(world: World, pull: Pull) -> None:
    first = Reply("help:eve", "comment:5#1", "Help.")
    apply(world, pull, PostReply(first))
    assert pull.comments[0].body == "<!-- ghapp:reply help:eve comment:5#1 -->\nHelp."
    (found,) = world.gather(pull, History()).observed.replies
    assert (found, found.comment_id) == (first, pull.comments[0].id)
    again = replace(found, message_id="comment:7", body="Once more.")
    apply(world, pull, PostReply(again))
    assert [one.body for one in pull.comments] == [
        "<!-- ghapp:reply help:eve comment:7 -->\nOnce more."
    ]
    (found,) = world.gather(pull, History()).observed.replies
    assert found == again


def test_a_reaction_may_be_repeated_and_its_comment_may_be_gone(world: World, pull: Pull) -> None:
    said = pull.comment("/nfr done", "sam")
    effect = React(Reaction(said, "+1"))
    assert [outcome.id for outcome in apply(world, pull, effect, effect)] == [0, 0]
    assert [one.content for one in pull.find_comment(said).reactions] == ["+1"]
    pull.delete_comment(said, "sam")
    apply(world, pull, effect)


def test_a_review_and_a_remark_are_acknowledged_where_they_stand(world: World, pull: Pull) -> None:
    review_id = pull.review("sam", "commented", "/nfr done")
    review = pull.find_review(review_id)
    remark_id = pull.review_comment("/nfr done", "sam", review_id=review_id)
    remark = pull.find_review_comment(remark_id)
    node_id = node_of(world, pull)
    for content in ("+1", "eyes", "confused"):
        on_review = React(Reaction(review_id, content, "review", node_id))
        on_remark = React(Reaction(remark_id, content, "review_comment"))
        done = apply(world, pull, on_review, on_review, on_remark, on_remark)
        assert [one.id for one in done] == [0, 0, 0, 0]
        assert all(abs(one.answered_at - world.now()) < timedelta(minutes=1) for one in done)
    for thing in (review, remark):
        assert {one.content for one in thing.reactions} == {"+1", "eyes", "confused"}
        assert len(thing.reactions) == 3
    pull.delete_review_comment(remark_id, "sam")
    apply(world, pull, on_remark, React(Reaction(1, "+1", "review", "R_gone")))


def node_of(world: World, pull: Pull) -> str:
    """The node id of the pull's newest review, as GitHub tells it."""

    async def story(client: GitHub) -> str:
        api = client._installation(1)
        return (await endpoints.reviews(api, world.key(pull)))[-1].node_id

    return world.run(story)


# --- buttons -------------------------------------------------------------------------------

BUTTONS = (Action("Sign off", "All areas that wait for you", "signoff"),)


def test_buttons_stand_on_completed_runs_only_and_go_with_what_they_were_for(
    world: World, pull: Pull
) -> None:
    waiting = CheckRun(pull.head_sha, "d1", "", "t", "s", actions=BUTTONS)
    (made,) = apply(world, pull, PutCheckRun(waiting, 0))
    (run,) = pull.check_runs()
    assert run.actions == []
    apply(world, pull, PutCheckRun(replace(waiting, conclusion="neutral"), made.id))
    assert run.actions == [
        {
            "label": "Sign off",
            "description": "All areas that wait for you",
            "identifier": "signoff",
        }
    ]
    apply(world, pull, PutCheckRun(replace(waiting, conclusion="success", actions=()), made.id))
    assert run.actions == []


# --- labels --------------------------------------------------------------------------------


def test_labels_that_are_missing_get_our_looks_and_others_keep_theirs(
    world: World, pull: Pull
) -> None:
    world.shop.create_label("Known", "123456", "by hand")
    apply(world, pull, AddLabels(((NAME, "fbca04", "An SRE"), ("known", "000000", "ours"))))
    assert pull.labels == {"Known", NAME}
    looks = {label.name: (label.color, label.description) for label in pull.label_list}
    assert looks == {"Known": ("123456", "by hand"), NAME: ("fbca04", "An SRE")}
    apply(world, pull, AddLabels(((NAME, "ffffff", "other"),)))
    assert looks[NAME] == ("fbca04", "An SRE")
    apply(world, pull, RemoveLabel(NAME), RemoveLabel(NAME))
    assert pull.labels == {"Known"}


# --- refusals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "named"),
    [
        (PutComment("x" * 70_000, 0), "too long"),
        (AddLabels((("n" * 60, "ededed", ""),)), "name"),
    ],
)
def test_a_422_names_what_was_refused(world: World, pull: Pull, effect: Effect, named: str) -> None:
    with pytest.raises(Rejected, match="422") as refused:
        apply(world, pull, effect)
    assert named in str(refused.value)


def refused(status: int, message: str = "No") -> Fault:
    return Fault("POST */comments", None, status=status, message=message)


@pytest.mark.parametrize(
    "fault",
    [
        refused(403, "Resource not accessible by integration"),
        refused(403, "Unable to create comment because issue is locked."),
        refused(403, "Repository was archived so is read-only."),
        refused(410, "Issues are disabled for this repo"),
        refused(422),
    ],
)
def test_a_write_refused_for_good_is_rejected(world: World, pull: Pull, fault: Fault) -> None:
    world.github.faults.add(fault)
    with pytest.raises(Rejected, match=f"{fault.status}: {fault.message}"):
        apply(world, pull, PutComment("text", 0))


@pytest.mark.parametrize(
    "fault",
    [
        refused(500),
        refused(401),
        cut("POST */comments", times=2),
        secondary_limit("POST */comments"),
    ],
)
def test_a_write_that_may_succeed_later_is_not(world: World, pull: Pull, fault: Fault) -> None:
    world.github.faults.add(fault)
    with pytest.raises((Retry, Wait)):
        apply(world, pull, PutComment("text", 0))


@pytest.mark.parametrize(
    "fault",
    [
        page("POST */comments", 403),
        refused(403, ""),
        refused(403, "Forbidden"),
        # The header names what the route needs, whether or not that is missing.
        replace(forbidden("POST */comments", "issues=write"), message="Try again."),
    ],
)
def test_a_403_that_tells_no_reason_is_tried_again_and_not_for_ever(
    world: World, pull: Pull, fault: Fault
) -> None:
    world.github.faults.add(replace(fault, times=1))
    with pytest.raises(Retry, match="403"):
        apply(world, pull, PutComment("text", 0))
    apply(world, pull, PutComment("text", 0))


@pytest.mark.parametrize("status", [403, 404, 410, 422])
def test_the_check_run_is_never_given_up(world: World, pull: Pull, status: int) -> None:
    world.github.faults.add(Fault(RUNS, None, status=status, message="No"))
    with pytest.raises(Retry, match=str(status)):
        apply(world, pull, PutCheckRun(CheckRun(pull.head_sha, "d", "success", "t", "s"), 0))


@pytest.mark.parametrize("name", [".", "..", "", " ", "a/..", "../a"])
def test_no_label_name_removes_all_labels(world: World, pull: Pull, name: str) -> None:
    pull.add_label("theirs", "ann")
    with pytest.raises(Rejected, match="label"):
        apply(world, pull, RemoveLabel(name))
    assert pull.labels == {"theirs"}


def test_a_permission_that_is_missing_is_named() -> None:
    world = World(permissions={"contents": "read", "metadata": "read", "pull_requests": "read"})
    try:
        with pytest.raises(Rejected, match="needs: issues=write; pull_requests=write"):
            apply(world, world.pull(), PutComment("text", 0))
    finally:
        world.close()


def test_a_write_that_is_answered_502_is_not_sent_again(world: World, pull: Pull) -> None:
    world.github.faults.add(broken(COMMENT, after=True))
    world.github.faults.add(broken(RUNS, after=True))
    run = CheckRun(pull.head_sha, "d1", "success", "t", "s")
    comment = PutComment("<!-- ghapp:nfr -->\nonce", 0)
    outcomes = apply(world, pull, comment, PutCheckRun(run, 0))
    (made,) = pull.check_runs()
    assert [one.id for one in outcomes] == [pull.comments[0].id, made.id]
    assert len(pull.comments) == 1


def test_a_write_that_left_no_trace_is_made_once_more(world: World, pull: Pull) -> None:
    world.github.faults.add(broken(COMMENT))
    world.github.faults.add(broken(RUNS))
    run = CheckRun(pull.head_sha, "d1", "success", "t", "s")
    apply(world, pull, PutComment("<!-- ghapp:nfr -->\nonce", 0), PutCheckRun(run, 0))
    assert (len(pull.comments), len(pull.check_runs())) == (1, 1)
    assert world.gather(
        pull, History(unresolved=frozenset({"PutComment"}))
    ).observed.comment.endswith("once")


def test_writing_to_a_pull_that_is_gone_says_so(world: World, pull: Pull) -> None:
    async def story(client: GitHub) -> None:
        key = world.key(pull)
        gone = type(key)(key.repository, 999)
        await client.apply(gone, PutComment("text", 0))

    with pytest.raises(Gone):
        world.run(story)


# --- lists ---------------------------------------------------------------------------------


def test_all_open_pulls_and_repositories_are_listed() -> None:
    world = World()
    try:
        pulls = [world.pull(branch=f"b{at}", files={"a": f"{at}\n"}) for at in range(103)]
        pulls[0].close()
        names = {"acme/shop"}
        for at in range(103):
            fork = world.shop.fork(f"user{at}")
            fork.installation = world.shop.installation
            names.add(fork.full_name)

        async def story(client: GitHub) -> None:
            open_pulls = await client.open_pulls(world.repository)
            assert [key.number for key in open_pulls] == [pull.number for pull in pulls[1:]]
            found = await client.repositories(1)
            assert {one.full_name for one in found} == names
            assert {one.installation_id for one in found} == {1}
            await client.gather(open_pulls[0], History(opened=True), RULES)

        world.run(story)
    finally:
        world.close()


def test_reviews_are_requested_of_teams_and_people(world: World, pull: Pull) -> None:
    world.github.team("acme", "dba", members=["dan"])
    world.shop.collaborator("wes", "write")
    effect = RequestReview(("team:dba:f1", "user:wes:f1", "user:wes:f2"))
    apply(world, pull, effect)
    apply(world, pull, effect)
    assert [team.slug for team in pull.requested_teams] == ["dba"]
    assert [user.login for user in pull.requested] == ["wes"]
    for wrong in ("team:nobody:f1", "user:stranger:f1", f"user:{pull.author.login}:f1"):
        with pytest.raises(Rejected, match="collaborators"):
            apply(world, pull, RequestReview((wrong,)))
