import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.areas import (
    Area,
    AtLeast,
    Clause,
    Combined,
    Detect,
    InFile,
    Item,
    SameAs,
    Size,
    Text,
)
from ghapp.core.policy.pack_schema import References
from ghapp.core.policy.packs import Listed, parse, read_references

REFERENCES = References(
    {
        "pci-dss": ("PCI DSS", "https://pci.example/dss"),
        "squawk": ("squawk", "https://squawk.example/"),
    },
    {"tests": ("**/test/**", "**/docs/**"), "documents": ("**/*.md",)},
)

PACK = r"""area: caching
title: {en: Caching, ja: キャッシュ}
weight: 3
detect:
  paths: ["**/cache/**"]
  exclude: ["**/docs/**"]
  diff: ['(?i)\bredis\b']
  diff_files: ["**/*.py"]
  labels: ["nfr:cache"]
  title: cache
  size: {changed_files_gte: 40, ignore: ["*.lock"]}
  path_hit: [src/cache/keys.py]
  path_miss: [docs/cache/notes.md]
items:
  - id: cache-ttl
    cat: performance
    sev: must
    en: Does every key expire?
    ja: すべてのキーに期限がありますか？
    why_en: Memory is full otherwise.
    why_ja: そうでないとメモリが枯渇します。
    ev_en: The TTL
    ev_ja: TTL の値
    refs: [squawk]
"""


def item(when):
    return parse(f"{PACK}    when: {when}\n", "p.yml", REFERENCES).items[0].when


def test_a_pack_becomes_an_area():
    assert parse(PACK, "p.yml", REFERENCES) == Area(
        id="caching",
        title=Text("Caching", "キャッシュ"),
        weight=3,
        detect=Detect(
            paths=("**/cache/**",),
            exclude=("**/docs/**",),
            diff=(r"(?i)\bredis\b",),
            diff_files=("**/*.py",),
            labels=("nfr:cache",),
            title="cache",
            size=Size(changed_files_gte=40, ignore=("*.lock",)),
        ),
        items=(
            Item(
                "cache-ttl",
                "must",
                "performance",
                Text("Does every key expire?", "すべてのキーに期限がありますか？"),
                Text("Memory is full otherwise.", "そうでないとメモリが枯渇します。"),
                Text("The TTL", "TTL の値"),
                ("squawk",),
                links=(("squawk", "https://squawk.example/"),),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{diff: x}", Clause("diff", ("x",))),
        ("{removed: [x, y]}", Clause("removed", ("x", "y"))),
        (
            "{label: a, hazard: [B-1]}",
            Combined("all", (Clause("hazard", ("B-1",)), Clause("label", ("a",)))),
        ),
        (
            "{any: [{path: '**/a'}, {title: b}], flagged_by: [path, diff]}",
            Combined(
                "all",
                (
                    Combined("any", (Clause("path", ("**/a",)), Clause("title", ("b",)))),
                    Clause("flagged_by", ("path", "diff")),
                ),
            ),
        ),
        ("{all: [{area: a}]}", Combined("all", (Clause("area", ("a",)),))),
        (
            "{not: {files_gte: 3, added_gte: 5}}",
            Combined(
                "not",
                (Combined("all", (AtLeast("files_gte", 3), AtLeast("added_gte", 5))),),
            ),
        ),
        (
            "{size: {changed_files_gte: 40, added_lines_gte: 1500}}",
            Combined("any", (AtLeast("pull_files_gte", 40), AtLeast("pull_added_gte", 1500))),
        ),
        (
            "{file: {path: '**/a', exclude: b, new: on, diff: x, unless: [y, z]}}",
            InFile(("**/a",), ("b",), True, ("x",), (), ("y", "z")),
        ),
        ("{file: {removed: x, not_diff: y}}", InFile(removed=("x",), not_diff=("y",))),
        ("{table_in: config.large_tables}", Clause("table_in", ("config.large_tables",))),
    ],
)
def test_a_when_becomes_a_condition(when, expected):
    assert item(when) == expected


def test_the_globs_of_named_sets_are_left_out_once_each_with_those_of_the_pack():
    text = PACK.replace("  exclude:", "  exclude_sets: [documents, tests]\n  exclude:")
    detect = parse(text, "p.yml", REFERENCES).detect
    assert detect.exclude == ("**/*.md", "**/test/**", "**/docs/**")


@pytest.mark.parametrize(
    ("said", "same"),
    [
        ("pay-once", SameAs("pay-once")),
        ("{item: pay-once, within: on}", SameAs("pay-once", within=True)),
    ],
)
def test_a_question_may_name_one_with_the_same_answer(said, same):
    made = parse(f"{PACK}    same_as: {said}\n", "p.yml", REFERENCES).items[0]
    assert (made.same_as, made.never_defer) == (same, False)


def test_a_question_may_be_one_that_is_never_put_off():
    assert parse(f"{PACK}    never_defer: on\n", "p.yml", REFERENCES).items[0].never_defer


def test_what_makes_a_question_a_must_and_its_scope_are_kept():
    text = f"{PACK}    when: {{diff: x}}\n    must_when: {{removed: y}}\n    scope: project\n"
    made = parse(text, "p.yml", REFERENCES).items[0]
    assert made.must_when == Clause("removed", ("y",))
    assert (made.scope, made.when) == ("project", Clause("diff", ("x",)))


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        ("weight: 3", "weigth: 3", ["1:1: `weight` is missing", "3:1: unknown key `weigth`: did"]),
        (
            "weight: 3",
            "weight: 3\nzzz: 1",
            ["4:1: unknown key `zzz`: known here: area, configuration, detect"],
        ),
        ("weight: 3", 'weight: "3"', ["3:9: `weight` should be a whole number"]),
        ("weight: 3", "weight: 9", ["3:9: `weight` should be at most 5"]),
        ("area: caching", "area: Ca ching", ["1:7: `area` should be lower-case words"]),
        (", ja: キャッシュ", "", ["2:1: `ja` is missing in `title`"]),
        (
            "    ja: す",
            "    jp: す",
            ["15:5: `ja` is missing in `items[0]`", "19:5: unknown key `jp`"],
        ),
        ("    why_ja: そ", "    #", ["15:5: `why_ja` is missing in `items[0]`"]),
        ('"**/cache/**"', '"!**/cache/**"', ["5:11: `detect.paths[0]`: `!**/cache/**` starts"]),
        (r"'(?i)\bredis\b'", "'(?!x)'", ["7:10: `detect.diff[0]`: "]),
        (r"'(?i)\bredis\b'", r"'(a)\1'", ["7:10: `detect.diff[0]`: "]),
        ("title: cache", "title: '('", ["10:10: `detect.title`: "]),
        ("{changed_files_gte: 40, ", "{", ["11:9: `detect.size` needs `changed_files_gte`, `"]),
        ("cat: performance", "cat: speed", ["16:10: `items[0].cat` should be 'availability', "]),
        ("sev: must", "sev: urgent", ["17:10: `items[0].sev` should be 'must', 'should' or"]),
        ("en: Does every key expire?", "en: ''", ["18:9: `items[0].en` should not be empty"]),
        (
            "en: Does every key expire?",
            'en: "a\\nb"',
            ["18:9: `items[0].en` should be one line with"],
        ),
        ("Does every key expire?", "?" * 501, ["18:9: `items[0].en` should have at most 500 ch"]),
        ("ja: キャッシュ", f"ja: {'x' * 101}", ["2:26: `title.ja` should have at most 100 chara"]),
        ("en: Does every key expire?", "en: 3", ["18:9: `items[0].en` should be text"]),
        (
            "[squawk]",
            "[sqawk]",
            ["24:12: `sqawk` is not in references.yml: did you mean `squawk`?"],
        ),
        ("[squawk]", "[xyz]", ["24:12: `xyz` is not in references.yml"]),
        (
            "  labels:",
            "  exclude_sets: [tets, {}]\n  labels:",
            ["9:18: `tets` is not a set of globs: did", "9:24: `detect.exclude_sets[1]` should be"],
        ),
        ("refs: [squawk]", "same_as: Ä", ["24:14: `items[0].same_as` should be lower-case"]),
        ("refs: [squawk]", "same_as: cache-ttl", ["24:14: `cache-ttl` is this question itself"]),
        ("refs: [squawk]", "same_as: {within: on}", ["24:5: `item` is missing in `items[0].sa"]),
        ("refs: [squawk]", "refs: squawk", ["24:11: `items[0].refs` should be a list"]),
        ("refs: [squawk]", "refs: [3]", ["24:12: `items[0].refs[0]` should be text"]),
        ("refs: [squawk]", "when: {}", ["24:11: `items[0].when` should not be empty: leave it"]),
        ("refs: [squawk]", "when: {size: {}}", ["24:18: `items[0].when.size` needs `changed_f"]),
        ("refs: [squawk]", "when: {any: []}", ["24:17: `items[0].when.any` should not be empty"]),
        ("refs: [squawk]", "when: {any: [{dif: x}]}", ["24:19: unknown key `dif`: did you mean"]),
        ("refs: [squawk]", "when: {not: {ny: x}}", ["24:18: unknown key `ny`: did you mean `any`"]),
        ("refs: [squawk]", "when: {diff: '(?=x)'}", ["24:18: `items[0].when.diff`: "]),
        ("refs: [squawk]", "when: {flagged_by: title}", ["24:24: `items[0].when.flagged_by` sh"]),
        (
            "refs: [squawk]",
            "when: {file: {unless: x}}",
            ["24:18: `items[0].when.file` needs `path`"],
        ),
        ("refs: [squawk]", "when: {table_in: mine}", ["24:22: `items[0].when.table_in` should"]),
        ("items:", "items: []\nx:", ["14:8: `items` should not be empty", "15:1: unknown key `x`"]),
        ("items:", "items: {}\nx:", ["14:8: `items` should be a list", "15:1: unknown key `x`"]),
        ("refs: [squawk]", "refs: []\n  - 3", ["25:5: `items[1]` should be a mapping"]),
        (PACK, "- a", ["1:1: the file should be a mapping"]),
        (PACK, "", ["1:1: the file should be a mapping"]),
        ("weight: 3", "weight: 3\nweight: 4", ["4:1: the key `weight` is there twice"]),
    ],
)
def test_mistakes_are_named_with_their_place(old, new, problems):
    assert old in PACK
    found = parse(PACK.replace(old, new), "p.yml", REFERENCES)
    assert [str(one)[: len(start) + 6] for one, start in zip(found, problems, strict=True)] == [
        f"p.yml:{start}" for start in problems
    ]


def test_an_id_used_twice_is_named_with_its_first_place():
    again = PACK[PACK.index("  - id") :]
    (problem,) = parse(PACK + again, "p.yml", REFERENCES)
    assert str(problem) == "p.yml:25:9: the id `cache-ttl` is used twice, first by item 1"


def test_every_problem_comes_at_once_in_the_order_of_the_text():
    broken = PACK.replace("weight: 3", "weight: x").replace("must", "x").replace("squawk", "x")
    assert [one.line for one in parse(broken, "p.yml", REFERENCES)] == [3, 17, 24]


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab{}:", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["area", "detect", "items", "when", "any", "not", "id", "size", "refs"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(trees)
def test_parse_never_fails(tree):
    text = json.dumps(tree, ensure_ascii=False)
    found = parse(text, "p.yml", REFERENCES)
    assert isinstance(found, tuple)
    assert all(problem.text for problem in found)


# --- references ----------------------------------------------------------------------------

BUILTIN_LINKS = {"pci-dss": ("PCI DSS", "https://pci.example/dss")}
BUILTIN = References(BUILTIN_LINKS, {"tests": ("**/test/**",)})
RUNBOOK = "runbook: [Runbooks, 'https://docs.example/runbooks']\n"


def reference_problems(text):
    found = read_references(text, "r.yml", BUILTIN)
    return [str(one) for one in (found.problems if isinstance(found, Listed) else found)]


def test_own_references_join_the_built_in_ones():
    found = read_references(RUNBOOK, "r.yml", BUILTIN)
    pair = ("Runbooks", "https://docs.example/runbooks")
    assert found == Listed(replace(BUILTIN, links={**BUILTIN_LINKS, "runbook": pair}))


def test_an_empty_file_adds_nothing():
    assert read_references("# none yet\n", "r.yml", BUILTIN) == Listed(BUILTIN)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a", "1:1: the file should be a mapping, as in `key: value`"),
        ("a: [", "1:1: not YAML: "),
        ("\n".join(f"k{n}: 1" for n in range(201)), "1:1: the file has 201 references, more than"),
        ("pci-dss: [a, 'https://b.example']", "1:1: `pci-dss` exists already, as https://pci."),
        ("Run Book: [a, 'https://b.example']", "1:1: `Run Book` should be lower-case words join"),
        ("a: https://b.example", "1:1: `a` should be a title and an address, as in `[Runbooks, "),
        ("a: [b]", "1:1: `a` should be a title and an address"),
        ("a: [b, 3]", "1:1: `a` should be a title and an address"),
        ("a: [3, 'https://b.example']", "1:1: `a` should be a title and an address"),
        ("a: ['', 'https://b.example']", "1:1: `a` should be a title and an address"),
        ('a: ["b\\nc", "https://b.example"]', "1:1: `a` needs a title of one line with at most 1"),
        (f"a: [{'b' * 121}, 'https://b.example']", "1:1: `a` needs a title of one line"),
        ("a: [b, 'http://b.example']", "1:1: `a` needs an https:// address of at most 500 chara"),
        ("a: [b, 'https://b.example/a b']", "1:1: `a` needs an https:// address"),
        ("a: [b, 'https://b.example/(x)']", "1:1: `a` needs an https:// address"),
        ("a: [b, 'https://github.com@evil.example/']", "1:1: `a` needs an https:// address"),
        (f"a: [b, 'https://b.example/{'c' * 500}']", "1:1: `a` needs an https:// address"),
    ],
)
def test_a_wrong_reference_is_named_with_what_to_do(text, problem):
    (found,) = reference_problems(text)
    assert found.startswith(f"r.yml:{problem}")


def test_to_refer_to_a_wrong_reference_is_no_second_mistake():
    found = read_references(RUNBOOK + "book: 7\n", "r.yml", BUILTIN)
    assert set(found.known.links) == {"pci-dss", "runbook", "book"}
    assert [one.line for one in found.problems] == [2]
