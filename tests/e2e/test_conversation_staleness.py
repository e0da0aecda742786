"""What keeps a sign-off and answers, what makes them stale, and what brings them back."""

from __future__ import annotations

from tests.e2e.stories import SIGNED, WAITING, Shop, Steps, body, boxes, line, marks, story
from tests.e2e.world import ENFORCE, MIGRATION, RISKY

ANY_PUSH, NEVER = (ENFORCE + f"sign_off: {{stale_on: {on}}}\n" for on in ("any-push", "never"))
SPLIT = (
    ENFORCE
    + "areas:\n  database-migration: {reviewers: {teams: [dba]}}\n"
    + "  ranking:\n    title: {en: Ranking, ja: ランキング}\n"
    + "    detect: {paths: ['src/ranking/**']}\n"
    + "    items: [{id: rank-p99, sev: must, cat: performance, en: 'p99?', ja: 'p99?'}]\n"
)
SPLIT_FILES = {MIGRATION: RISKY, "src/ranking/score.py": "score = 1\n"}


@story()
def what_leaves_the_area_as_it_was_keeps_sign_off_and_answers(shop: Shop) -> Steps:
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
def a_change_inside_strikes_the_sign_off_through(shop: Shop) -> Steps:
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
def a_new_hazard_takes_it_back_and_the_old_diff_brings_it_back(shop: Shop) -> Steps:
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
def any_push_makes_it_stale_where_the_policy_says_so(shop: Shop) -> Steps:
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
def nothing_makes_it_stale_where_the_policy_says_so(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.push({MIGRATION: RISKY + "DROP TABLE carts;\n"})
    yield
    assert marks(pull) == SIGNED


@story(SPLIT)
def each_area_waits_for_its_own_reviewers(shop: Shop) -> Steps:
    pull = shop.open(SPLIT_FILES)
    yield
    assert "team `dba` (for " in line(pull, "**Next**")
    pull.comment("/nfr done ranking", "dan")
    yield
    assert "sign-off of `ranking`: only team `sre` may sign off" in line(pull, "- dan: ")
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
    assert line(pull, "Sign-off taken back by sam")
    assert line(pull, "Signed off by dan")
    pull.comment("/nfr undo", "sue")
    yield
    assert line(pull, "Signed off by dan")
    assert "- sue: " in body(pull)


@story()
def an_area_that_comes_in_later_is_asked(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment("/nfr done", "sam")
    yield
    pull.push({"app/cache/keys.py": "redis.set(key, value)\n"})
    yield
    assert marks(pull) == WAITING
    assert line(pull, "Signed off by sam")
    assert "#### Caching" in body(pull)
