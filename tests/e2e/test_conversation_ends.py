"""After the end: merged, closed, reopened; renamed and transferred repositories."""

from __future__ import annotations

from tests.e2e.stories import HELD, SIGNED, WAITING, Shop, Steps, body, line, marks, reacted, story
from tests.e2e.world import ENFORCE, MIGRATION, RISKY, title


@story()
def merged_signed_off_it_stays_so(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.merge(by="bob")
    yield
    assert marks(pull) == SIGNED
    assert "### NFR review: signed off" in body(pull)
    assert line(pull, "Signed off by sam")
    late = pull.comment("/nfr help", "eve")
    yield
    assert reacted(pull, late) == ["eyes"]


@story()
def ended_while_waiting_it_says_so_and_reopened_goes_on(shop: Shop) -> Steps:
    merged, closed = shop.open(), shop.open(branch="feat/closed")
    yield
    merged.merge(by="bob")
    closed.close(by="bob")
    yield
    assert (marks(merged)[0], title(merged)) == ("cancelled", "Merged without sign-off")
    assert line(merged, "**Next**") == "**Next**: nothing, it is merged."
    assert (marks(closed)[0], title(closed)) == ("cancelled", "Closed without sign-off")
    assert "### NFR review: closed without sign-off" in body(closed)
    closed.reopen(by="ann")
    yield
    assert marks(closed) == WAITING
    assert "### NFR review: waiting for the author" in body(closed)
    closed.comment("/nfr done", "sam")
    yield
    assert marks(closed) == SIGNED
    closed.close(by="ann")
    yield
    closed.reopen(by="ann")
    yield
    assert marks(closed) == SIGNED


@story()
def a_hold_outlives_closing(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr hold -- freeze\n/nfr done", "sam")
    yield
    pull.close(by="ann")
    yield
    assert (marks(pull)[0], title(pull)) == ("cancelled", "Closed while on hold")
    pull.reopen(by="ann")
    yield
    assert marks(pull) == HELD
    pull.comment("/nfr undo", "sam")
    yield
    assert "On hold" not in title(pull)


@story()
def a_draft_has_no_label_until_it_is_ready(shop: Shop) -> Steps:
    pull = shop.open(draft=True)
    yield
    assert marks(pull) == ("in progress", set())
    pull.comment("/nfr hold -- freeze", "sam")
    yield
    assert marks(pull) == ("action_required", set())
    pull.ready(by="ann")
    yield
    assert marks(pull) == HELD


@story()
def a_renamed_repository_keeps_its_reviews(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr defer dbm-query-plan -- later\n/nfr check dbm-rollback", "ann")
    yield
    pull.comment("/nfr done", "sam")
    yield
    comment, run = pull.comments[0].body, pull.check_runs()[-1].id
    shop.repository.rename("store", by="sue")
    yield
    pull.push({"app/orders.py": "total = len\n"})
    yield
    assert marks(pull) == ("success", {"signed off", "follow-ups"})
    assert line(pull, "Signed off by sam")
    assert comment.splitlines()[1] == body(pull).splitlines()[1]
    assert pull.check_runs()[-1].id != run
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
    yield
    assert marks(pull) == WAITING
    assert line(pull, "/acme/store/compare/")
    (issue,) = shop.issues
    issue.close("bob")
    yield
    assert line(pull, "~~`dbm-query-plan`~~ closed")


@story()
def a_transferred_repository_keeps_its_reviews(shop: Shop) -> Steps:
    github = shop.world.github
    github.installation(2, "globex")
    github.team("globex", "sre", members=["gus"])
    pull, other = shop.open(), shop.open(branch="feat/other")
    yield
    pull.comment("/nfr done", "sam")
    other.comment("/nfr hold -- freeze", "sam")
    yield
    assert (marks(pull), marks(other)) == (SIGNED, HELD)
    shop.repository.transfer("globex", by="sue")
    yield
    pull.push({"app/orders.py": "total = len\n"})
    refused = other.comment("/nfr undo", "sue")
    yield
    assert (marks(pull), marks(other)) == (SIGNED, HELD)
    assert line(pull, "Signed off by sam")
    assert reacted(other, refused) == ["confused"]
    shop.repository.collaborator("gus", "write")
    other.comment("/nfr undo\n/nfr done", "gus")
    yield
    assert marks(other) == SIGNED


@story()
def a_policy_that_changes_what_is_asked_is_looked_at_again(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    shop.policy(ENFORCE + "areas: {database-migration: off}\n")
    yield
    assert marks(pull) == ("success", set())
    shop.policy(ENFORCE)
    yield
    assert marks(pull) == SIGNED
    shop.policy("version: 1\nmode: nonsense\n")
    yield
    assert marks(pull) == SIGNED
