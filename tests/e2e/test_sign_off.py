"""What keeps sign-offs, holds, concerns and waivers, what ends them, and what restores them."""

from __future__ import annotations

from tests.e2e.marks import (
    HELD,
    SIGNED,
    WAITING,
    body,
    boxes,
    line,
    marks,
    reactions,
    refused,
    title,
)
from tests.e2e.stories import LEADS, Shop, Steps, story
from tests.e2e.world import ENFORCE, MIGRATION, RISKY

ANY_PUSH, NEVER = (ENFORCE + f"sign_off: {{stale_on: {on}}}\n" for on in ("any-push", "never"))
SPLIT = (
    ENFORCE
    + "areas:\n  database-migration: {reviewers: {teams: [dba]}}\n"
    + "  ranking:\n    title: {en: Ranking, ja: ランキング}\n"
    + "    detect: {paths: ['src/ranking/**']}\n"
    + "    items: [{id: rank-p99, sev: must, cat: performance, en: 'p99?', ja: 'p99?'}]\n"
)
ADVISE = "version: 1\nmode: advise\nreviewers: {teams: [sre]}\n"
WAIVED = ("neutral", {"waived"})
SPLIT_FILES = {MIGRATION: RISKY, "src/ranking/score.py": "score = 1\n"}


@story()
def test_pushes_that_leave_the_area_unchanged_keep_sign_off_and_answers(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr check dbm-rollback dbm-online-ddl -- 3 s", "ann")
    yield
    pull.comment("/nfr done", "sam")
    yield
    signed = f"Signed off by sam at `{pull.head_sha[:7]}`"

    def kept() -> None:
        assert marks(pull) == SIGNED
        assert signed in body(pull)
        assert "~~Signed" not in body(pull)
        assert body(pull).count("answered by ann · `3 s`") == 2

    kept()
    pull.push({"app/orders.py": "total = len\n"}, by="bob")
    yield
    kept()
    shop.repository.push("main", {"app/other.py": "x = 1\n"}, by="sue")
    pull.rebase(by="ann")
    yield
    kept()
    shop.repository.push("main", {"app/third.py": "x = 1\n"}, by="sue")
    pull.merge_base_in(by="bob")
    yield
    kept()
    # A squash: the pull's commits are one, with the same content.
    pull.force_push({MIGRATION: RISKY, "app/orders.py": "total = len\n"}, by="ann")
    yield
    kept()


@story()
def test_a_change_inside_the_area_strikes_the_sign_off_through(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr check dbm-online-ddl -- rehearsed\n/nfr check dbm-query-plan -- seen", "ann")
    yield
    pull.comment("/nfr done", "sam")
    yield
    signed = pull.head_sha
    pull.push({"app/orders.py": "total = len\n"})
    yield
    pull.push({MIGRATION: RISKY.replace("INT", "BIGINT")})
    changed = pull.head_sha
    yield
    pull.push({"app/orders.py": "total = max\n"})
    yield
    assert marks(pull) == WAITING
    stale = line(pull, f"~~Signed off by sam at `{signed[:7]}`~~; changed since, by ")
    assert f"`{changed[:7]}`" in stale
    assert f"/acme/{shop.repository.name}/compare/{signed}..{pull.head_sha})" in stale
    assert not boxes(pull)["dbm-online-ddl"]
    assert "`rehearsed`" in line(pull, "still true?")
    assert boxes(pull)["dbm-query-plan"]
    assert "(for an earlier diff)" in line(pull, "`seen`")
    pull.comment("/nfr done", "sue")
    yield
    assert marks(pull) == SIGNED
    assert f"Signed off by sue at `{pull.head_sha[:7]}`" in body(pull)


@story()
def test_a_new_hazard_makes_it_stale_and_the_old_diff_restores_it(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    signed = pull.head_sha
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
    yield
    assert marks(pull) == WAITING
    assert "DROP TABLE" in (pull.check_runs()[-1].text or "") or "findings" in body(pull)
    pull.push({MIGRATION: RISKY})
    yield
    assert marks(pull) == SIGNED
    assert f"Signed off by sam at `{signed[:7]}`" in body(pull)


@story(ANY_PUSH)
def test_any_push_makes_it_stale_if_the_policy_says_so(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED
    pull.push({"app/orders.py": "total = len\n"})
    yield
    assert marks(pull) == WAITING
    assert f"changed since, by `{pull.head_sha[:7]}`" in line(pull, "~~Signed off by sam")


@story(NEVER)
def test_no_push_makes_it_stale_if_the_policy_says_so(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
    yield
    assert marks(pull) == SIGNED


@story(SPLIT)
def test_each_area_waits_for_its_own_reviewers(shop: Shop) -> Steps:
    pull = shop.open(SPLIT_FILES)
    yield
    assert "team `dba` (for " in line(pull, "**Next**")
    pull.comment("/nfr done ranking", "dan")
    yield
    assert "sign-off of `ranking`: only team `sre` may sign off" in refused(pull, "dan")
    pull.comment("/nfr done", "dan")
    yield
    assert marks(pull) == WAITING
    assert line(pull, "Signed off by dan")
    pull.add_label("nfr: signed off", "sam")
    yield
    assert marks(pull) == SIGNED
    assert line(pull, "Signed off by sam")
    pull.push({"src/ranking/score.py": "score = 2\n"})
    yield
    assert marks(pull) == WAITING
    assert line(pull, "Signed off by dan")
    assert line(pull, "~~Signed off by sam")
    pull.comment("/nfr undo", "sam")
    yield
    assert line(pull, "Sign-off undone by sam")
    assert line(pull, "Signed off by dan")
    pull.comment("/nfr undo", "sue")
    yield
    assert line(pull, "Signed off by dan")
    assert refused(pull, "sue")


@story()
def test_an_area_added_later_needs_its_own_sign_off(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.push({"app/cache/keys.py": "redis.set(key, value)\n"})
    yield
    assert marks(pull) == WAITING
    assert line(pull, "Signed off by sam")
    assert "#### Caching" in body(pull)


@story()
def test_a_hold_outlives_pushes_and_sign_offs_until_it_is_undone(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr hold -- freeze", "sam")
    yield
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
    yield
    assert marks(pull) == HELD
    taken = pull.comment("/nfr done", "sue")
    yield
    assert (marks(pull), reactions(pull, taken)) == (HELD, ["+1"])
    assert line(pull, "Signed off by sue")
    assert "sam or another reviewer lifts the hold with `/nfr undo`" in line(pull, "**Next**")
    pull.comment("/nfr undo", "ann")
    yield
    assert marks(pull) == HELD
    assert refused(pull, "ann")
    pull.comment("/nfr undo", "sam")
    yield
    assert marks(pull) == SIGNED


@story()
def test_everyone_has_their_own_hold_and_reviewers_may_lift_any(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr hold database-migration -- backup first", "sam")
    pull.comment("/nfr hold -- freeze", "sue")
    yield
    assert marks(pull) == HELD
    assert line(pull, "**On hold by sam** (Database migration): `backup first`")
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == HELD
    assert "On hold by sue" not in body(pull)
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == WAITING
    pull.comment("/nfr hold databse -- typo", "sam")
    yield
    assert marks(pull) == WAITING
    assert "is not an area flagged here" in refused(pull, "sam")


@story()
def test_a_hold_on_an_unflagged_pull_blocks_it(shop: Shop) -> Steps:
    pull = shop.open({"app/a.py": "a = 1\n"}, title="fix: a", branch="fix/a")
    yield
    assert marks(pull) == ("success", set())
    pull.comment("/nfr hold -- incident", "sam")
    yield
    assert marks(pull) == HELD
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == ("success", set())


@story()
def test_a_hold_outlives_its_area(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr hold database-migration -- wait", "sam")
    yield
    pull.force_push({"app/orders.py": "total = len\n"})
    yield
    assert marks(pull) == HELD
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == ("success", set())


@story(ADVISE)
def test_a_hold_in_advise_mode_blocks_nothing(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr hold -- wait", "sam")
    yield
    assert marks(pull) == ("neutral", {"on hold"})
    pull.comment("/nfr undo\n/nfr waive -- small", "sam")
    yield
    assert marks(pull) == WAIVED


@story()
def test_a_concern_is_withdrawn_with_undo_and_its_number_is_not_reused(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.comment("/nfr concern Who watches it?", "sue")
    yield
    assert marks(pull) == WAITING
    assert "concern-1" in boxes(pull)
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == SIGNED
    assert "concern-1" not in boxes(pull)
    pull.comment("/nfr concern And at night?", "sue")
    yield
    assert "concern-2" in boxes(pull)
    pull.comment("/nfr hold concern-2 -- answer first", "sam")
    yield
    assert marks(pull) == HELD
    pull.comment("/nfr undo\n/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED


@story(LEADS)
def test_a_waiver_overrides_earlier_holds_but_not_later_ones(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr hold -- freeze", "sam")
    yield
    pull.comment("/nfr waive -- outage 42", "lea")
    yield
    assert marks(pull) == WAIVED
    assert "~~On hold by sam~~" in line(pull, "overridden by the waiver")
    pull.comment("/nfr hold -- still no", "sue")
    yield
    assert marks(pull) == HELD
    pull.comment("/nfr undo", "sue")
    yield
    assert marks(pull) == WAIVED
    pull.comment("/nfr undo", "lea")
    yield
    assert marks(pull) == HELD
    assert line(pull, "Waiver undone by lea")


@story(LEADS)
def test_a_waiver_covers_only_what_was_shown(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr waive -- outage 42", "lea")
    yield
    pull.push({"app/orders.py": "total = len\n"})
    yield
    assert marks(pull) == WAIVED
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
    yield
    assert marks(pull) == WAITING
    assert "**Waived by lea**" not in [one[:17] for one in body(pull).splitlines()]
    assert line(pull, "~~")
    pull.comment("/nfr done", "sam")
    yield
    assert (marks(pull), title(pull)) == (SIGNED, "Signed off: Database migration")


@story(LEADS)
def test_authors_and_pushers_may_not_waive(shop: Shop) -> Steps:
    shop.repository.collaborator("lea", "write")
    own = shop.open(author="lea", branch="feat/own")
    pushed = shop.open(branch="feat/pushed")
    yield
    pushed.push({MIGRATION: RISKY + "-- more\n"}, by="lea")
    yield
    own.comment("/nfr waive -- mine", "lea")
    pushed.comment("/nfr waive -- mine", "lea")
    yield
    assert (marks(own), marks(pushed)) == (WAITING, WAITING)
    assert "authors cannot sign off their own pull request, nor waive it" in refused(own, "lea")
    assert f"you pushed `{pushed.head_sha[:7]}` yourself" in refused(pushed, "lea")


@story()
def test_a_merged_pull_keeps_its_sign_off(shop: Shop) -> Steps:
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
    assert reactions(pull, late) == ["eyes"]


@story()
def test_a_pull_that_ends_unsigned_says_so_and_continues_when_reopened(shop: Shop) -> Steps:
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
    assert "### NFR review: 1 question for ann" in body(closed)
    closed.comment("/nfr done", "sam")
    yield
    assert marks(closed) == SIGNED
    closed.close(by="ann")
    yield
    closed.reopen(by="ann")
    yield
    assert marks(closed) == SIGNED


@story()
def test_a_hold_outlives_closing(shop: Shop) -> Steps:
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
def test_a_draft_has_no_label_until_it_is_ready(shop: Shop) -> Steps:
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
def test_a_renamed_repository_keeps_its_reviews(shop: Shop) -> Steps:
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
def test_a_transferred_repository_keeps_its_reviews(shop: Shop) -> Steps:
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
    assert reactions(other, refused) == ["confused"]
    shop.repository.collaborator("gus", "write")
    other.comment("/nfr undo\n/nfr done", "gus")
    yield
    assert marks(other) == SIGNED


@story()
def test_a_policy_that_changes_what_is_asked_updates_open_pulls(shop: Shop) -> Steps:
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
