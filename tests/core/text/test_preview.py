"""What `NFR policy` says about changes of a policy: one snapshot for each, to be read by eye."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec
import pytest
from markdown_it import MarkdownIt

from ghapp.core.areas import AtLeast, Mode
from ghapp.core.i18n import Words
from ghapp.core.policy.strictness import AREA_KEYS, DIFFERENT, ITEM_KEYS, KEYS, WEAKER, Change
from ghapp.core.review.preview import ENOUGH, Replay, Replayed, Rule
from ghapp.core.text import preview as preview_text
from ghapp.core.text.preview import MOST_CHANGES, check_run, parked_run
from tests.core.review.edits import BASE, EDITS, Edit, added, previewed, replay
from tests.core.text.scenes import same_as_snapshot


def shown(name: str) -> str:
    """The check run as one text."""
    seen = previewed(EDITS[name])
    run = check_run(seen, replay(seen))
    notes = [f"> {one.path}:{one.line} {one.message}" for one in run.annotations]
    parts = (f"# {run.conclusion}: {run.title}", run.summary, run.text, "\n".join(notes))
    return "\n\n".join(filter(None, parts)) + "\n"


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_reads_as_in_its_snapshot(name: str) -> None:
    assert same_as_snapshot(f"policy_{name}", previewed(EDITS[name]).before.language, shown(name))


def line(change: Change, language: str = "en") -> str:
    return preview_text.line(change, previewed(EDITS["new_area"]), Words(language))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_change_of_every_edit_has_words(language: str) -> None:
    for key, row in KEYS.items():
        after = Mode("enforce") if key == "mode" else "b"
        assert line(Change(key, WEAKER, "a", after), language), row
    for key in AREA_KEYS:
        after = Mode("enforce") if key == "mode" else "b"
        assert line(Change(f"areas.ranking.{key}", WEAKER, "a", after, "ranking"), language)
    for kind, keys in (("items", [*ITEM_KEYS, ""]), ("hazards", ["sev", "rule", ""])):
        for key in keys:
            name = f"areas.ranking.{kind}.one.{key}".rstrip(".")
            for before, after in ((True, False), (False, True)):
                assert "`one`" in line(Change(name, WEAKER, before, after, "ranking"), language)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, AtLeast("pull_files_gte", 3), "now under a condition"),
        (AtLeast("pull_files_gte", 3), None, "no longer under a condition"),
        (
            (AtLeast("pull_files_gte", 3),),
            (AtLeast("pull_files_gte", 4),),
            "under another condition",
        ),
    ],
)
def test_conditions_are_only_named(before: object, after: object, words: str) -> None:
    assert line(Change("mode_when", DIFFERENT, before, after)) == f"mode of some PRs: {words}"


def test_a_list_in_another_order_says_so() -> None:
    assert line(Change("large_tables", DIFFERENT, ("a", "b"), ("b", "a"))).endswith(
        ": in another order"
    )


def test_what_a_pull_request_proposes_is_only_shown_as_code() -> None:
    title = "@acme/sre [x](https://evil.example) <img src=x> `#1"
    text = added(
        f"  evil:\n    title: {{en: '{title}', ja: '{title}'}}\n"
        "    detect: {paths: ['@acme/**', 'a`@bob/**']}\n"
        "    items:\n      - {id: evil-one, sev: must, cat: cost, en: '@bob?', ja: '@bob？'}\n"
        "large_tables: ['@carol']\n"
    )
    run = check_run(seen := previewed(Edit(text)), replay(seen))
    outside = MarkdownIt().render(run.summary)
    assert "evil.example" in run.summary
    for bad in ("<img", "href", "evil.example</p>"):
        assert bad not in outside
    spans = re.sub(r"<code>.*?</code>", "", outside)
    assert "@" not in spans
    problem = check_run(
        previewed(Edit("mode: '@acme/sre <b> [x](https://evil.example)'\n")), Replay()
    )
    shown = re.sub(r"<code>.*?</code>", "", MarkdownIt().render(problem.summary))
    assert not [bad for bad in ("@", "<b>", "evil") if bad in shown]


def test_more_changes_than_fit_are_in_the_details() -> None:
    areas = "".join(
        f"  area-{number}:\n    title: {{en: Area {number}, ja: 領域 {number}}}\n"
        f"    detect: {{paths: ['a{number}/**']}}\n    items:\n"
        f"      - {{id: a-{number}, sev: must, cat: cost, en: 'One?', ja: '一？'}}\n"
        for number in range(MOST_CHANGES + 3)
    )
    run = check_run(previewed(Edit(added(areas))), Replay())
    assert "- 3 more below" in run.summary
    assert run.text.count("reviewed from now on") == 3


def test_a_policy_that_is_not_for_the_default_branch_says_so() -> None:
    seen = previewed(EDITS["area_off"])
    run = check_run(replace(seen, pull=replace(seen.pull, base_ref="release")), Replay())
    assert run.summary.startswith("This pull request goes into `release`.")


def test_a_change_of_words_alone_is_no_change_of_rules() -> None:
    seen = previewed(Edit(BASE + "# a comment\n"))
    run = check_run(seen, Replay())
    assert (run.conclusion, run.title) == ("success", "No rule changes")
    assert run.summary == "What is reviewed, by whom and how stays the same."


def test_a_replay_that_is_switched_off_says_so() -> None:
    off = BASE + "preview: off\n"
    seen = previewed(Edit(off.replace("enforce", "advise"), before=off))
    assert check_run(seen, Replay()).summary.endswith("(`preview: off`).")


@pytest.mark.parametrize("missing", ["limited", "unanswered", "late", "slow"])
def test_what_is_missing_is_said_and_never_turns_the_check_red(missing: str) -> None:
    seen = previewed(EDITS["area_off"])
    nothing = check_run(seen, Replay(missing=missing))
    some = check_run(seen, msgspec.structs.replace(replay(seen), missing=missing))
    assert nothing.conclusion == some.conclusion == "success"
    assert nothing.summary.split("\n\n")[-1] == some.summary.split("\n\n")[-1]
    assert "Not all PRs were replayed" in some.summary


def test_a_replay_over_nothing_says_so() -> None:
    assert "no pull request yet" in check_run(previewed(EDITS["area_off"]), Replay()).summary


def test_a_replay_of_several_repositories_names_each_pull_with_its_own() -> None:
    seen = previewed(EDITS["area_off"])
    lost = Replayed(7, True, ("ranking",), (), repository="acme/shop")
    found = Replay((lost,), repositories=2, cut=1, hides_private=True)
    summary = check_run(seen, found).summary
    assert "1 open and 0 merged PRs of 2 repositories" in summary
    assert "`acme/shop#7`, for **Ranking**" in summary
    assert "1 of them count only with their first 100 files. Private" in summary


def test_a_rule_that_matches_every_pull_is_named() -> None:
    seen = previewed(EDITS["new_area"])
    pulls = tuple(Replayed(one, True, (), ("billing",)) for one in range(ENOUGH))
    rules = (Rule("billing", "**", ENOUGH), Rule("billing", "src/**", ENOUGH - 1))
    summary = check_run(seen, Replay(pulls, rules)).summary
    assert "Matches every one of them: `**` (**`Billing`**)" in summary
    assert "src/**" not in summary


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_check_that_failed_again_and_again_is_never_green(language: str) -> None:
    run = parked_run("a" * 40, language, "502 from @GitHub")
    assert (run.conclusion, run.name) == ("failure", "NFR policy")
    assert "`502 from @GitHub`" in run.summary
