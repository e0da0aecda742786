"""What people did while its delivery was lost: a sweep finds it, and it counts once."""

from __future__ import annotations

from ghapp.emulator.repository import Pull
from tests.e2e.marks import (
    HELD,
    SIGNED,
    WAITING,
    body,
    boxes,
    marks,
    reactions,
    refused,
    tick,
)
from tests.e2e.stories import Shop, Steps, story
from tests.e2e.world import ENFORCE, MIGRATION

BY_REVIEW = ENFORCE + "sign_off: {by: [command, label, review]}\n"


def late(shop: Shop, event: str) -> None:
    """The lost delivery comes after all."""
    lost = [
        one
        for one in shop.world.github.deliveries.all
        if one.status_code == 502
        and one.repository_id == shop.repository.id
        and f"{one.event}.{one.action}" == event
    ]
    assert lost
    for one in lost:
        shop.world.github.redeliver(one.id)


@story()
def test_a_lost_comment_is_found_by_a_sweep_and_counts_once(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    said = shop.lose("issue_comment.created", lambda: pull.comment("/nfr done -- read", "sam"))
    yield
    assert marks(pull) == WAITING
    shop.sweep()
    yield
    assert (marks(pull), reactions(pull, said)) == (SIGNED, ["+1"])
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == WAITING
    late(shop, "issue_comment.created")
    yield
    assert marks(pull) == WAITING
    assert "Sign-off undone by sue" in body(pull)


@story()
def test_a_lost_concern_is_raised_once(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    shop.lose("issue_comment.created", lambda: pull.comment("/nfr concern Who pays?", "sam"))
    yield
    shop.sweep()
    yield
    late(shop, "issue_comment.created")
    shop.sweep()
    yield
    assert [name for name in boxes(pull) if name.startswith("concern")] == ["concern-1"]


@story()
def test_the_body_of_a_lost_review_is_found_by_a_sweep_and_counts_once(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    said = shop.lose(
        "pull_request_review.submitted", lambda: pull.review("sam", "commented", "/nfr done")
    )
    yield
    assert marks(pull) == WAITING
    shop.sweep()
    yield
    assert (marks(pull), reactions(pull, said)) == (SIGNED, ["+1"])
    late(shop, "pull_request_review.submitted")
    yield
    assert (marks(pull), reactions(pull, said)) == (SIGNED, ["+1"])


@story()
def test_a_lost_comment_on_the_diff_is_found_by_a_sweep_and_counts_once(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    said = shop.lose(
        "pull_request_review_comment.created",
        lambda: pull.review_comment("/nfr hold -- look here", "sam", MIGRATION, 1),
    )
    yield
    shop.sweep()
    yield
    assert (marks(pull), reactions(pull, said)) == (HELD, ["+1"])
    pull.comment("/nfr undo", "sam")
    yield
    late(shop, "pull_request_review_comment.created")
    yield
    assert marks(pull) == WAITING


@story(BY_REVIEW)
def test_a_lost_approval_and_its_lost_dismissal_are_found_by_a_sweep(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    approval = shop.lose("pull_request_review.submitted", lambda: pull.review("sam"))
    yield
    assert marks(pull) == WAITING
    shop.sweep()
    yield
    assert marks(pull) == SIGNED
    shop.lose(
        "pull_request_review.dismissed",
        lambda: pull.dismiss_review(approval, "bob"),  # type: ignore[arg-type]
    )
    yield
    shop.sweep()
    yield
    assert marks(pull) == WAITING
    late(shop, "pull_request_review.submitted")
    late(shop, "pull_request_review.dismissed")
    yield
    assert marks(pull) == WAITING


@story()
def test_a_lost_label_and_its_lost_removal_are_found_by_a_sweep(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    shop.lose("pull_request.labeled", lambda: pull.add_label("nfr: signed off", "sam"))
    yield
    shop.sweep()
    yield
    assert marks(pull) == SIGNED
    assert "Signed off by sam" in body(pull)
    shop.lose("pull_request.unlabeled", lambda: pull.remove_label("nfr: signed off", "sue"))
    yield
    shop.sweep()
    yield
    assert marks(pull) == WAITING


@story()
def test_a_lost_tick_counts_once_and_a_lost_forged_tick_is_removed(shop: Shop) -> Steps:
    pull, forged = shop.open(), shop.open(branch="feat/forged")
    yield
    shop.lose("issue_comment.edited", lambda: tick(pull, "dbm-rollback", "ann"))
    shop.lose("issue_comment.edited", lambda: tick(forged, "dbm-rollback", "eve"))
    yield
    shop.sweep()
    yield
    assert "answered by ann" in (pull.check_runs()[-1].text or "")
    assert boxes(pull)["dbm-rollback"]
    assert not boxes(forged)["dbm-rollback"]
    assert "only the author and people with write access" in refused(forged, "eve")
    pull.comment("/nfr uncheck dbm-rollback", "bob")
    yield
    assert not boxes(pull)["dbm-rollback"]
    late(shop, "issue_comment.edited")
    yield
    assert not boxes(pull)["dbm-rollback"]


@story()
def test_a_lost_comment_that_was_edited_since_has_to_be_repeated(shop: Shop) -> Steps:
    pull, reviewed = shop.open(), shop.open(branch="feat/reviewed")
    yield
    said = shop.lose("issue_comment.created", lambda: pull.comment("Hm.", "sam"))
    review = shop.lose(
        "pull_request_review.submitted",
        lambda: reviewed.review("sam", "commented", "/nfr hold -- no"),
    )
    shop.lose("issue_comment.edited", lambda: pull.edit_comment(said, "/nfr done", "sam"))  # type: ignore[arg-type]
    shop.lose(
        "pull_request_review.edited",
        lambda: reviewed.edit_review(review, "/nfr done", "sam"),  # type: ignore[arg-type]
    )
    yield
    shop.sweep()
    yield
    for one, id in ((pull, said), (reviewed, review)):
        assert (marks(one), reactions(one, id)) == (WAITING, ["confused"])
        assert "please write it again in a new comment" in refused(one, "sam")
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED


@story()
def test_a_lost_opening_merge_and_closed_issue_are_found(shop: Shop) -> Steps:
    pull = shop.lose("pull_request.opened", shop.open)
    assert isinstance(pull, Pull)
    yield
    yield  # all stories sweep at the same time: one that comes early finds what others have lost
    shop.sweep()
    yield
    assert marks(pull) == WAITING
    pull.comment("/nfr defer dbm-query-plan -- later", "ann")
    yield
    shop.lose("pull_request.closed", lambda: pull.merge(by="bob"))
    yield
    shop.sweep()
    yield
    (issue,) = shop.issues
    assert marks(pull)[0] == "cancelled"
    shop.lose("issues.closed", lambda: issue.close("bob"))
    yield
    pull.comment("/nfr refresh", "bob")
    yield
    assert "~~`dbm-query-plan`~~ closed" in body(pull)
