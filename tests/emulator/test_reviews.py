"""Reviews and review comments: their deliveries, answers, reactions, and what is refused."""

from __future__ import annotations

import pytest
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from ghapp.emulator.repository import Pull
from tests.emulator.world import World

PULL = "/repos/acme/shop/pulls/1"


@pytest.fixture
def pull(world: World) -> Pull:
    return world.repository.open_pull(author="ann", branch="f", files={"a.py": "1\n2\n3\n"})


def test_a_review_has_its_state_in_capitals_only_in_lists(world: World, pull: Pull) -> None:
    first = pull.head_sha
    approved = pull.review("sre-sam", "approved")
    pull.push({"a.py": "4\n"})
    wanted = pull.review("sre-sam", "changes_requested", "/nfr hold -- no", first)
    commented = pull.review("bob", "commented", "hm")
    rows = world.client.get(f"{PULL}/reviews").json()
    TypeAdapter(list[models.PullRequestReview]).validate_python(rows)
    assert [(r["id"], r["state"], r["body"], r["commit_id"] == first) for r in rows] == [
        (approved, "APPROVED", "", True),
        (wanted, "CHANGES_REQUESTED", "/nfr hold -- no", True),
        (commented, "COMMENTED", "hm", False),
    ]
    events = world.payloads("pull_request_review")
    assert [
        (e["action"], e["review"]["state"], e["review"]["body"], e["sender"]["login"])
        for e in events
    ] == [
        ("submitted", "approved", None, "sre-sam"),
        ("submitted", "changes_requested", "/nfr hold -- no", "sre-sam"),
        ("submitted", "commented", "hm", "bob"),
    ]
    assert [e["review"]["node_id"] for e in events] == [row["node_id"] for row in rows]
    assert world.client.get(f"{PULL}/reviews/{commented}").json() == rows[2]
    assert world.client.get(f"{PULL}/reviews/1").status_code == 404


def test_a_dismissed_review_names_its_author_and_who_dismissed_it(world: World, pull: Pull) -> None:
    review = pull.review("sre-sam")
    pull.dismiss_review(review, "ann", "out of date")
    payload = world.payloads("pull_request_review")[-1]
    assert (payload["action"], payload["review"]["state"]) == ("dismissed", "dismissed")
    assert payload["review"]["user"]["login"] == "sre-sam"
    assert payload["sender"]["login"] == "ann"
    assert [row["state"] for row in world.client.get(f"{PULL}/reviews").json()] == ["DISMISSED"]
    [event] = world.client.get("/repos/acme/shop/issues/1/events").json()
    TypeAdapter(models.ReviewDismissedIssueEvent).validate_python(event)
    assert (event["actor"]["login"], event["dismissed_review"]["review_id"]) == ("ann", review)
    assert event["dismissed_review"]["state"] == "approved"


def test_an_edited_review_keeps_its_former_body_and_its_editor(world: World, pull: Pull) -> None:
    review = pull.review("sre-sam", "approved", "fine")
    assert pull.find_review(review).last_edited_at is None
    pull.edit_review(review, "/nfr done", "ann")
    found = pull.find_review(review)
    assert (found.body, found.edits[0].before, found.state) == ("/nfr done", "fine", "approved")
    assert found.editor is world.github.user("ann")
    payload = world.payloads("pull_request_review")[-1]
    assert (payload["action"], payload["changes"]) == ("edited", {"body": {"from": "fine"}})


@pytest.mark.parametrize(
    ("by", "state", "body"),
    [
        ("ann", "approved", ""),
        ("ann", "changes_requested", "no"),
        ("sre-sam", "changes_requested", " "),
        ("sre-sam", "commented", ""),
        ("sre-sam", "dismissed", "no"),
    ],
)
def test_a_review_that_github_refuses(pull: Pull, by: str, state: str, body: str) -> None:
    with pytest.raises(ValueError, match=r"own pull|needs a body|one of"):
        pull.review(by, state, body)
    assert pull.reviews == []


def test_an_author_may_comment_and_a_commit_has_to_be_known(pull: Pull) -> None:
    assert pull.find_review(pull.review("ann", "commented", "see above")).state == "commented"
    with pytest.raises(ValueError, match="no commit"):
        pull.review("sre-sam", commit_id="0" * 40)


def test_only_verdicts_are_dismissed_with_a_reason_by_people_with_write(pull: Pull) -> None:
    commented, approved = pull.review("bob", "commented", "hm"), pull.review("sre-sam")
    for review, by, message in (
        (commented, "ann", "x"),
        (approved, "ann", " "),
        (approved, "bob", "x"),
    ):
        with pytest.raises(ValueError, match=r"Can not dismiss|say why|write access"):
            pull.dismiss_review(review, by, message)
    assert pull.find_review(approved).state == "approved"


def test_a_comment_on_a_line_makes_a_review_without_a_body(world: World, pull: Pull) -> None:
    comment = pull.review_comment("/nfr done", "sre-sam", "a.py", 2)
    reply = pull.review_comment("thanks", "ann", in_reply_to=comment)
    rows = world.client.get(f"{PULL}/comments").json()
    TypeAdapter(list[models.PullRequestReviewComment]).validate_python(rows)
    assert [(r["id"], r["line"], r["diff_hunk"], r.get("in_reply_to_id")) for r in rows] == [
        (comment, 2, "@@ -0,0 +1,3 @@\n+1\n+2", None),
        (reply, 2, "@@ -0,0 +1,3 @@\n+1\n+2", comment),
    ]
    assert [review.id for review in pull.reviews] == [r["pull_request_review_id"] for r in rows]
    assert [e["review"]["body"] for e in world.payloads("pull_request_review")] == [None, None]
    pull.edit_review_comment(comment, "/nfr hold -- no", "bob")
    pull.delete_review_comment(reply, "ann")
    events = world.payloads("pull_request_review_comment")
    assert [(e["action"], e["comment"]["body"], e["sender"]["login"]) for e in events] == [
        ("created", "/nfr done", "sre-sam"),
        ("created", "thanks", "ann"),
        ("edited", "/nfr hold -- no", "bob"),
        ("deleted", "thanks", "ann"),
    ]
    assert world.client.get(PULL).json()["review_comments"] == 1


def test_comments_of_a_review_belong_to_it_and_stand_in_the_diff(pull: Pull) -> None:
    review = pull.review("sre-sam", "changes_requested", "see below")
    comment = pull.review_comment("here", "sre-sam", review_id=review)
    assert (pull.find_review_comment(comment).review_id, len(pull.reviews)) == (review, 1)
    for path, line in (("none.py", None), ("a.py", 9)):
        with pytest.raises(ValueError, match="pull_request_review_thread"):
            pull.review_comment("x", "sre-sam", path, line)
    with pytest.raises(KeyError):
        pull.review_comment("x", "sre-sam", in_reply_to=1)


def test_a_review_comment_is_reacted_to_over_rest(world: World, pull: Pull) -> None:
    comment = pull.review_comment("/nfr done", "sre-sam")
    path = f"/repos/acme/shop/pulls/comments/{comment}"
    codes = [
        world.client.post(f"{path}/reactions", json={"content": "+1"}).status_code for _ in "ab"
    ]
    assert codes == [201, 200]
    assert [r["content"] for r in world.client.get(f"{path}/reactions").json()] == ["+1"]
    assert world.client.get(path).json()["reactions"]["+1"] == 1
    narrow = world.narrowed(issues="write", pull_requests="read")
    refused = world.client.post(f"{path}/reactions", json={"content": "eyes"}, headers=narrow)
    assert refused.status_code == 403
    missing = world.client.post(
        "/repos/acme/shop/pulls/comments/1/reactions", json={"content": "eyes"}
    )
    assert missing.status_code == 404


def test_review_lists_have_pages_times_and_unchanged_answers(world: World, pull: Pull) -> None:
    for word in "abc":
        pull.review_comment(word, "bob")
    middle = pull.review_comments[1]
    page = world.client.get(f"{PULL}/comments", params={"per_page": 2})
    assert ([row["body"] for row in page.json()], "next" in page.links) == (["a", "b"], True)
    known = {"if-none-match": page.headers["etag"]}
    assert world.client.get(page.url, headers=known).status_code == 304
    pull.edit_review_comment(pull.review_comments[0].id, "z", "bob")
    assert world.client.get(page.url, headers=known).status_code == 200
    pull.delete_review_comment(middle.id, "bob")
    asked = {"sort": "updated", "direction": "desc"}
    rows = world.client.get(f"{PULL}/comments", params=asked).json()
    assert [row["body"] for row in rows] == ["z", "c"]
