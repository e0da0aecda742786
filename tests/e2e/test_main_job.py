"""The main job as stories: signed bytes in, the state of GitHub out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.marks import (
    SIGNED,
    WAITING,
    comments,
    conclusion,
    marks,
    reactions,
    title,
)
from tests.e2e.world import MIGRATION, RISKY, World, running


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """The main job holds on both databases."""
    more: dict[str, str] = {}
    if request.param == "postgresql":
        more["GHAPP_DATABASE_URL"] = request.getfixturevalue("postgres_url")
    with running(tmp_path, **more) as made:
        yield made


def test_a_flagged_feature_pull_gets_check_run_comment_and_label(world: World) -> None:
    pull = world.open()
    world.settle()
    assert marks(pull) == WAITING
    assert title(pull) == "2 findings · Waiting for the author: Database migration"
    (body,) = comments(pull)
    assert body.startswith("<!-- ghapp:nfr -->\n")
    assert f"`{MIGRATION}` (matches `**/db/migrate/**`)" in body
    assert "- [ ] `dbm-online-ddl` **must**" in body
    label = world.repository.label("nfr: needs sign-off")
    assert label and (label.color, bool(label.description)) == ("fbca04", True)


def test_an_unflagged_pull_gets_a_green_check_run_and_nothing_else(world: World) -> None:
    pull = world.open({"app/orders.py": "total = len\n"})
    world.settle()
    assert (marks(pull), comments(pull)) == (("success", set()), [])
    assert title(pull) == "No NFR area touched"


def test_a_flagged_pull_that_is_not_a_feature_gets_a_comment_only_once_someone_gives_a_command(
    world: World,
) -> None:
    pull = world.open(title="chore: index", branch="chore/index")
    world.settle()
    assert (marks(pull), comments(pull)) == (WAITING, [])
    world.say(pull, "/nfr done", "eve")
    world.settle()
    assert "only team `sre` may sign off" in comments(pull)[0]


class TestSignOff:
    def test_by_command(self, world: World) -> None:
        pull = world.open()
        world.settle()
        said = world.say(pull, "Looks good.\r\n/nfr done -- rehearsed")
        world.settle()
        assert marks(pull) == SIGNED
        assert reactions(pull, said) == ["+1"]
        assert f"Signed off by sam at `{pull.head_sha[:7]}`" in comments(pull)[0]

    def test_by_label_and_its_withdrawal(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.clock.forward()
        pull.add_label("nfr: signed off", "sam")
        world.settle()
        assert marks(pull) == SIGNED
        world.clock.forward()
        pull.remove_label("nfr: signed off", "sue")
        world.settle()
        assert marks(pull) == WAITING

    @pytest.mark.parametrize("by", ["ann", "eve"])
    def test_by_label_of_someone_without_the_right_is_undone(self, world: World, by: str) -> None:
        pull = world.open()
        world.settle()
        world.clock.forward()
        pull.add_label("nfr: signed off", by)
        pull.remove_label("nfr: needs sign-off", by)
        world.settle()
        assert marks(pull) == WAITING
        assert f"- {by}: " in comments(pull)[0]

    @pytest.mark.parametrize(
        ("by", "reason"),
        [
            ("ann", "authors cannot sign off their own pull request"),
            ("eve", "only team `sre` may sign off"),
        ],
    )
    def test_by_command_of_someone_without_the_right_is_refused(
        self, world: World, by: str, reason: str
    ) -> None:
        world.github.team("acme", "sre", members=["sam", "ann"])
        pull = world.open()
        world.settle()
        said = world.say(pull, "/nfr done", by)
        world.settle()
        assert marks(pull) == WAITING
        assert reactions(pull, said) == ["confused"]
        assert reason in comments(pull)[0]

    def test_by_someone_whose_membership_is_pending_is_refused(self, world: World) -> None:
        world.github.team("acme", "sre", members=["sam"], pending=["eve"])
        pull = world.open()
        world.settle()
        world.say(pull, "/nfr done", "eve")
        world.settle()
        assert conclusion(pull) == "in progress"

    def test_is_undone_with_undo(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.say(pull, "/nfr done")
        world.settle()
        world.say(pull, "/nfr undo")
        world.settle()
        assert marks(pull) == WAITING

    def test_by_someone_who_pushed_is_refused(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.clock.forward()
        pull.push({MIGRATION: RISKY + "-- checked\n"}, by="sam")
        world.settle()
        world.say(pull, "/nfr done")
        world.settle()
        assert conclusion(pull) == "in progress"
        assert f"you pushed `{pull.head_sha[:7]}` yourself" in comments(pull)[0]


class TestHolding:
    @pytest.fixture
    def signed(self, world: World) -> Iterator[object]:
        pull = world.open()
        world.settle()
        world.say(pull, "/nfr done")
        world.settle()
        assert conclusion(pull) == "success"
        world.clock.forward()
        return pull

    def test_a_push_elsewhere_keeps_the_sign_off(self, world: World, signed) -> None:
        signed.push({"app/orders.py": "total = max\n"})
        world.settle()
        assert marks(signed) == SIGNED

    def test_rebase_and_update_branch_keep_the_sign_off(self, world: World, signed) -> None:
        world.repository.push("main", {"app/other.py": "x = 1\n"}, by="sue")
        signed.merge_base_in(by="ann")
        world.settle()
        assert conclusion(signed) == "success"
        world.clock.forward()
        signed.rebase(by="ann")
        world.settle()
        assert marks(signed) == SIGNED

    def test_a_change_inside_the_area_makes_it_stale_and_names_the_commit(
        self, world: World, signed
    ) -> None:
        was = signed.head_sha
        signed.push({MIGRATION: RISKY.replace("INT", "BIGINT")})
        world.settle()
        assert marks(signed) == WAITING
        assert (
            f"~~Signed off by sam at `{was[:7]}`~~; changed since, by `{signed.head_sha[:7]}`"
            in comments(signed)[0]
        )
        world.say(signed, "/nfr done", "sue")
        world.settle()
        assert marks(signed) == SIGNED

    def test_reverting_the_change_restores_the_sign_off(self, world: World, signed) -> None:
        signed.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
        world.settle()
        assert conclusion(signed) == "in progress"
        world.clock.forward()
        signed.push({MIGRATION: RISKY})
        world.settle()
        assert conclusion(signed) == "success"

    def test_a_sign_off_of_an_older_head_does_not_cover_a_newer_change(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.clock.forward()
        with world.github.deliveries.held() as held:
            pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
            pull.comment("/nfr done", "sam")
        for delivery in held:
            world.github.deliveries.send(delivery)
        world.settle()
        assert marks(pull) == WAITING


class TestAnswers:
    def test_a_ticked_box_is_an_answer_and_stays_ticked(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.clock.forward()
        comment = next(one for one in pull.comments if one.via_app)
        ticked = comment.body.replace("- [ ] `dbm-rollback`", "- [x] `dbm-rollback`")
        pull.edit_comment(comment.id, ticked.replace("\n", "\r\n"), "ann")
        world.settle()
        assert "- [x] `dbm-rollback`" in comments(pull)[0]
        assert "answered by ann" in (pull.check_runs()[-1].text or "")

    def test_a_tick_by_someone_without_the_right_is_removed(self, world: World) -> None:
        pull = world.open()
        world.settle()
        world.clock.forward()
        comment = next(one for one in pull.comments if one.via_app)
        pull.edit_comment(comment.id, comment.body.replace("- [ ]", "- [x]"), "eve")
        world.settle()
        assert "- [x]" not in comments(pull)[0]
        assert "only the author and people with write access can answer" in comments(pull)[0]

    def test_once_all_must_questions_are_answered_sre_is_next(self, world: World) -> None:
        pull = world.open()
        world.settle()
        items = [line.split("`")[1] for line in comments(pull)[0].splitlines() if "- [ ]" in line]
        said = world.say(pull, f"/nfr check {' '.join(items)} -- see the plan", "ann")
        world.settle()
        assert title(pull) == "2 findings · Waiting for SRE sign-off: Database migration"
        assert reactions(pull, said) == ["+1"]

    def test_a_forged_edit_of_the_comment_is_overwritten(self, world: World) -> None:
        pull = world.open()
        world.settle()
        before = comments(pull)[0]
        comment = next(one for one in pull.comments if one.via_app)
        world.clock.forward()
        pull.edit_comment(comment.id, "all is fine", "ann")
        world.settle()
        assert comments(pull) == [before]

    def test_a_deleted_comment_is_written_again(self, world: World) -> None:
        pull = world.open()
        world.settle()
        before = comments(pull)[0]
        world.clock.forward()
        pull.delete_comment(next(one for one in pull.comments if one.via_app).id, "ann")
        world.settle()
        assert comments(pull) == [before]


def test_help_is_answered_once(world: World) -> None:
    pull = world.open({"app/orders.py": "total = len\n"})
    world.settle()
    said = world.say(pull, "/nfr help", "eve")
    world.settle()
    (reply,) = comments(pull)
    assert "`/nfr done [AREA...] [-- note]`" in reply
    assert reactions(pull, said) == ["eyes"]


def test_a_person_gets_one_refusal_an_hour_on_an_unflagged_pull(world: World) -> None:
    pull = world.open({"app/orders.py": "total = len\n"})
    world.settle()
    world.say(pull, "/nfr dnoe", "eve")
    world.settle()
    world.say(pull, "/nfr dnoe", "eve")
    world.settle()
    assert len(comments(pull)) == 1
    assert "Did you mean `done`?" in comments(pull)[0]


def test_sixty_kilobytes_of_misspelt_commands_get_a_short_answer(world: World) -> None:
    pull = world.open()
    world.settle()
    said = world.say(pull, "/nfr doen db-rollback\n" * 2_800, "eve")
    world.settle()
    assert reactions(pull, said) == ["confused"]
    assert (conclusion(pull), len(comments(pull))) == ("in progress", 1)
    assert "only the first `8192` characters of a comment are read" in comments(pull)[0]
    assert len(comments(pull)[0]) < 10_000
