"""`NFR policy`: what a change of the policy does, shown before it takes effect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ghapp.emulator import faults
from ghapp.emulator.checks import CheckRun
from ghapp.emulator.git import Entry
from ghapp.emulator.repository import Pull
from tests.e2e.marks import conclusion, title
from tests.e2e.stories import Shop, Steps, story
from tests.e2e.test_policies import OWN_PACKS, PACK, RANKING
from tests.e2e.world import ENFORCE, RISKY, World, opened, quiet, running

POLICY = ".github/nfr.yml"
ADVISE = ENFORCE.replace("enforce", "advise")
LISTS = "GET /repos/{owner}/{repo}/pulls"
FILES = "GET /repos/{owner}/{repo}/pulls/{number}/files"


def policy_runs(pull: Pull) -> list[CheckRun]:
    """The check runs `NFR policy` on the head, oldest first."""
    return [run for run in pull.check_runs() if run.name == "NFR policy"]


def policy_run(pull: Pull) -> CheckRun:
    """The only one."""
    (run,) = policy_runs(pull)
    return run


def summary(pull: Pull) -> str:
    """Of the only check run `NFR policy`."""
    return policy_run(pull).summary or ""


@story()
def test_a_change_of_the_policy_is_previewed_over_other_pulls(shop: Shop) -> Steps:
    other = shop.open()
    merged = shop.open({"db/migrate/2.sql": RISKY}, branch="feat/merged")
    merged.merge("sue")
    closed = shop.open({"db/migrate/3.sql": RISKY}, branch="feat/closed")
    closed.close("ann")
    yield
    pull = shop.open({POLICY: ENFORCE.replace("enforce", "observe")}, branch="feat/policy")
    yield
    assert policy_run(pull).conclusion == "success"
    assert policy_run(pull).title == "1 weaker · 2 of the recent PRs no longer flagged"
    assert f"No longer flagged (2): #{other.number}, #{merged.number}, for" in summary(pull)
    assert not policy_runs(other)
    assert conclusion(pull) == "in progress"
    (review,) = [run for run in pull.check_runs() if run.name == "NFR review"]
    assert "`NFR policy` shows what it changes" in (review.text or "")


@story()
def test_every_problem_is_annotated_on_its_line(shop: Shop) -> Steps:
    pull = shop.open({POLICY: "version: 1\nmode: enforc\nlanguage: de\nreviewer: {teams: [sre]}\n"})
    yield
    run = policy_run(pull)
    assert run.conclusion == "failure"
    assert [(row["path"], row["start_line"]) for row in run.annotations] == [
        (POLICY, 2),
        (POLICY, 3),
        (POLICY, 4),
    ]
    assert "did you mean `reviewers`?" in run.annotations[2]["message"]
    pull.push({POLICY: ADVISE}, "ann")
    yield
    assert policy_run(pull).conclusion == "success"
    pull.push({POLICY: ENFORCE, "app/orders.py": "total = 0\n"}, "ann")
    yield
    assert not policy_runs(pull)


@story(ENFORCE.replace("enforce", "observe"))
def test_a_policy_that_only_observes_writes_nothing(shop: Shop) -> Steps:
    pull = shop.open({POLICY: ENFORCE})
    yield
    assert not pull.check_runs()


@story(None)
def test_the_first_policy_is_previewed(shop: Shop) -> Steps:
    pull = shop.open({POLICY: ENFORCE + "language: ja\n"})
    yield
    assert policy_run(pull).conclusion == "success"
    assert "**Stricter" in summary(pull)  # in the language of the policy in force


@story(OWN_PACKS)
def test_packs_are_checked_as_they_would_be_after_the_merge(shop: Shop) -> Steps:
    other = PACK.replace("ranking", "other")
    changed = shop.open({PACK: RANKING}, branch="feat/new")
    shop.repository.push("main", {PACK: RANKING}, by="sue")
    # Its branch is older than the pack of the default branch, which stays in force.
    ids = {"ranking": "other", "rank-latency": "other-latency", "ACME-001": "ACME-002"}
    text = RANKING
    for old, new in ids.items():
        text = text.replace(old, new)
    older = shop.open({other: text}, branch="feat/older")
    broken = shop.open({other: "area: [\n"}, branch="feat/broken")
    yield
    assert policy_run(changed).conclusion == "success"
    assert (policy_run(older).conclusion, policy_run(older).title) == ("success", "1 stricter")
    assert policy_run(broken).annotations[0]["path"] == other


@story(ENFORCE)
def test_packs_that_a_proposed_policy_names_are_read_from_the_default_branch(shop: Shop) -> Steps:
    shop.repository.push("main", {PACK: RANKING}, by="sue")
    pull = shop.open({POLICY: OWN_PACKS})
    yield
    assert "**`Ranking`**: reviewed from now on" in summary(pull)


HOSTILE: dict[str, Any] = {
    "a symbolic link": (Entry(b"../app/orders.py", "120000"), "is a symbolic link"),
    "a submodule": (Entry(b"a" * 40, "160000"), "is a submodule"),
    "300 KB": ("# " + "x" * 300_000 + "\n", "more than 262,144"),
    "binary": ("mode: \0enforce\n", "is not allowed in YAML"),
    "deeply nested": ("[" * 50_000 + "]" * 50_000, "nested more than 64 deep"),
    "aliases": ("a: &a [x, x]\nb: *a\n", "anchor"),
    "an endless regex": ("areas: {x: {detect: {diff: ['(a{1000}){1000}']}}}\n", "areas.x.detect"),
}


@story(cases=HOSTILE)
def test_a_file_that_cannot_be_read_is_a_failure_that_says_so(shop: Shop, case: str) -> Steps:
    content, words = HOSTILE[case]
    pull = shop.open({POLICY: content})
    yield
    assert policy_run(pull).conclusion == "failure"
    assert words in summary(pull)
    assert conclusion(pull) == "in progress"


@story()
def test_calendars_are_checked(shop: Shop) -> Steps:
    good = shop.open({".github/a.ics": "BEGIN:VCALENDAR\nEND:VCALENDAR\n"}, branch="feat/good")
    bad = shop.open({".github/b.ics": "<html>\n"}, branch="feat/bad")
    yield
    assert (policy_run(good).conclusion, policy_run(good).title) == ("success", "No rule changes")
    assert (policy_run(bad).conclusion, policy_run(bad).annotations[0]["path"]) == (
        "failure",
        ".github/b.ics",
    )


@story()
def test_a_replay_that_fails_says_so_and_delays_no_review(shop: Shop) -> Steps:
    other = shop.open()
    yield
    shop.spoil(faults.Fault(LISTS, status=500, times=1_000))
    pull = shop.open({POLICY: ADVISE}, branch="feat/policy")
    yield
    assert (policy_run(pull).conclusion, conclusion(pull)) == ("success", "in progress")
    assert "GitHub did not answer" in summary(pull)
    assert conclusion(other) == "in progress"


@story(ENFORCE + "preview: off\n")
def test_the_policy_in_force_may_switch_the_replay_off(shop: Shop) -> Steps:
    shop.open()
    pull = shop.open({POLICY: ADVISE}, branch="feat/policy")
    yield
    assert "Replayed" not in summary(pull)
    assert "`preview: off`" in summary(pull)


@story()
def test_a_rerun_writes_a_fresh_check_run_over_the_pulls_as_they_are_now(shop: Shop) -> Steps:
    pull = shop.open({POLICY: ADVISE}, branch="feat/policy")
    yield
    assert "no pull request yet" in summary(pull)
    shop.open()
    yield
    assert "no pull request yet" in summary(pull)
    shop.repository.rerequest_run(policy_run(pull).id, "sam")
    yield
    _, fresh = policy_runs(pull)
    assert "Replayed over 1 open and 0 merged PRs" in (fresh.summary or "")
    reviews = [run for run in pull.check_runs() if run.name == "NFR review"]
    assert len(reviews) == 1


@story()
def test_a_closed_pull_request_gets_no_policy_check(shop: Shop) -> Steps:
    with shop.alone():
        pull = shop.open({POLICY: ADVISE})
        pull.close("ann")
    yield
    assert not policy_runs(pull)


@story()
def test_what_is_in_force_has_changed_meanwhile(shop: Shop) -> Steps:
    pull = shop.open({POLICY: ADVISE}, branch="feat/policy")
    yield
    assert "`enforce` → `advise`" in summary(pull)
    shop.policy(ADVISE + "max_items: 3\n")
    yield
    assert "most questions at once: `3` → `7`" in summary(pull)


@story()
def test_the_head_decides_nothing_but_its_preview(shop: Shop) -> Steps:
    """Neither about its own preview, nor about the review."""
    laxer = "mode: observe\npreview: off\nlanguage: ja\nreviewers: {users: [ann]}\n"
    pull = shop.open({POLICY: laxer})
    shop.open(branch="feat/other")
    yield
    assert "Replayed over 1 open" in summary(pull)
    assert (conclusion(pull), title(pull)) == (
        "in progress",
        "Waiting for SRE sign-off: Review policy",
    )


@pytest.fixture
def organised(tmp_path: Path) -> Iterator[World]:
    """acme/shop without a policy of its own, and acme/.github with one and a pack."""
    with running(tmp_path, policy=None, GHAPP_GITHUB_LIMITS="off") as world:
        quiet(world)
        world.github.repository("acme/.github", {POLICY: OWN_PACKS, PACK: RANKING})
        yield world


def test_the_organisations_policy_is_previewed_over_its_repositories(organised: World) -> None:
    place = organised.github.repositories["acme/.github"]
    other = organised.open({"app/ranking/score.py": "score = 1\n"})
    organised.settle()
    laxer = place.open_pull(
        author="ann",
        branch="laxer",
        title="Ask less",
        files={POLICY: OWN_PACKS.replace("enforce", "observe")},
    )
    milder = RANKING.replace("sev: must", "sev: could")
    pack = place.open_pull(author="ann", branch="pack", title="Milder", files={PACK: milder})
    gone = place.open_pull(author="ann", branch="gone", title="No policy", files={POLICY: None})
    organised.settle()
    for pull in (laxer, pack, gone):
        # Whoever guards the policy now signs off each of them.
        assert (conclusion(pull), title(pull)) == (
            "in progress",
            "Waiting for SRE sign-off: Review policy",
        )
    assert policy_run(laxer).conclusion == policy_run(pack).conclusion == "success"
    assert f"`acme/shop#{other.number}`, for **Ranking**" in summary(laxer)
    assert "**Ranking**: `rank-latency` · severity: `must` → `could`" in summary(pack)
    assert "1 open and 0 merged PRs of 1 repositories" in summary(pack)
    assert policy_run(gone).conclusion == "failure"
    assert "cannot be deleted" in summary(gone)
    assert conclusion(other) == "in progress"


@story()
def test_a_check_run_whose_answer_was_lost_is_found_and_not_written_twice(shop: Shop) -> Steps:
    pull = shop.open({POLICY: ADVISE})
    yield
    shop.spoil(faults.Fault("POST /repos/{owner}/{repo}/check-runs", after=True, status=502))
    shop.repository.rerequest_run(policy_run(pull).id, "sam")
    yield
    assert [run.conclusion for run in policy_runs(pull)] == [None, "success"]


def test_a_replay_is_bounded_and_kept_for_the_same_policies(organised: World) -> None:
    place = organised.shop("site", ENFORCE)
    for number in range(3):
        opened(place, branch=f"feat/{number}")
    organised.settle()
    calls = organised.github.calls
    calls.clear()
    pull = opened(place, {POLICY: ADVISE}, branch="policy")
    organised.settle()
    # Of the replay: two lists, and one page of files for each pull; the rest is of the pull itself.
    assert (calls[LISTS], calls[FILES]) == (2, 3 + 2)
    calls.clear()
    pull.push({"app/orders.py": "total = 0\n"}, "ann")
    organised.settle()
    assert (calls[LISTS], calls[FILES]) == (0, 2)
    assert "over 3 open" in summary(pull)
    calls.clear()
    pull.push({POLICY: ADVISE + "max_items: 3\n"}, "ann")
    organised.settle()
    assert (calls[LISTS], calls[FILES]) == (2, 2)  # the files of each head are kept
    assert "most questions at once" in summary(pull)
    calls.clear()
    pull.comment("a word", "ann")
    organised.settle()
    assert calls[LISTS] == 0
    assert len(policy_runs(pull)) == 1
