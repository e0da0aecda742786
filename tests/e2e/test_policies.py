"""Policies and packs of a repository: they change open pulls, and a bad one is never green."""

from __future__ import annotations

from tests.e2e.marks import (
    SIGNED,
    WAITING,
    body,
    box,
    comments,
    conclusion,
    marks,
    refused,
    title,
)
from tests.e2e.stories import LEADS, Shop, Steps, story
from tests.e2e.world import ENFORCE, MIGRATION, RISKY

PACK = ".github/nfr/ranking.yml"
RANKING = """\
area: ranking
title: {en: Ranking, ja: ランキング}
weight: 4
detect: {paths: ['app/ranking/**']}
items:
  - id: rank-latency
    cat: performance
    sev: must
    en: Is p99 under 80 ms at twice the peak?
    ja: ピークの 2 倍で p99 は 80 ms 以内ですか？
    why_en: Slow rankings empty carts.
    why_ja: 遅いランキングは離脱を招きます。
    ev_en: A load test of the last week
    ev_ja: 直近 1 週間の負荷試験
hazards:
  - id: ACME-001
    item: rank-latency
    sev: must
    match: '\\bsleep\\('
    en: It waits while a customer does.
    ja: 利用者を待たせます。
"""
CHANGE = {"app/ranking/score.py": "score = 1\nsleep(2)\n"}
OWN_PACKS = ENFORCE + "packs: ['.github/nfr/*.yml']\n"
BAD_POLICIES = {
    "a list": "- mode: enforce\n",
    "300 KB": "# " + "x" * 300_000 + "\nmode: enforce\n",
    "deeply nested": "[" * 50_000 + "]" * 50_000,
    "aliases": "a: &a [x, x]\nb: &b [*a, *a]\nareas: *b\n",
    "duplicate keys": "mode: enforce\nmode: observe\n",
    "an on: key": "on: enforce\n",
    "broken syntax": "mode: [enforce\n",
    "an unknown mode": "mode: observ\n",
}
EMPTY_POLICIES = {"nothing": "", "a comment": "# nothing yet\n", "a version": "version: 1\n"}


@story()
def test_a_new_policy_on_the_default_branch_changes_open_pulls(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    shop.policy("mode: advise\nlanguage: ja\n")
    yield
    assert conclusion(pull) == "neutral"
    assert "DB マイグレーション" in body(pull)


@story()
def test_a_change_of_the_policy_is_signed_off_under_the_policy_in_force(shop: Shop) -> Steps:
    weaker = "mode: observe\nreviewers: {users: [ann]}\n"
    pull = shop.open({".github/nfr.yml": weaker}, author="ann")
    yield
    assert conclusion(pull) == "in progress"
    assert title(pull) == "Waiting for SRE sign-off: Review policy"
    pull.comment("/nfr done", "ann")
    yield
    assert conclusion(pull) == "in progress"
    pull.comment("/nfr done review-policy", "sam")
    yield
    assert conclusion(pull) == "success"


@story(LEADS)
def test_a_change_that_may_weaken_the_policy_is_signed_off_by_waivers(shop: Shop) -> Steps:
    more = LEADS + "areas:\n  payments-checkout: {paths_add: ['pay/**']}\n"
    weaker = shop.open({".github/nfr.yml": LEADS.replace("enforce", "advise")})
    adding = shop.open({".github/nfr.yml": more}, branch="feat/more")
    yield
    for pull in (weaker, adding):
        pull.comment("/nfr done", "sam")
    yield
    assert conclusion(adding) == "success"
    assert conclusion(weaker) == "in progress"
    assert "only team `sre-leads` may sign off" in refused(weaker, "sam")
    weaker.comment("/nfr done", "lea")
    yield
    assert conclusion(weaker) == "success"


@story()
def test_a_policy_that_is_removed_or_moved_away_is_signed_off(shop: Shop) -> Steps:
    shop.repository.push("main", {"docs/old.yml": "x: 1\n"}, "ann")
    removed = shop.open({".github/nfr.yml": None})
    moved = shop.open({".github/nfr.yml": None, "nfr.yml": ENFORCE}, branch="feat/move")
    yield
    assert conclusion(removed) == conclusion(moved) == "in progress"


@story(OWN_PACKS)
def test_a_pack_that_the_policy_names_is_signed_off(shop: Shop) -> Steps:
    shop.repository.push("main", {PACK: RANKING}, by="sue")
    yield
    pull = shop.open({PACK: RANKING.replace("must", "could")})
    other = shop.open({".github/workflows/a.yml": "on: push\n"}, branch="feat/other")
    yield
    assert conclusion(pull) == "in progress"
    assert "Review policy" in title(pull)
    assert "Review policy" not in title(other)


@story()
def test_a_policy_in_the_pull_itself_decides_nothing(shop: Shop) -> Steps:
    pull = shop.open({MIGRATION: RISKY, ".github/nfr.yml": "mode: observe\n"})
    yield
    assert marks(pull) == WAITING


@story()
def test_the_last_good_version_of_a_broken_policy_holds(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    shop.policy("mode: enforce\nreviewer: x\n")
    yield
    assert marks(pull) == WAITING
    summary = pull.check_runs()[-1].summary or ""
    assert ".github/nfr.yml:2:1" in summary
    assert "reviewers" in summary
    pull.comment("/nfr done", "sam")
    yield
    assert conclusion(pull) == "success"


@story("mode: observe\n")
def test_a_policy_that_only_observes_writes_nothing(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    assert (marks(pull), comments(pull)) == (("missing", set()), [])


@story(None)
def test_without_a_policy_the_builtin_areas_are_advice(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    assert marks(pull) == ("neutral", {"needs sign-off"})
    shop.repository.collaborator("max", "maintain")
    pull.comment("/nfr done", "sam")
    yield
    assert conclusion(pull) == "neutral"
    pull.comment("/nfr done", "max")
    yield
    assert marks(pull) == SIGNED


@story(cases=BAD_POLICIES, GHAPP_DEFAULT_MODE="enforce")
def test_a_bad_policy_is_shown_on_every_pull_and_never_green(shop: Shop, case: str) -> Steps:
    shop = shop.beside(BAD_POLICIES[case])
    flagged = shop.open()
    clear = shop.open({"app/orders.py": "total = len\n"}, branch="fix/orders", title="fix")
    yield
    for pull in (flagged, clear):
        assert conclusion(pull) == "action_required"
        assert title(pull) == "Policy file unreadable"
        assert ".github/nfr.yml:" in (pull.check_runs()[-1].summary or "")
    flagged.comment("/nfr done", "sam")
    yield
    assert conclusion(flagged) == "action_required"
    shop.policy(ENFORCE)
    yield
    assert (conclusion(flagged), conclusion(clear)) == ("in progress", "success")


@story(cases=EMPTY_POLICIES)
def test_an_empty_policy_is_the_default_one(shop: Shop, case: str) -> Steps:
    pull = shop.beside(EMPTY_POLICIES[case]).open()
    yield
    assert marks(pull) == ("neutral", {"needs sign-off"})


@story(OWN_PACKS)
def test_a_repositorys_own_pack_flags_pulls_and_its_last_good_version_holds(shop: Shop) -> Steps:
    shop.repository.push("main", {PACK: RANKING}, by="sue")
    yield
    pull = shop.open(CHANGE)
    yield
    assert marks(pull) == WAITING
    assert title(pull).endswith("Waiting for the author: Ranking")
    assert box(pull, "rank-latency").startswith("- [ ] **Is p99 under 80 ms")
    (mark,) = pull.check_runs()[-1].annotations
    assert (mark["path"], mark["start_line"]) == ("app/ranking/score.py", 2)

    shop.repository.push("main", {PACK: RANKING.replace("weight: 4", "weight: 9")}, by="sue")
    yield
    summary = pull.check_runs()[-1].summary or ""
    assert marks(pull) == WAITING
    assert f"{PACK}:3:9: `weight` should be at most 5" in summary
    assert "its last good version applies" in summary
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED

    shop.repository.push("main", {PACK: RANKING.replace("80 ms", "70 ms")}, by="sue")
    yield
    assert "mistakes" not in (pull.check_runs()[-1].summary or "")
    assert "Is p99 under 70 ms" in body(pull)


@story(OWN_PACKS)
def test_a_pack_that_never_worked_keeps_every_pull_from_turning_green(shop: Shop) -> Steps:
    shop.repository.push("main", {PACK: "area: [\n"}, by="sue")
    pull = shop.open({"app/orders.py": "total = len\n"})
    yield
    assert conclusion(pull) == "neutral"
    summary = pull.check_runs()[-1].summary or ""
    assert f"{PACK}:1:1: not YAML" in summary
    assert f"fixes `{PACK}` on the default branch" in summary
    shop.repository.push("main", {PACK: RANKING}, by="sue")
    yield
    assert conclusion(pull) == "success"


@story()
def test_a_policy_that_is_found_to_be_another_one_is_applied_to_all_pulls(shop: Shop) -> Steps:
    first, other = shop.open(), shop.open({"app/orders.py": "total = len\n"}, branch="feat/other")
    yield
    assert conclusion(first) == "in progress"
    shop.lose("push", lambda: shop.policy("mode: advise\n"))
    other.comment("/nfr refresh", "ann")
    yield
    assert conclusion(first) == "neutral"
