"""Samples of packs: each way in which one holds or fails, and what is said of it."""

import json

import pytest

from ghapp.core.policy.pack_schema import References
from ghapp.core.policy.packs import Pack, read
from ghapp.core.scan.patch import lines
from ghapp.core.scan.samples import Sample, failures, paths, samples, written

HAZARD = {
    "id": "SHOP-001",
    "item": "shop-safe",
    "sev": "must",
    "match": "danger",
    "en": "x",
    "ja": "x",
}
ITEM = {"id": "shop-safe", "cat": "security", "sev": "must"} | dict.fromkeys(
    ("en", "ja", "why_en", "why_ja", "ev_en", "ev_ja"), "x"
)
DETECT = {"paths": ["**/shop/**"], "exclude": ["**/tests/**"]}
ROLLBACK = "def up():\n    pass\n\ndef down():\n    danger"


def pack(rule, detect=DETECT):
    value = {
        "area": "shop",
        "title": {"en": "Shop", "ja": "店舗"},
        "weight": 3,
        "detect": detect,
        "items": [ITEM],
        "hazards": [HAZARD | rule],
    }
    found = read(json.dumps(value), "p.yml", References())
    assert isinstance(found, Pack), found
    return found


def whys(rule=None, detect=DETECT):
    """What is said of the samples that do not hold."""
    return [one.why for one in failures(pack(rule or {}, detect), References())]


def asking(**changes):
    """What is said of the samples of a question that is asked for a line."""
    item = ITEM | {"sev": "should", "when": {"diff": "danger"}, "must_when": {"removed": "safe"}}
    value = json.loads(json.dumps(pack({}).tree.value))
    value |= {"items": [item | changes], "detect": DETECT | {"path_hit": ["shop/a.py"]}}
    value["hazards"] = [HAZARD | {"match": "deadly"}]
    found = read(json.dumps(value), "p.yml", References())
    assert isinstance(found, Pack), found
    return [one.why for one in failures(found, References())]


@pytest.mark.parametrize(
    ("kind", "sample", "why"),
    [
        ("hit", "danger", ""),
        ("hit", {"text": "danger", "path": "lib/shop/b.rb", "sev": "should"}, ""),
        ("hit", {"text": "@@\n-safe", "sev": "must"}, ""),
        ("hit", {"text": "deadly", "sev": "must"}, ""),  # by its finding
        ("hit", "dull", "should be asked and is not: neither `when`, `must_when` nor a finding"),
        ("hit", {"text": "danger", "path": "lib/b.rb"}, "should be asked and is not"),
        ("hit", {"text": "danger", "sev": "must"}, "should be asked as a must, but is asked as a"),
        ("miss", "dull", ""),
        ("miss", "# danger", ""),
        ("miss", {"text": "danger", "path": "lib/b.rb"}, ""),
        ("miss", "danger", "should not be asked, but is asked as a should"),
    ],
)
def test_a_question_is_asked_of_its_samples_or_is_not(kind, sample, why):
    found = asking(**{kind: [sample]})
    assert len(found) == bool(why)
    assert all(one.startswith(why) for one in found)


def test_samples_come_in_their_order_with_their_places():
    detect = DETECT | {"path_hit": ["shop/a.py", "shop/b.py"], "path_miss": ["a.py"]}
    found = samples(pack({"hit": ["danger"], "miss": ["safe"]}, detect).part)
    assert found == (
        Sample("path_hit", "shop", "shop/a.py", ("detect", "path_hit", 0)),
        Sample("path_hit", "shop", "shop/b.py", ("detect", "path_hit", 1)),
        Sample("path_miss", "shop", "a.py", ("detect", "path_miss", 0)),
        Sample("hit", "SHOP-001", "danger", ("hazards", 0, "hit", 0)),
        Sample("miss", "SHOP-001", "safe", ("hazards", 0, "miss", 0)),
    )


@pytest.mark.parametrize(
    ("kind", "path", "why"),
    [
        ("path_hit", "src/shop/a.py", None),
        ("path_miss", "src/a.py", None),
        (
            "path_hit",
            "src/a.py",
            "should flag the area and does not: no glob of `paths` matches it",
        ),
        (
            "path_hit",
            "shop/tests/a.py",
            "should flag the area and does not: `exclude` has `**/tests/**`",
        ),
        ("path_miss", "src/shop/a.py", "should not flag the area, but `paths` has `**/shop/**`"),
    ],
)
def test_a_path_flags_or_does_not(kind, path, why):
    assert whys(detect=DETECT | {kind: [path]}) == ([why] if why else [])


def test_a_path_is_no_path_miss_where_only_its_line_would_flag_it():
    assert whys(detect=DETECT | {"diff": ["."], "path_miss": ["src/a.py"]}) == []


@pytest.mark.parametrize(
    ("rule", "hit", "miss"),
    [
        ({}, "x\ndanger", "safe"),
        ({"unless": "ok"}, "danger", "danger ok"),
        ({"unless": "ok", "unless_scope": "+1"}, "danger\n\nok", "danger\nok"),
        ({"unless": "ok", "unless_scope": "file"}, "danger", "ok\n\n\n\ndanger"),
        ({"unless": "ok", "unless_scope": "block"}, "danger {\n}\nok", "danger {\n  ok\n}"),
        (
            {"unless": "ok", "unless_scope": "block"},
            "@@\n+danger {\n }",
            "@@\n+danger {\n   ok\n }",
        ),
        ({"requires": "^ok"}, "@@\n ok\n\n+danger", "danger"),
        ({"requires_removed": "ok"}, "@@\n-ok\n+danger", "@@\n+danger"),
        ({"side": "removed"}, "@@\n-danger", "@@\n-danger\n+danger"),
        ({"side": "removed"}, "@@ -1 +1 @@\n-danger\n\\ No newline at end of file", "danger"),
        ({"unit": "statement", "match": "a.*b"}, "a\nb;", "a;\nb;"),
        ({"skip_rollback": True}, "def up():\n    danger", ROLLBACK),
        ({"dialect": "mysql"}, "danger", "safe"),
        ({"scope": "code"}, "danger", "safe"),
        ({"scope": "code", "exclude_files": ["**/*.py"]}, "danger", "safe"),
        ({"files": ["**/test_*.py"]}, "danger", "safe"),
        ({"files": ["**"]}, "danger", "safe"),
        ({"match": "^$"}, "a\n\nb\n", "a\nb\n"),
    ],
)
def test_a_rule_holds_to_its_samples(rule, hit, miss):
    assert whys(rule | {"hit": [hit], "miss": [miss]}) == []
    turned = whys(rule | {"hit": [miss], "miss": [hit]})
    assert [why.split(":")[0].split(",")[0] for why in turned] == [
        "should be found and is not",
        "should not be found",
    ]


@pytest.mark.parametrize(
    ("rule", "hit", "why"),
    [
        ({}, "safe", "`match` matches in no added line"),
        ({"side": "removed"}, "@@\n-safe", "`match` matches in no removed line"),
        ({}, "@@\n-danger\n+safe", "`match` matches, but not in a line that is added"),
        (
            {"side": "removed"},
            "danger",
            "it has no removed line; begin it with `@@`, and its lines with signs",
        ),
        ({}, "@@\n-danger", "it has no added line"),
        (
            {"side": "removed"},
            "@@\n-danger\n+  danger",
            "the removed line is added again: it has only moved",
        ),
        ({"unit": "statement"}, "safe\nsafe;", "`match` matches in no statement"),
        (
            {"unit": "statement"},
            "@@\n danger\n+safe;",
            "`match` matches, but not in a statement that begins in an added line",
        ),
        ({"unless": "ok"}, "danger ok", "`unless` matches in the line"),
        ({"unless": "ok", "unit": "statement"}, "danger\nok", "`unless` matches in the statement"),
        (
            {"unless": "ok", "unless_scope": "~1"},
            "danger\nok",
            "`unless` matches in the line and the 1 above and 1 below",
        ),
        ({"unless": "ok", "unless_scope": "file"}, "danger\n\nok", "`unless` matches in the file"),
        (
            {"unless": "ok", "unless_scope": "block"},
            "danger {\n  ok\n}",
            "`unless` matches in the block",
        ),
        (
            {"unless_in_block": "ok"},
            "a {\n  danger\n  ok\n}",
            "`unless_in_block` matches in the block",
        ),
        (
            {"unless": "ok", "unless_scope": "nearest", "nearest": "^def"},
            "def ok():\n\n  danger",
            "`unless` matches in the line that is nearest",
        ),
        ({"requires": "ok"}, "danger", "`requires` does not match in the file"),
        ({"requires_removed": "ok"}, "danger", "`requires_removed` matches in no removed line"),
        ({"skip_rollback": True}, ROLLBACK, "the line undoes a migration, see `skip_rollback`"),
        (
            {"skip_new_table": True, "match": "drop (?P<table>\\w+)"},
            "create table a (\ndrop a",
            "the sample makes the table itself, see `skip_new_table`",
        ),
        (
            {"unless": "danger", "requires": "ok"},
            "danger",
            "`unless` matches in the line and `requires` does not match in the file",
        ),
    ],
)
def test_a_hit_that_is_not_found_is_explained(rule, hit, why):
    assert whys(rule | {"hit": [hit]}) == [f"should be found and is not: {why}"]


@pytest.mark.parametrize(
    ("rule", "miss", "why"),
    [
        ({}, "a\n  danger", "`match` matches line 2: danger"),
        (
            {"unless": "ok"},
            "danger",
            "`match` matches line 1: danger, and `unless` does not match in the line",
        ),
        (
            {"side": "removed"},
            "@@\n-danger\n b",
            "`match` matches line 1: danger",
        ),
    ],
)
def test_a_miss_that_is_found_is_explained(rule, miss, why):
    assert whys(rule | {"miss": [miss]}) == [f"should not be found, but {why}"]


@pytest.mark.parametrize(
    ("rule", "detect", "why"),
    [
        (
            {"files": ["**/vendor/**"]},
            DETECT,
            "`files` and `exclude_files` leave no path at which it could be tried",
        ),
        (
            {"scope": "code", "exclude_files": ["**"]},
            DETECT,
            "`files` and `exclude_files` leave no path at which it could be tried",
        ),
        (
            {"exclude_files": ["src/**"]},
            DETECT,
            "no path that flags the area is known: give one as `path_hit`",
        ),
        (
            {},
            {"labels": ["shop"]},
            "`detect` has neither `paths` nor `diff`, so no file belongs to the area",
        ),
    ],
)
def test_a_rule_that_reads_no_file_is_told(rule, detect, why):
    samples_of_both = {"hit": ["danger"], "miss": ["safe"]}
    assert whys(rule | samples_of_both, detect) == [f"should be found and is not: {why}"]


def test_a_path_hit_is_where_samples_are_tried():
    detect = DETECT | {"path_hit": ["lib/shop/a.py"]}
    assert whys({"exclude_files": ["src/**"], "hit": ["danger"]}, detect) == []


def test_in_an_area_that_lines_flag_samples_need_not_hold_such_lines():
    detect = {"diff": ["stripe"], "diff_files": ["**/*.go"]}
    assert whys({"hit": ["danger"], "miss": ["safe"]}, detect) == []
    assert whys({"hit": ["danger"], "miss": ["safe"]}, {"diff": ["stripe"]}) == []


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("**/*.py", "src/sample.py"),
        ("**/*.y*ml", "src/sample.yml"),
        ("**/Dockerfile*", "src/Dockerfile"),
        ("**/db/**/*.sql", "src/db/sample.sql"),
        ("**/shop/**", "src/shop/sample.py"),
        ("/infra/", "infra/sample.py"),
        ("**/*", "src/sample"),
        ("a?.[ch]", "ax.c"),
        ("**/x[!a-z]y\\!", None),
    ],
)
def test_a_path_is_made_up_for_a_glob(glob, path):
    assert paths((glob,)) == ((path,) if path else ())


def test_a_plain_sample_is_a_new_file():
    file, text = written("a\n\nb\n", "x.py")
    assert (file.status, file.additions, file.deletions, text) == ("added", 3, 0, "a\n\nb")
    assert file.patch == "@@ -0,0 +1,3 @@\n+a\n+\n+b"


def test_a_diff_keeps_its_signs_and_its_hunks():
    file, text = written("@@ -9,9 +9,9 @@ def a():\n a\n-b\n+c\n\n@@\n+d\n e", "x.py")
    assert (file.status, file.additions, file.deletions) == ("modified", 2, 1)
    assert text == "a\nc\n\nd\ne"
    rows = [(row.sign, row.text, row.number, row.hunk) for row in lines(file.patch)]
    assert rows == [
        (" ", "a", 1, 1),
        ("-", "b", 2, 1),
        ("+", "c", 2, 1),
        (" ", "", 3, 1),
        ("+", "d", 4, 2),
        (" ", "e", 5, 2),
    ]


def test_a_side_without_lines_is_numbered_as_git_does():
    assert written("@@\n-a", "x.py")[0].patch == "@@ -1,1 +0,0 @@\n-a"
