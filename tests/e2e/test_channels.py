"""Each channel that people use, and how ghapp restores a mark that somebody forced."""

from __future__ import annotations

from ghapp.bootstrap import swept
from tests.e2e.marks import (
    SIGNED,
    WAITING,
    body,
    boxes,
    marks,
    press,
    reactions,
    refused,
    tick,
)
from tests.e2e.stories import BUTTONS, Shop, Steps, story
from tests.e2e.world import ENFORCE, MIGRATION, RISKY, World
from tests.store.stores import LONG_AGO, changed

BY_REVIEW = ENFORCE + "sign_off: {by: [command, label, review, button]}\n"
NO_LABEL = ENFORCE + "sign_off: {by: [command]}\n"
SEEN = "app/read.py"


@story()
def test_the_body_of_a_review_can_give_commands(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    refused = pull.review("eve", "commented", "/nfr done")
    yield
    assert (marks(pull), reactions(pull, refused)) == (WAITING, ["confused"])
    said = pull.review("sam", "commented", "Read it.\n\n/nfr done -- read")
    yield
    assert (marks(pull), reactions(pull, said)) == (SIGNED, ["+1"])
    assert "Signed off by sam" in body(pull)
    pull.edit_review(said, "/nfr undo", "sam")
    yield
    assert marks(pull) == SIGNED


@story()
def test_a_review_counts_for_the_commit_it_was_written_for(shop: Shop) -> Steps:
    pull = shop.open()
    first = pull.head_sha
    yield
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
    yield
    pull.review("sam", "commented", "/nfr done", commit_id=first)
    yield
    assert marks(pull) == WAITING
    assert f"~~Signed off by sam at `{first[:7]}`~~" in body(pull)


@story()
def test_a_comment_on_the_diff_can_give_commands(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    refused = pull.review_comment("/nfr hold -- no", "eve", MIGRATION, 1)
    asked = pull.review_comment("/nfr explain", "bob", MIGRATION, 2)
    yield
    assert (marks(pull), reactions(pull, refused)) == (WAITING, ["confused"])
    assert reactions(pull, asked) == ["eyes"]
    said = pull.review_comment("/nfr done", "sam", MIGRATION, 2)
    pull.review_comment("/nfr undo is what I would say", "eve", in_reply_to=said)
    yield
    assert (marks(pull), reactions(pull, said)) == (SIGNED, ["+1"])


@story()
def test_commands_in_quotes_in_code_and_by_bots_are_ignored(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    before = body(pull)
    said = [
        pull.comment("> /nfr done", "sam"),
        pull.comment("```\n/nfr done\n```", "sam"),
        pull.comment("<!--\n/nfr done\n-->", "sam"),
        pull.comment("/nfr done", "ghapp[bot]"),
    ]
    edited = pull.comment("Hm.", "sam")
    pull.edit_comment(edited, "/nfr done", "sam")
    yield
    assert (marks(pull), pull.comments[0].body) == (WAITING, before)
    assert [reactions(pull, one) for one in (*said, edited)] == [[]] * 5


@story()
def test_a_tick_answers_a_question_and_a_forged_tick_is_removed(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    assert "· 0 of 3 answered · `database-migration`" in body(pull)
    tick(pull, "dbm-rollback", "ann")
    yield
    assert boxes(pull)["dbm-rollback"]
    assert "· 1 of 3 answered · `database-migration`" in body(pull)
    tick(pull, "dbm-online-ddl", "eve")
    yield
    assert boxes(pull) == {"dbm-online-ddl": False, "dbm-rollback": True, "dbm-query-plan": False}
    assert "only the author and people with write access" in refused(pull, "eve")
    tick(pull, "dbm-rollback", "bob", on=False)
    yield
    assert not any(boxes(pull).values())


@story()
def test_adding_the_label_signs_off_and_removing_it_undoes(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.add_label("nfr: signed off", "sam")
    yield
    assert marks(pull) == SIGNED
    pull.remove_label("nfr: signed off", "ann")
    yield
    assert marks(pull) == SIGNED
    assert refused(pull, "ann")
    pull.remove_label("nfr: signed off", "sue")
    yield
    assert marks(pull) == WAITING
    pull.add_label("nfr: signed off", "eve")
    yield
    assert marks(pull) == WAITING
    assert "only team `sre` may sign off" in refused(pull, "eve")


@story()
def test_labels_that_only_show_a_state_are_restored(shop: Shop) -> Steps:
    pulls = {name: shop.open(branch=f"feat/{number}") for number, name in enumerate(SHOWN)}
    bare = shop.open(branch="feat/bare")
    yield
    for name, pull in pulls.items():
        pull.add_label(name, "sam")
    bare.remove_label("nfr: needs sign-off", "sam")
    yield
    for name, pull in pulls.items():
        assert marks(pull) == WAITING
        assert f"the label `{name}` shows a state and was restored; {SHOWN[name]}" in body(pull)
    assert marks(bare) == WAITING
    assert "- sam: the label `nfr: needs sign-off` shows a state" in body(bare)


SHOWN = {
    "nfr: on hold": "`/nfr hold -- reason` adds it",
    "nfr: waived": "`/nfr waive -- reason` adds it",
    "nfr: follow-ups": "`/nfr defer ITEM -- reason` defers",
}


@story(NO_LABEL)
def test_a_label_is_removed_with_the_reason_if_the_policy_closes_that_channel(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.add_label("nfr: signed off", "sam")
    yield
    assert marks(pull) == WAITING
    assert "sign-off by `label` is switched off in the policy" in refused(pull, "sam")


@story(BY_REVIEW)
def test_an_approval_signs_off_until_it_is_dismissed(shop: Shop) -> Steps:
    pull, other = shop.open(), shop.open(branch="feat/other")
    yield
    before = body(pull)
    pull.review("bob")
    yield
    assert (marks(pull), body(pull)) == (WAITING, before)
    approved, theirs = pull.review("sam", body="LGTM"), other.review("sam")
    yield
    assert (marks(pull), marks(other)) == (SIGNED, SIGNED)
    assert "Signed off by sam" in body(pull)
    pull.dismiss_review(approved, "bob")
    other.review("sam", "changes_requested", "Oh no.")
    yield
    assert (marks(pull), marks(other)) == (WAITING, WAITING)
    assert "Sign-off undone by bob" in body(pull)
    other.dismiss_review(theirs, "bob")
    other.review("sue", "approved", "/nfr concern Who watches it?")
    yield
    assert marks(other) == WAITING
    assert "Signed off by sue" in body(other)
    assert "Who watches it?" in body(other)


@story()
def test_an_approval_signs_nothing_unless_the_policy_lists_it_and_says_so_once(
    shop: Shop,
) -> Steps:
    pull = shop.open()
    yield
    before = body(pull)
    approved = pull.review("sam")
    yield
    first, reply = [one.body for one in pull.comments if one.via_app]
    assert (marks(pull), first, reactions(pull, approved)) == (WAITING, before, ["confused"])
    assert "sam: an approving review signs nothing off here" in reply
    pull.dismiss_review(approved, "sue")
    pull.review("sam", "changes_requested", "No.")
    pull.review("sam")
    pull.review("bob")  # who reviews code, and nothing else
    yield
    assert marks(pull) == WAITING
    assert [one.body for one in pull.comments if one.via_app] == [first, reply]


@story(BUTTONS)
def test_buttons_sign_off_refresh_and_explain(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    assert marks(pull) == ("action_required", {"needs sign-off"})
    offered = [one["identifier"] for one in pull.check_runs()[-1].actions]
    assert offered == ["signoff", "refresh", "explain"]
    press(pull, "signoff", "bob")
    yield
    assert marks(pull) == ("action_required", {"needs sign-off"})
    assert "only team `sre` may sign off" in refused(pull, "bob")
    press(pull, "explain", "ann")
    press(pull, "refresh", "ann")
    yield
    replies = [one.body for one in pull.comments if one.via_app][1:]
    assert ["matches `**/db/migrate/**`" in one for one in replies] == [True]
    press(pull, "signoff", "sam")
    yield
    assert marks(pull) == SIGNED
    assert f"Signed off by sam at `{pull.head_sha[:7]}`" in pull.comments[0].body
    assert [one["identifier"] for one in pull.check_runs()[-1].actions] == ["refresh", "explain"]


@story(BUTTONS)
def test_a_button_of_an_older_head_does_not_sign_off_a_newer_one(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    run = pull.check_runs()[-1]
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
    yield
    shop.repository.press(run.id, "signoff", "sam")
    yield
    assert marks(pull) == ("action_required", {"needs sign-off"})
    assert f"~~Signed off by sam at `{run.head_sha[:7]}`~~" in body(pull)


@story()
def test_an_area_label_adds_and_removes_an_area(shop: Shop) -> Steps:
    pull = shop.open({SEEN: "x = 1\n"})
    yield
    assert marks(pull) == ("success", set())
    pull.add_label("nfr/area: caching", "ann")
    yield
    assert marks(pull) == WAITING
    assert "#### Caching" in body(pull)
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED
    pull.remove_label("nfr/area: caching", "ann")
    yield
    assert marks(pull) == ("success", set())
    assert len(body(pull).splitlines()) == 2
    pull.add_label("nfr/area: no-such-area", "ann")
    yield
    assert marks(pull) == ("success", set())


@story()
def test_a_check_that_is_rerun_gets_a_new_check_run(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    run = pull.check_runs()[-1]
    shop.repository.rerequest_run(run.id, "eve")
    yield
    assert pull.check_runs()[-1].id != run.id
    assert marks(pull) == SIGNED


@story(ENFORCE + "request_review: true\n")
def test_reviews_are_requested_once_the_author_is_done(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    assert pull.requested_teams == ()
    pull.comment(f"/nfr check {' '.join(boxes(pull))} -- see the plan", "ann")
    yield
    assert [team.slug for team in pull.requested_teams] == ["sre"]
    asked = [one for one in shop.world.github.deliveries.all if one.action == "review_requested"]
    pull.push({"app/orders.py": "total = len\n"})
    yield
    assert [team.slug for team in pull.requested_teams] == ["sre"]
    again = [one for one in shop.world.github.deliveries.all if one.action == "review_requested"]
    assert len(again) == len(asked) == 1


def test_who_does_not_review_is_reminded_once(world: World) -> None:
    hours = "{hours: '00:00-24:00', days: [mon, tue, wed, thu, fri, sat, sun]}"
    more = f"request_review: true\nremind: {{after: 4h}}\nworking_time: {hours}\n"
    world.repository.push("main", {".github/nfr.yml": ENFORCE + more}, by="sue")
    world.settle()
    pull = world.open()
    world.settle()
    world.say(pull, f"/nfr check {' '.join(boxes(pull))} -- see the plan", "ann")
    world.settle()

    def asked() -> list[str]:
        found = (one.action or "" for one in world.github.deliveries.all)
        return [one for one in found if one.startswith("review_request")]

    assert asked() == ["review_requested"]
    database = world.settings.database_url
    for _ in range(2):
        changed(
            database, "UPDATE reviews SET state_since = 1e9, recheck_at = recheck_at - 4 * 3600"
        )
        changed(database, LONG_AGO)
        swept(world.settings)
        world.settle()
    assert asked() == ["review_requested", "review_request_removed", "review_requested"]
    assert [team.slug for team in pull.requested_teams] == ["sre"]
