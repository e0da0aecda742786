"""The syntax of conditions on a pull request, and what authors may not decide themselves."""

from __future__ import annotations

import pytest

from ghapp import builtin_packs
from ghapp.core.areas import AtLeast, Clause, Combined, ModeRule, When
from ghapp.core.policy.policy import effective, problems_of
from ghapp.core.policy.pull_schema import up_to_the_author
from ghapp.core.records import PolicySource

RULES = builtin_packs.rules("advise")
ENFORCING = builtin_packs.rules("enforce")
LETS = "lets authors avoid `enforce` by"
AVOIDS = (
    "which they decide themselves: require `base`, `author`, `team`, `topic` or `property`, alone "
    "or in addition"
)


def rule_of(text: str) -> ModeRule:
    """The one rule of a policy."""
    source = PolicySource(text=f"mode_when: [{{mode: enforce, {text}}}]")
    assert problems_of(source.text or "", RULES) == ()
    (rule,) = effective(source, RULES).mode_when
    return rule


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("base: main", Clause("base", ("main",))),
        ("base: [main, 'release/**']", Clause("base", ("main", "release/**"))),
        ("branch: 'hotfix/**'", Clause("branch", ("hotfix/**",))),
        ("title: '^fix'", Clause("title", ("^fix",))),
        ("label: [a, b]", Clause("label", ("a", "b"))),
        ("author: 'renovate[bot]'", Clause("author", ("renovate[bot]",))),
        ("team: contractors", Clause("team", ("contractors",))),
        ("draft: on", Clause("draft", ("true",))),
        ("draft: off", Clause("draft", ("false",))),
        ("adds: '**/Dockerfile'", Clause("adds", ("**/Dockerfile",))),
        ("deletes: 'db/**'", Clause("deletes", ("db/**",))),
        ("renames: 'api/**'", Clause("renames", ("api/**",))),
        ("topic: payments", Clause("topic", ("payments",))),
        ("property: {tier: '1'}", Clause("property", ("tier: 1",))),
        (
            "property: {tier: ['1', '2'], pci: 'true'}",
            Combined(
                "all",
                (
                    Clause("property", ("tier: 1", "tier: 2")),
                    Clause("property", ("pci: true",)),
                ),
            ),
        ),
        ("size: {added_lines_gte: 9}", Combined("any", (AtLeast("pull_added_gte", 9),))),
        (
            "base: main, not: {any: [{draft: on}, {all: [{label: x}, {team: y}]}]}",
            Combined(
                "all",
                (
                    Combined(
                        "not",
                        (
                            Combined(
                                "any",
                                (
                                    Clause("draft", ("true",)),
                                    Combined(
                                        "all", (Clause("label", ("x",)), Clause("team", ("y",)))
                                    ),
                                ),
                            ),
                        ),
                    ),
                    Clause("base", ("main",)),
                ),
            ),
        ),
    ],
)
def test_a_mapping_becomes_a_condition(text: str, when: When) -> None:
    assert rule_of(text) == ModeRule(when, "enforce")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "mode_when: [{mode: enforce}]",
            "1:13: `mode_when[0]` should have a condition beside `mode`: write `mode` alone as a "
            "key of its own",
        ),
        ("mode_when: [{base: main}]", "1:13: `mode` is missing in `mode_when[0]`"),
        ("mode_when: []", "1:12: `mode_when` should not be empty"),
        (
            "mode_when: [{bse: main, mode: enforce}]",
            "1:14: unknown key `bse`: did you mean `base`?",
        ),
        (
            "mode_when: [{not: {labels: x}, mode: enforce}]",
            "1:20: unknown key `labels`: did you mean `label`?",
        ),
        (
            "mode_when: [{base: main, mode: enforced}]",
            "1:32: `mode_when[0].mode` should be 'observe', 'advise' or 'enforce': did you mean "
            "enforce?",
        ),
        (
            "mode_when: [{team: acme/sre, mode: enforce}]",
            "1:20: `mode_when[0].team` should be the team's slug alone, as in `sre`: the "
            "organisation is the repository's",
        ),
        (
            "mode_when: [{author: '@ann', mode: enforce}]",
            "1:22: `mode_when[0].author` should be written without `@`",
        ),
        (
            "mode_when: [{property: {tier: 1}, mode: enforce}]",
            "1:31: `mode_when[0].property.tier` should be text: put it in quotes",
        ),
        (
            "mode_when: [{property: {}, mode: enforce}]",
            "1:24: `mode_when[0].property` should not be empty",
        ),
        (
            "mode_when: [{base: '{a,b}', mode: enforce}]",
            "1:20: `mode_when[0].base`: `{a,b}`: braces are not expanded, write one glob for each "
            "choice",
        ),
        (
            "mode_when: [{draft: maybe, mode: enforce}]",
            "1:21: `mode_when[0].draft` should be on or off",
        ),
        (
            "areas: {caching: {when: {diff: x}}}",
            "1:26: unknown key `diff`: known here: adds, all, any, author, base, branch, deletes, "
            "draft, label, not, property, renames, size, team, title, topic",
        ),
        (
            "areas: {caching: {when: {}}}",
            "1:25: `areas.caching.when` should not be empty: leave it out if it is to hold always",
        ),
        (
            "areas: {caching: {mode_when: {base: main, mode: enforce}}}",
            "1:30: `areas.caching.mode_when` should be a list, as in `[a, b]`",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_place_and_what_to_write(text: str, problem: str) -> None:
    assert [str(one).partition(":")[2] for one in problems_of(text, RULES)] == [problem]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("title: x", "`title`"),
        ("label: x", "`label`"),
        ("branch: x", "`branch`"),
        ("draft: on", "`draft`"),
        ("adds: x", "`adds`"),
        ("size: {added_lines_gte: 9}", "`size`"),
        ("not: {label: x}", "`label`"),
        ("not: {size: {added_lines_gte: 9}}", "`size`"),
        ("any: [{title: x}, {label: y}]", "`label` or `title`"),
        ("any: [{base: x}, {label: y}]", "`label`"),
        ("not: {all: [{team: x}, {label: y}]}", "`label`"),
        ("base: x", ""),
        ("author: x", ""),
        ("team: x", ""),
        ("topic: x", ""),
        ("property: {x: y}", ""),
        ("not: {team: x}", ""),
        ("all: [{team: x}, {label: y}]", ""),
        ("not: {any: [{team: x}, {label: y}]}", ""),
    ],
)
def test_authors_decide_what_takes_nothing_but_their_own_facts(text: str, kinds: str) -> None:
    assert up_to_the_author(rule_of(text).when) == kinds


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "mode: enforce\nmode_when: [{draft: on, mode: advise}]",
            [f"2:13: `mode_when[0]` {LETS} `draft`, {AVOIDS}"],
        ),
        (
            "mode_when: [{draft: on, mode: observe}, {base: main, mode: enforce}]",
            [f"1:13: `mode_when[0]` {LETS} `draft`, {AVOIDS}"],
        ),
        ("mode_when: [{base: main, mode: enforce}, {draft: on, mode: observe}]", []),
        ("mode_when: [{label: risky, mode: enforce}]", []),
        ("mode: enforce\nmode_when: [{base: 'dev/**', draft: on, mode: advise}]", []),
        ("mode: advise\nmode_when: [{draft: on, mode: observe}]", []),
        (
            "mode: enforce\nareas: {caching: {mode_when: [{title: x, mode: advise}]}}",
            [f"2:31: `areas.caching.mode_when[0]` {LETS} `title`, {AVOIDS}"],
        ),
        (
            "mode: enforce\n"
            "areas: {caching: {mode: advise, mode_when: [{title: x, mode: observe}]}}",
            [],
        ),
        (
            "mode_when: [{base: main, mode: enforce}]\n"
            "areas: {caching: {when: {not: {label: skip}}}}",
            [f"2:19: `areas.caching.when` {LETS} `label`, {AVOIDS}, or do not enforce the area"],
        ),
        (
            "areas: {caching: {mode: enforce, when: {size: {added_lines_gte: 9}, base: main}}}",
            [f"1:34: `areas.caching.when` {LETS} `size`, {AVOIDS}, or do not enforce the area"],
        ),
        ("mode: enforce\nareas: {caching: {when: {base: main}}}", []),
        ("mode: enforce\nareas: {caching: {when: {any: [{base: main}, {label: x}]}}}", []),
        ("mode: advise\nareas: {caching: {when: {not: {draft: on}}}}", []),
        ("areas: {caching: on}", []),
    ],
)
def test_no_author_avoids_what_is_enforced(text: str, problems: list[str]) -> None:
    assert [str(one).partition(":")[2] for one in problems_of(text, RULES)] == problems


def test_the_mode_of_a_file_without_one_is_the_default_mode() -> None:
    text = "mode_when: [{draft: on, mode: advise}]"
    assert problems_of(text, RULES) == ()
    assert len(problems_of(text, ENFORCING)) == 1


def test_buttons_alone_do_not_do_for_a_rule_that_enforces() -> None:
    text = "sign_off: {by: [button]}\nmode_when: [{base: main, mode: enforce}]\n"
    assert ["pending: action_required" in str(one) for one in problems_of(text, RULES)] == [True]
