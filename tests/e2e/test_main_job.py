"""The main job on both databases: signed bytes in, the state of GitHub out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.marks import (
    SIGNED,
    WAITING,
    body,
    box,
    boxes,
    comment,
    comments,
    marks,
    reactions,
    refused,
    tick,
    title,
)
from tests.e2e.stories import Outcomes, Shop, Steps, lived, selected, story
from tests.e2e.world import ENFORCE, MIGRATION, RISKY

CLEAR = {"app/orders.py": "total = len\n"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outcomes]:
    with ExitStack() as stack:
        more: dict[str, str] = {}
        if request.param == "postgresql":
            cluster = request.getfixturevalue("postgres")
            more["GHAPP_DATABASE_URL"] = stack.enter_context(cluster.database())
        stories = selected(request.session.items, request.module)
        yield lived(tmp_path_factory.mktemp("main"), stories, **more)


@story()
def test_a_flagged_feature_pull_gets_check_run_comment_and_label(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    assert marks(pull) == WAITING
    assert title(pull) == "2 findings · Waiting for the author: Database migration"
    assert body(pull).startswith("<!-- ghapp:nfr -->\n")
    assert f"`{MIGRATION}` (matches `**/db/migrate/**`)" in body(pull)
    assert "`dbm-online-ddl` · must" in box(pull, "dbm-online-ddl")
    label = shop.repository.label("nfr: needs sign-off")
    assert label and (label.color, bool(label.description)) == ("fbca04", True)


@story()
def test_an_unflagged_pull_gets_a_green_check_run_and_nothing_else(shop: Shop) -> Steps:
    pull = shop.open(CLEAR)
    yield
    assert (marks(pull), pull.labels, comments(pull)) == (("success", set()), set(), [])
    assert title(pull) == "No NFR area touched"


@story()
def test_a_pull_that_is_not_a_feature_gets_a_comment_only_after_a_command(shop: Shop) -> Steps:
    pull = shop.open(title="chore: index", branch="chore/index")
    yield
    assert (marks(pull), comments(pull)) == (WAITING, [])
    pull.comment("/nfr done", "eve")
    yield
    assert "only team `sre` may sign off" in body(pull)


@story()
def test_a_command_signs_off(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    said = pull.comment("Looks good.\r\n/nfr done -- rehearsed", "sam")
    yield
    assert (marks(pull), reactions(pull, said)) == (SIGNED, ["+1"])
    assert f"Signed off by sam at `{pull.head_sha[:7]}`" in body(pull)


@story()
def test_a_label_signs_off_until_it_is_removed(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.add_label("nfr: signed off", "sam")
    yield
    assert marks(pull) == SIGNED
    pull.remove_label("nfr: signed off", "sue")
    yield
    assert marks(pull) == WAITING


@story()
def test_a_label_set_by_someone_without_the_right_is_restored(shop: Shop) -> Steps:
    pulls = {by: shop.open(branch=f"feat/{by}") for by in ("ann", "eve")}
    yield
    for by, pull in pulls.items():
        pull.add_label("nfr: signed off", by)
        pull.remove_label("nfr: needs sign-off", by)
    yield
    for by, pull in pulls.items():
        assert marks(pull) == WAITING
        assert f"- {by}: " in body(pull)


@story(ENFORCE.replace("sre", "mixed"))
def test_a_command_of_someone_without_the_right_is_refused(shop: Shop) -> Steps:
    shop.world.github.team("acme", "mixed", members=["sam", "ann"])
    pull = shop.open()
    yield
    by_ann, by_eve = pull.comment("/nfr done", "ann"), pull.comment("/nfr done", "eve")
    yield
    assert marks(pull) == WAITING
    assert [reactions(pull, id) for id in (by_ann, by_eve)] == [["confused"]] * 2
    assert "authors cannot sign off their own pull request" in refused(pull, "ann")
    assert "only team `mixed` may sign off" in refused(pull, "eve")


@story(ENFORCE.replace("sre", "asked"))
def test_a_pending_member_of_a_team_cannot_sign_off(shop: Shop) -> Steps:
    shop.world.github.team("acme", "asked", members=["sam"], pending=["eve"])
    pull = shop.open()
    yield
    pull.comment("/nfr done", "eve")
    yield
    assert marks(pull) == WAITING


@story()
def test_undo_ends_a_sign_off(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.comment("/nfr undo", "sam")
    yield
    assert marks(pull) == WAITING


@story()
def test_someone_who_pushed_cannot_sign_off(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.push({MIGRATION: RISKY + "-- checked\n"}, by="sam")
    yield
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == WAITING
    assert f"you pushed `{pull.head_sha[:7]}` yourself" in body(pull)


@story()
def test_a_push_elsewhere_keeps_the_sign_off(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.push({"app/orders.py": "total = max\n"})
    yield
    assert marks(pull) == SIGNED


@story()
def test_a_rebase_and_a_merge_of_the_base_keep_the_sign_off(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    shop.repository.push("main", {"app/other.py": "x = 1\n"}, by="sue")
    pull.merge_base_in(by="ann")
    yield
    assert marks(pull) == SIGNED
    pull.rebase(by="ann")
    yield
    assert marks(pull) == SIGNED


@story()
def test_a_change_inside_the_area_makes_it_stale_and_names_the_commit(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    was = pull.head_sha
    pull.push({MIGRATION: RISKY.replace("INT", "BIGINT")})
    yield
    assert marks(pull) == WAITING
    stale = f"~~Signed off by sam at `{was[:7]}`~~; changed since, by `{pull.head_sha[:7]}`"
    assert stale in body(pull)
    pull.comment("/nfr done", "sue")
    yield
    assert marks(pull) == SIGNED


@story()
def test_reverting_the_change_restores_the_sign_off(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
    yield
    assert marks(pull) == WAITING
    pull.push({MIGRATION: RISKY})
    yield
    assert marks(pull) == SIGNED


@story()
def test_a_sign_off_of_an_older_head_does_not_cover_a_newer_change(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    with shop.world.github.deliveries.held() as held:
        pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
        pull.comment("/nfr done", "sam")
    for delivery in held:
        shop.world.github.deliveries.send(delivery)
    yield
    assert marks(pull) == WAITING


@story()
def test_a_ticked_box_is_an_answer_and_stays_ticked(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    asked = box(pull, "dbm-rollback")
    ticked = body(pull).replace(asked, asked.replace("- [ ]", "- [x]"))
    pull.edit_comment(comment(pull).id, ticked.replace("\n", "\r\n"), "ann")
    yield
    assert boxes(pull)["dbm-rollback"]
    assert "answered by ann" in (pull.check_runs()[-1].text or "")


@story()
def test_a_tick_by_someone_without_the_right_is_removed(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    for item in boxes(pull):
        tick(pull, item, "eve")
    yield
    assert not any(boxes(pull).values())
    assert "only the author and people with write access can answer" in body(pull)


@story()
def test_once_all_must_questions_are_answered_sre_is_next(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    said = pull.comment(f"/nfr check {' '.join(boxes(pull))} -- see the plan", "ann")
    yield
    assert title(pull) == "2 findings · Waiting for SRE sign-off: Database migration"
    assert reactions(pull, said) == ["+1"]


@story()
def test_a_forged_edit_of_the_comment_is_overwritten(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    before = body(pull)
    pull.edit_comment(comment(pull).id, "all is fine", "ann")
    yield
    assert comments(pull) == [before]


@story()
def test_a_deleted_comment_is_written_again(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    before = body(pull)
    pull.delete_comment(comment(pull).id, "ann")
    yield
    assert comments(pull) == [before]


@story()
def test_help_is_answered_once(shop: Shop) -> Steps:
    pull = shop.open(CLEAR)
    yield
    said = pull.comment("/nfr help", "eve")
    yield
    assert "`/nfr done [AREA...] [-- note]`" in body(pull)
    assert reactions(pull, said) == ["eyes"]


@story()
def test_a_person_gets_one_refusal_an_hour_on_an_unflagged_pull(shop: Shop) -> Steps:
    pull = shop.open(CLEAR)
    yield
    pull.comment("/nfr dnoe", "eve")
    yield
    pull.comment("/nfr dnoe", "eve")
    yield
    assert "Did you mean `done`?" in body(pull)


@story()
def test_sixty_kilobytes_of_misspelt_commands_get_a_short_answer(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    said = pull.comment("/nfr doen db-rollback\n" * 2_800, "eve")
    yield
    assert (marks(pull), reactions(pull, said)) == (WAITING, ["confused"])
    assert "only the first `8192` characters of a comment are read" in body(pull)
    assert len(body(pull)) < 10_000
