"""The syntax of hazards and retired items in a pack: mistakes are named with their place."""

import pytest

from ghapp.core.areas import Area, Guard, Hazard, Text
from ghapp.core.policy.pack_schema import References
from ghapp.core.policy.packs import parse

PACK = r"""area: caching
title: {en: Caching, ja: キャッシュ}
weight: 3
detect: {paths: ["**/cache/**"]}
items:
  - {id: cache-ttl, cat: cost, sev: must, en: A?, ja: あ？, why_en: B., why_ja: い。,
     ev_en: C, ev_ja: う}
hazards:
  - id: CAC-001
    item: cache-ttl
    sev: should
    match: '\bflush(?P<table>\w+)'
    en: "Flushes all."
    ja: "すべて消します。"
"""


def problems(text):
    found = parse(text, "p.yml", References())
    assert isinstance(found, tuple)
    return [str(one).removeprefix("p.yml:") for one in found]


def hazard(more=""):
    area = parse(PACK + more, "p.yml", References())
    assert isinstance(area, Area), area
    return area.hazards[0]


def test_a_hazard_becomes_a_rule():
    assert hazard() == Hazard(
        "CAC-001",
        "should",
        "cache-ttl",
        "caching",
        r"\bflush(?P<table>\w+)",
        Text("Flushes all.", "すべて消します。"),
    )
    full = hazard(
        "    scope: code\n    files: ['**/*.py']\n    exclude_files: '**/x.py'\n"
        "    unit: statement\n    skip_rollback: true\n    skip_new_table: true\n"
        "    dialect: mysql\n    requires: kind\n    requires_removed: size\n"
        "    cross: a linter\n    fp: tests\n    hit: [flushall]\n    miss: [x]\n"
    )
    assert (full.scope, full.files, full.exclude) == ("code", ("**/*.py",), ("**/x.py",))
    assert (full.by_statement, full.skip_rollback, full.skip_new_table) == (True, True, True)
    assert (full.dialect, full.requires, full.requires_removed) == ("mysql", "kind", "size")
    assert hazard("    side: removed\n").removed
    assert hazard("    unless_in_block: deny\n").unless_in_block == "deny"


@pytest.mark.parametrize(
    ("text", "guard"),
    [
        ("unless: x", Guard("x")),
        ("unless: x\n    unless_scope: file", Guard("x", "file")),
        ("unless: x\n    unless_scope: '+4'", Guard("x", "lines", 0, 4)),
        ("unless: x\n    unless_scope: '-4'", Guard("x", "lines", 4, 0)),
        ("unless: x\n    unless_scope: '~12'", Guard("x", "lines", 12, 12)),
        ("unless: x\n    unless_scope: block", Guard("x", "block")),
        (
            "unless: x\n    unless_scope: block\n    block_with: y",
            Guard("x", "block", within="y"),
        ),
        (
            "unless: x\n    unless_scope: nearest\n    nearest: y",
            Guard("x", "nearest", within="y"),
        ),
    ],
)
def test_unless_has_a_scope(text, guard):
    assert hazard(f"    {text}\n").unless == guard


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("unles: x", "15:5: unknown key `unles`: did you mean `unless`?"),
        ("unless: 'a(?=b)'", "15:13: `hazards[0].unless`: RE2 has no lookahead"),
        (r"unless: '(a)\1'", "15:13: `hazards[0].unless`: RE2 has neither backreferences"),
        ("unless: x\n    unless_scope: near", "16:19: `hazards[0].unless_scope` should be line"),
        ("unless: x\n    unless_scope: '+99'", "16:19: `hazards[0].unless_scope` should be line"),
        ("unless_scope: file", "9:5: `hazards[0]` should be fixed: `unless_scope` says"),
        ("unless: x\n    nearest: y", "9:5: `hazards[0]` should be fixed: `nearest` and"),
        ("unless: x\n    block_with: y", "9:5: `hazards[0]` should be fixed: `block_with`"),
        (
            "unless: x\n    unless_scope: block\n    unit: statement",
            "9:5: `hazards[0]` should be fixed: a block is found from a line",
        ),
        (
            "unless_in_block: x\n    unit: statement",
            "9:5: `hazards[0]` should be fixed: a block is found from a line",
        ),
        (
            "unless_in_block: x\n    side: removed",
            "9:5: `hazards[0]` should be fixed: `side: removed` searches single lines",
        ),
        (
            "side: removed\n    unit: statement",
            "9:5: `hazards[0]` should be fixed: `side: removed` searches single lines",
        ),
        ("dialect: oracle", "15:14: `hazards[0].dialect` should be 'any', 'mysql' or 'postgres'"),
        ("files: ['a/{b,c}']", "15:13: `hazards[0].files[0]`: `a/{b,c}`: braces"),
        ("skip_rollback: often", "15:20: `hazards[0].skip_rollback` should be"),
    ],
)
def test_a_mistake_in_a_hazard_is_one_problem_with_its_place(more, says):
    (found,) = problems(f"{PACK}    {more}\n")
    assert found.startswith(says)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('    ja: "すべて消します。"\n', "", "9:5: `ja` is missing in `hazards[0]`"),
        ("id: CAC-001", "id: cac", "9:9: `hazards[0].id` should be"),
        (
            "item: cache-ttl",
            "item: cache-tll",
            "10:11: `cache-tll` is not an item here: did you mean",
        ),
        (
            "(?P<table>\\w+)'",
            "\\w+'\n    skip_new_table: true",
            "9:5: `hazards[0]` should be fixed: `skip_new_table`",
        ),
        (
            '(?P<table>\\w+)\'\n    en: "Flushes all."',
            "\\w+'\n    en: Flushes {table}.",
            "9:5: `hazards[0]` should be fixed: `{table}`",
        ),
        ("match: '\\bflush", "match: '[a", "12:12: `hazards[0].match`: not a regular expression"),
    ],
)
def test_what_a_hazard_needs_is_asked_for(old, new, says):
    assert old in PACK
    (found,) = problems(PACK.replace(old, new))
    assert found.startswith(says)


def test_an_id_is_used_once():
    double = PACK + PACK[PACK.index("  - id: CAC-001") :]
    assert problems(double) == ["15:9: the id `CAC-001` is used twice, first by hazard 1"]


@pytest.mark.parametrize(
    ("retired", "says"),
    [
        ("{id: cache-ttl}", "`cache-ttl` is asked above: a retired id is never used again"),
        ("{id: old, replaced_by: gone}", "`gone` is not an item here: known here: cache-ttl"),
        ("{id: old, since: 1}", "unknown key `since`"),
    ],
)
def test_a_retired_item_is_gone_and_its_replacement_there(retired, says):
    (found,) = problems(f"{PACK}retired: [{retired}]\n")
    assert says in found


def test_retired_items_are_kept_with_what_replaces_them():
    listed = (
        "[{id: old, replaced_by: cache-ttl}, {id: older}, {id: oldest, replaced_by: [cache-ttl]}]"
    )
    area = parse(f"{PACK}retired: {listed}\n", "p", References())
    assert area.retired == (("old", ("cache-ttl",)), ("older", ()), ("oldest", ("cache-ttl",)))
