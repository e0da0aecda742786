"""Conditions on a pull request: what holds, what is unknown, and what that does to areas."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp import builtin_packs
from ghapp.core.areas import MODES, AtLeast, Clause, Combined, Detect, ModeRule, Reason, When, holds
from ghapp.core.i18n import LANGUAGES, Words, table
from ghapp.core.model import File, Pull
from ghapp.core.policy.policy import Policy, effective, problems_of
from ghapp.core.policy.pull_schema import KINDS, up_to_the_author
from ghapp.core.records import PolicySource
from ghapp.core.review.special_areas import flagged_areas
from ghapp.core.scan.checklist import Checklist, checklist
from ghapp.core.scan.conditions import Scene, about
from ghapp.core.scan.conditions import holds as item_holds
from ghapp.core.scan.pull_conditions import (
    CHANGES,
    FACTS,
    SIZES,
    in_force,
    matched,
    modes_into,
    weighed,
)
from ghapp.core.scan.scan import Touch, scan
from ghapp.core.scan.triggers import LabelHit, PullHit
from ghapp.core.text.reasons import decided
from tests.core.build import facts, finding, item
from tests.core.pulls import AREA, PULL, file

KNOWN = replace(
    PULL,
    labels=frozenset({"Urgent"}),
    files=(
        file("db/new.sql", "x", status="added"),
        file("db/copy.sql", status="copied"),
        file("lib/gone.py", status="removed", removed="y"),
        file("api/after.py", "z", status="renamed", previous="old/before.py"),
        file("src/a.py", "one", "two"),
    ),
    teams=frozenset({"sre"}),
    topics=frozenset({"payments"}),
    properties=frozenset({"tier: 1", "lang: Go", "lang: Rust"}),
)


def clause(kind: str, *values: str) -> Clause:
    return Clause(kind, values)


@pytest.mark.parametrize(
    ("when", "found"),
    [
        (clause("title", "(?i)ADD", "x"), ("Add a column",)),
        (clause("title", "^column"), ()),
        (clause("label", "urgent"), ("Urgent",)),
        (clause("label", "urgen"), ()),
        (clause("base", "release/**", "main"), ("main",)),
        (clause("base", "release/**"), ()),
        (clause("branch", "top*"), ("topic",)),
        (clause("branch", "main"), ()),
        (clause("author", "ANN"), ("ann",)),
        (clause("author", "an"), ()),
        (clause("team", "dba", "sre"), ("sre",)),
        (clause("team", "dba"), ()),
        (clause("draft", "false"), ("false",)),
        (clause("draft", "true"), ()),
        (clause("adds", "db/**"), ("db/new.sql", "db/copy.sql")),
        (clause("adds", "src/**", "api/**", "lib/**"), ()),
        (clause("deletes", "lib/**"), ("lib/gone.py",)),
        (clause("deletes", "db/**", "old/**"), ()),
        (clause("renames", "old/**"), ("api/after.py",)),
        (clause("renames", "api/**"), ("api/after.py",)),
        (clause("renames", "lib/**"), ()),
        (clause("topic", "Payments"), ("payments",)),
        (clause("topic", "pay"), ()),
        (clause("property", "tier: 1", "tier: 2"), ("tier: 1",)),
        (clause("property", "LANG: rust"), ("lang: Rust",)),
        (clause("property", "tier: 2"), ()),
        (AtLeast("pull_files_gte", 5), ("5",)),
        (AtLeast("pull_files_gte", 6), ()),
        (AtLeast("pull_added_gte", 4), ("4",)),
        (AtLeast("pull_added_gte", 5), ()),
    ],
)
def test_a_condition_matches_what_the_pull_request_has(
    when: Clause | AtLeast, found: tuple[str, ...]
) -> None:
    assert matched(when, KNOWN) == found
    assert weighed(when, KNOWN).value is bool(found)


def test_every_kind_is_covered_above_and_known_to_policies() -> None:
    (mark,) = test_a_condition_matches_what_the_pull_request_has.pytestmark  # type: ignore[attr-defined]
    assert {when.kind for when, _ in mark.args[1]} == {*FACTS, *SIZES, *CHANGES}
    assert {*FACTS, *CHANGES} == KINDS


@pytest.mark.parametrize("kind", sorted(set(FACTS) - {"title"}))
def test_a_fact_that_is_unknown_is_neither_true_nor_false(kind: str) -> None:
    value = "true" if kind == "draft" else "main"
    pull = replace(KNOWN, unknown=frozenset({kind}))
    assert matched(clause(kind, value), pull) is None
    assert matched(clause(kind, "**", "Ann"), pull) is None  # whatever stands in its place


@pytest.mark.parametrize(
    ("when", "found"),
    [
        (clause("team", "dba"), None),
        (clause("team", "ops"), ()),
        (clause("team", "dba", "sre"), ("sre",)),  # what is known suffices
        (clause("adds", "web/**"), None),
        (clause("deletes", "web/**"), None),
        (clause("renames", "web/**"), None),
        (clause("adds", "db/new.sql"), ("db/new.sql",)),
        (AtLeast("pull_files_gte", 6), None),
        (AtLeast("pull_added_gte", 5), None),
        (AtLeast("pull_files_gte", 5), ("5",)),
        (clause("base", "dev"), ()),
    ],
)
def test_a_part_that_is_unknown_does_not_hide_what_is_found(
    when: Clause | AtLeast, found: tuple[str, ...] | None
) -> None:
    pull = replace(KNOWN, unknown=frozenset({"team dba"}), complete=False)
    assert matched(when, pull) == found


def both(how: str, *of: When) -> Combined:
    return Combined(how, of)


YES, NO = clause("base", "main"), clause("branch", "main")
MAYBE = clause("team", "dba")
UNSURE = replace(KNOWN, unknown=frozenset({"team dba"}))


@pytest.mark.parametrize(
    ("when", "value", "reasons"),
    [
        (YES, True, ["base main"]),
        (NO, False, ["branch topic"]),
        (MAYBE, None, ["team_unknown dba"]),
        (both("not", YES), False, ["base main"]),
        (both("not", NO), True, ["branch topic"]),
        (both("not", MAYBE), None, ["team_unknown dba"]),
        (both("all", YES, YES), True, ["base main"]),
        (both("all", YES, NO, MAYBE), False, ["branch topic"]),
        (both("all", YES, MAYBE), None, ["team_unknown dba"]),
        (both("any", NO, YES, MAYBE), True, ["base main"]),
        (both("any", NO, MAYBE), None, ["team_unknown dba"]),
        (both("any", NO, clause("label", "x")), False, ["branch topic", "no_label x"]),
    ],
)
def test_conditions_combine_with_the_facts_that_decide(
    when: When, value: bool | None, reasons: list[str]
) -> None:
    found = weighed(when, UNSURE)
    assert found.value is value
    assert [f"{one.words} {one.name}" for one in found.reasons] == reasons


# --- any conditions, any facts -------------------------------------------------------------

CLAUSES = st.sampled_from(
    [
        *(clause("base", base) for base in ("main", "dev")),
        *(clause("team", team) for team in ("sre", "dba")),
        *(clause("label", label) for label in ("Urgent", "x")),
        *(clause("draft", "true"), clause("topic", "payments"), clause("title", "Add")),
        *(AtLeast("pull_files_gte", 9), clause("adds", "web/**"), clause("property", "tier: 1")),
    ]
)
CONDITIONS: st.SearchStrategy[When] = st.recursive(
    CLAUSES,
    lambda inner: st.one_of(
        st.builds(lambda one: both("not", one), inner),
        st.builds(both, st.sampled_from(["any", "all"]), inner, inner),
    ),
    max_leaves=6,
)
PULLS = st.builds(
    lambda unknown, complete, draft: replace(
        KNOWN, unknown=unknown, complete=complete, is_draft=draft
    ),
    st.frozensets(st.sampled_from([*sorted(FACTS), "team dba", "team sre"])),
    st.booleans(),
    st.booleans(),
)


@given(CONDITIONS, PULLS)
def test_a_double_negation_changes_nothing(when: When, pull: Pull) -> None:
    assert weighed(both("not", both("not", when)), pull) == weighed(when, pull)


@given(CONDITIONS, CONDITIONS, PULLS)
def test_any_is_not_all_not(one: When, other: When, pull: Pull) -> None:
    dual = both("not", both("all", both("not", one), both("not", other)))
    assert weighed(both("any", one, other), pull) == weighed(dual, pull)


@given(CONDITIONS, PULLS)
def test_both_ways_to_weigh_a_condition_agree(when: When, pull: Pull) -> None:
    value = weighed(when, pull).value
    scene = Scene(pull, Touch((), (), ()))
    assert item_holds(when, scene) is (value is not False)
    assert item_holds(both("not", when), scene) is (value is not True)


@given(CONDITIONS, PULLS)
def test_learning_a_fact_never_contradicts_what_was_known_before(when: When, pull: Pull) -> None:
    known = replace(pull, unknown=frozenset(), complete=True)
    assert weighed(when, pull).value in (None, weighed(when, known).value)


RULES = st.lists(st.builds(ModeRule, CONDITIONS, st.sampled_from(MODES)), max_size=4).map(tuple)


@given(RULES, RULES, CONDITIONS | st.none(), PULLS)
def test_unknown_facts_never_make_anything_laxer(
    general: tuple[ModeRule, ...], own: tuple[ModeRule, ...], when: When | None, pull: Pull
) -> None:
    area = replace(AREA, mode_when=own, when=when)
    policy = Policy(areas=(area,), mode_when=general)
    unsure = in_force(policy, pull)
    sure = in_force(policy, replace(pull, unknown=frozenset(), complete=True))
    assert MODES.index(unsure.mode) >= MODES.index(sure.mode)
    modes = {one.id: one.mode for one in unsure.areas}
    assert all(MODES.index(modes[one.id]) >= MODES.index(one.mode) for one in sure.areas)


@given(RULES, PULLS, st.sampled_from(MODES))
def test_the_modes_into_a_branch_contain_that_of_every_pull_request(
    rules: tuple[ModeRule, ...], pull: Pull, otherwise: str
) -> None:
    pull = replace(pull, unknown=pull.unknown - {"base"})
    found = in_force(Policy(mode=otherwise, mode_when=rules), pull).mode
    assert found in modes_into(pull.base_ref, otherwise, rules)


@given(CONDITIONS, PULLS)
def test_what_authors_cannot_decide_depends_on_something_else(when: When, pull: Pull) -> None:
    """If no trusted fact is as the condition needs it, and it holds, authors could make it hold."""
    against = replace(
        pull, base_ref="other", teams=frozenset(), topics=frozenset(), properties=frozenset()
    )
    against = replace(against, unknown=frozenset(), complete=True)
    negated = any(one == "not" for one in _joins(when))
    if not negated and weighed(when, against).value:
        assert up_to_the_author(when)


def _joins(when: When) -> list[str]:
    return (
        [when.how, *(join for one in when.of for join in _joins(one))]
        if isinstance(when, Combined)
        else []
    )


# --- what a policy makes of it -------------------------------------------------------------

RULEBOOK = builtin_packs.rules("advise")


def policy_of(text: str) -> Policy:
    assert problems_of(text, RULEBOOK) == ()
    return effective(PolicySource(text=text), RULEBOOK)


MIGRATION = (file("db/migrate/1.sql", "ALTER TABLE orders ADD COLUMN x int NOT NULL"),)


@pytest.mark.parametrize(
    ("pull", "mode", "area_mode"),
    [
        ({}, "advise", "advise"),
        ({"base_ref": "release/1"}, "enforce", "enforce"),
        ({"teams": frozenset({"contractors"})}, "advise", "enforce"),
        ({"unknown": frozenset({"team contractors"})}, "advise", "enforce"),
        ({"unknown": frozenset({"base"})}, "enforce", "enforce"),
        ({"topics": frozenset({"toys"})}, "observe", "observe"),
        ({"unknown": frozenset({"topic"})}, "advise", "advise"),
        ({"topics": frozenset({"toys"}), "base_ref": "release/1"}, "enforce", "enforce"),
    ],
)
def test_the_first_rule_that_holds_gives_the_mode(
    pull: dict[str, object], mode: str, area_mode: str
) -> None:
    policy = policy_of(
        "mode_when:\n"
        "  - {base: 'release/**', mode: enforce}\n"
        "  - {topic: toys, mode: observe}\n"
        "areas: {caching: {mode_when: [{team: contractors, mode: enforce}]}}\n"
    )
    found = in_force(policy, replace(PULL, **pull))  # type: ignore[arg-type]
    modes = {one.id: one.mode for one in found.areas}
    assert (found.mode, modes["caching"], modes["payments-checkout"]) == (mode, area_mode, mode)
    assert found.enforces  # others may be enforced


def test_a_mode_of_its_own_replaces_the_general_rules() -> None:
    policy = policy_of(
        "mode_when: [{base: main, mode: enforce}]\nareas: {caching: {mode: advise}}\n"
    )
    found = in_force(policy, PULL)
    modes = {one.id: one.mode for one in found.areas}
    assert (modes["caching"], modes["payments-checkout"]) == ("advise", "enforce")


def test_a_policy_without_such_conditions_stays_as_it_is() -> None:
    policy = policy_of("mode: enforce\n")
    assert in_force(policy, PULL) is policy
    assert policy.asks == {"title"}  # of the built-in packs
    assert policy.teams == frozenset()


def test_a_policy_can_be_settled_again_for_another_pull_request() -> None:
    policy = policy_of("mode_when: [{base: main, mode: enforce}]\n")
    once = in_force(policy, PULL)
    assert once.mode == "enforce"
    assert in_force(once, replace(PULL, base_ref="dev")) == in_force(
        policy, replace(PULL, base_ref="dev")
    )


NARROWED = "areas: {database-migration: {when: {base: main, not: {author: bob}}}}\n"


@pytest.mark.parametrize(
    ("pull", "is_flagged", "exempt"),
    [
        ({}, True, []),
        ({"base_ref": "dev"}, False, [Reason("base", "dev")]),
        ({"author": "Bob"}, False, [Reason("author", "Bob")]),
        ({"author": "bob", "unknown": frozenset({"author"})}, True, []),
        ({"base_ref": "dev", "labels": frozenset({"nfr/area: database-migration"})}, True, []),
    ],
)
def test_an_area_is_flagged_only_on_the_pull_requests_that_its_when_names(
    pull: dict[str, object], is_flagged: bool, exempt: list[Reason]
) -> None:
    changed = replace(PULL, files=MIGRATION, **pull)  # type: ignore[arg-type]
    policy = in_force(policy_of(NARROWED), changed)
    asked = checklist(scan(changed, policy), policy)
    assert ("database-migration" in {one.area.id for one in asked.flagged}) is is_flagged
    assert [reason for one in asked.exempt for reason in one.reasons] == exempt


def test_what_the_policy_ignores_and_the_labels_of_ghapp_decide_nothing() -> None:
    text = (
        "ignore: {paths: ['docs/**']}\n"
        "areas: {payments-checkout: {when: {not: {author: ann}, any: [{adds: '**'},"
        " {label: 'nfr: signed off'}]}}}\n"
    )
    labels = frozenset({"nfr: signed off"})
    written = (
        file("docs/a.md", "x", status="added"),
        file("docs/b.md", status="renamed", previous="docs/c.md"),
    )
    moved = file("docs/b.md", status="renamed", previous="src/c.md")
    policy, bob = policy_of(text), replace(PULL, author="bob", labels=labels)
    assert "payments-checkout" not in {
        one.id for one in in_force(policy, replace(bob, files=(*written, moved))).areas
    }
    new = file("src/a.py", "x", status="added")
    assert "payments-checkout" in {
        one.id for one in in_force(policy, replace(bob, files=(new,))).areas
    }


def test_a_finding_of_an_area_that_does_not_apply_is_left_out() -> None:
    area = replace(AREA, items=(item("db-rollback"),), id="db", when=clause("base", "dev"))
    pull = replace(PULL, files=(file("a.py", "x"),))
    policy = in_force(Policy(areas=(area,), ignore_paths=()), pull)
    found = finding(path="a.py", area="db")
    asked = checklist(scan(pull, policy), policy, (found,))
    assert asked.flagged == ()
    assert [(one.area.id, one.reasons) for one in asked.exempt] == [
        ("db", (Reason("base", "main"),))
    ]


def test_an_area_of_other_pull_requests_does_not_make_files_unread() -> None:
    area = replace(AREA, when=clause("base", "dev"))
    big = File("a.sql", "modified", 9_000, sha="s")
    for base, unread in (("main", ()), ("dev", ("a.sql",))):
        pull = replace(PULL, base_ref=base, files=(big,))
        policy = in_force(Policy(areas=(area,), ignore_paths=()), pull)
        assert checklist(scan(pull, policy), policy).unread == unread


def test_the_policy_keeps_its_strictest_mode_whatever_the_pull_request_is() -> None:
    text = "mode: enforce\nmode_when: [{author: ann, mode: observe}]\n"
    pull = replace(PULL, files=(file(".github/nfr.yml", "x"), file("a", "b")))
    policy = in_force(policy_of(text), pull)
    asked = flagged_areas(replace(facts(policy), pull=pull), Checklist(), ())
    assert [(one.area.id, one.area.mode) for one in asked] == [("review-policy", "enforce")]


@pytest.mark.parametrize(
    ("pull", "reasons"),
    [
        ({}, None),
        ({"base_ref": "release/1"}, (Reason("base", "release/1"),)),
        ({"unknown": frozenset({"base"})}, (Reason("base_unknown"),)),
    ],
)
def test_a_pull_request_flags_an_area_with_all_of_its_files(
    pull: dict[str, object], reasons: tuple[Reason, ...] | None
) -> None:
    area = replace(AREA, detect=Detect(pull=clause("base", "release/**")), flag="touch")
    changed = replace(PULL, files=(file("a.py", "x"), file("b.py", "y")), **pull)  # type: ignore[arg-type]
    policy = Policy(areas=(area,))
    found = scan(changed, policy).touched.get(area.id)
    assert (found and found.hits) == (reasons and (PullHit(reasons),))
    assert found is None or len(found.changes) == 2


def test_a_policy_may_flag_an_area_of_its_own_so() -> None:
    policy = policy_of(
        "areas:\n"
        "  gift-cards:\n"
        "    title: {en: Gift cards}\n"
        "    detect: {pull: {base: main, adds: '**/Dockerfile'}}\n"
        "    items: [{id: gift-size, sev: must, cat: cost, en: How large?,"
        " when: {branch: 'topic', team: ops}}]\n"
    )
    assert (policy.asks, policy.teams) == ({"base", "adds", "branch", "team", "title"}, {"ops"})
    changed = replace(PULL, files=(file("a/Dockerfile", "FROM x", status="added"),))
    for pull, questions in (
        (changed, []),
        (replace(changed, teams=frozenset({"ops"})), ["gift-size"]),
        (replace(changed, unknown=frozenset({"team ops"})), ["gift-size"]),
    ):
        (one,) = checklist(scan(pull, policy), policy).flagged
        assert (one.area.id, one.hits) == (
            "gift-cards",
            (PullHit((Reason("base", "main"), Reason("adds", "a/Dockerfile"))),),
        )
        assert [question.id for question in one.items] == questions


def test_the_label_of_the_area_counts_beside_its_condition() -> None:
    area = replace(AREA, detect=Detect(pull=clause("base", "release/**")))
    label = f"nfr/area: {area.id}"
    changed = replace(PULL, labels=frozenset({label}), files=(file("a.py", "x"),))
    assert scan(changed, Policy(areas=(area,))).touched[area.id].hits == (LabelHit(label),)


def test_an_item_is_about_the_files_that_its_condition_on_the_pull_request_names() -> None:
    changes = scan(KNOWN, Policy(areas=(replace(AREA, detect=Detect(paths=("**",))),))).touched
    scene = Scene(KNOWN, changes[AREA.id])
    for when, paths in (
        (clause("adds", "db/new.sql"), ["db/new.sql"]),
        (clause("renames", "old/**"), ["api/after.py"]),
        (clause("base", "main"), [one.file.path for one in scene.touch.changes]),
        (AtLeast("pull_files_gte", 1), [one.file.path for one in scene.touch.changes]),
    ):
        named = about(replace(item("x"), when=when), scene, ())
        assert [one.file.path for one in named] == paths


# --- in words ------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("kind", sorted({*FACTS, *SIZES, *CHANGES}))
def test_every_reason_has_words_and_shows_no_pattern(
    kind: str, unknown: bool, language: str
) -> None:
    pull = KNOWN
    if unknown:
        hidden = frozenset({kind} - {"title", *CHANGES})
        pull = replace(KNOWN, unknown=hidden, complete=kind not in (*CHANGES, *SIZES))
    never, always = ("x[yz]+", ".*") if kind == "title" else ("x[yz]*", "**")
    for values in ([never], [always, "Urgent", "ann", "sre", "payments", "tier: 1", "true"]):
        when = AtLeast(kind, 3) if kind in SIZES else Clause(kind, tuple(values))
        text = decided(weighed(when, pull).reasons, Words(language))
        assert text
        if kind in ("title", "base", "branch", *CHANGES):
            assert "[" not in text
            assert "*" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reason_names_a_few_values(language: str) -> None:
    (one,) = weighed(clause("label", "a", "b", "c", "d"), PULL).reasons
    assert one.name == "a, b, c, …"
    assert "`a, b, c, …`" in decided((one,), Words(language))
    assert {f"fact_{kind}" for kind in KINDS - {*CHANGES, "title"}} <= set(table(language))


def test_a_leaf_is_asked_for_what_the_whole_takes_if_it_is_unknown() -> None:
    asked: list[bool] = []

    def leaf(_: object, unknown: bool) -> bool:
        asked.append(unknown)
        return unknown

    assert holds(both("not", both("any", YES, both("not", NO))), leaf)
    assert asked == [False, True]
    assert cast("bool", holds(YES, leaf, unknown=False)) is False
