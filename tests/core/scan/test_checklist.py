from dataclasses import replace

import pytest

from ghapp.core.areas import (
    Area,
    Clause,
    Combined,
    Detect,
    Finding,
    InFile,
    Item,
    SameAs,
    Size,
    Text,
)
from ghapp.core.model import MOST_FILES, File
from ghapp.core.policy.locks import Kept
from ghapp.core.policy.policy import Features, Policy
from ghapp.core.scan.checklist import checklist, is_feature
from ghapp.core.scan.fingerprint import fingerprint
from ghapp.core.scan.patch import changed_file
from ghapp.core.scan.scan import scan
from tests.core.pulls import PULL, file


def item(name, severity="must", when=None, same_as=None):
    return Item(name, severity, "cost", Text(name, name), when=when, same_as=same_as)


def area(name, *items, weight=3, **detect):
    detect = Detect(paths=(f"{name}/**",), **detect)
    return Area(name, Text(name, name), weight, detect, items or (item(f"{name}-1"),))


def asked(*areas, files=None, findings=(), pull=PULL, **policy):
    files = tuple(file(f"{one.id}/x.py", "x") for one in areas) if files is None else files
    rules = Policy(areas=areas, **policy)
    return checklist(scan(replace(pull, files=tuple(files)), rules), rules, tuple(findings))


def finding(item_id, area_id, hazard="H-1", severity="should"):
    path = f"{area_id}/x.py"
    return Finding(hazard, severity, item_id, area_id, path, 1, Text("message", "伝言"))


def ids(found):
    return {one.area.id: [item.id for item in one.items] for one in found.flagged}


def test_areas_come_heaviest_first_then_by_id_each_with_its_own_files():
    found = asked(area("c", weight=1), area("b", weight=5), area("a", weight=1))
    assert [one.area.id for one in found.flagged] == ["b", "a", "c"]
    assert [file.path for file in found.flagged[0].files] == ["b/x.py"]
    assert found.flagged[0].hits[0].path == "b/x.py"
    changes = tuple(changed_file(one) for one in found.flagged[0].files)
    assert found.flagged[0].fingerprint == fingerprint(changes)


def test_only_locked_areas_vouch_for_files_that_nobody_could_read():
    unread = [File("b/x.sql", "added", 25_000)]
    areas = area("a", diff=("x",)), area("b")
    assert asked(*areas, files=unread).unread == ()
    assert asked(*areas, files=unread, kept=Kept(frozenset({"a"}))).unread == ("b/x.sql",)
    assert asked(*areas, files=unread, kept=Kept(frozenset({"b"}))).unread == ()


def test_questions_of_locked_areas_are_asked_first():
    areas = area("a", weight=1), area("b", item("b-1"), item("b-2"), weight=5)
    assert asked(*areas, max_items=1).shown == {"b-1"}
    assert asked(*areas, max_items=1, kept=Kept(items=frozenset({"a-1"}))).shown == {"a-1"}


def test_a_pull_that_touches_nothing_is_clear():
    found = asked(area("a"), files=[file("b/x.py", "x")])
    assert found.flagged == ()
    assert found.shown == frozenset()
    assert found.complete
    assert not found.feature


def test_an_area_without_applicable_item_is_not_flagged_but_may_be_hinted_at():
    quiet = area("a", item("a-1", when=Clause("diff", ("never",))), title="(?i)column")
    found = asked(quiet)
    assert found.flagged == ()
    assert found.hints == ("a",)
    assert asked(area("a", title="(?i)column")).hints == ()


def test_files_that_the_policy_ignores_are_no_files_at_all():
    files = [
        file("a/README.md", "x"),
        file("docs/a.py", "x", status="renamed", previous="docs/b.py"),
        file("a/moved.py", "x", status="renamed", previous="docs/moved.py"),
        file("docs/moved.py", "x", status="renamed", previous="a/gone.py"),
    ]
    found = asked(area("a"), files=files)
    assert [file.path for file in found.flagged[0].files] == ["a/moved.py", "docs/moved.py"]
    assert asked(area("a"), files=files[:2]).flagged == ()


def test_what_nobody_could_read_is_named_unless_the_policy_ignores_it():
    files = [File(path, "added", 25_000) for path in ("a/x.py", "b.py", "docs/c.py", "d.py")]
    assert asked(area("a", diff=("x",)), files=files).unread == ("b.py", "d.py")
    assert asked(area("a"), files=files).unread == ()


def test_items_come_by_severity_and_in_the_order_of_the_pack():
    items = [item("1", "could"), item("2", "must"), item("3", "should"), item("4", "must")]
    assert ids(asked(area("a", *items))) == {"a": ["2", "4", "3", "1"]}


def test_the_list_is_cut_by_severity_then_by_weight():
    light = area("light", item("l1", "must"), item("l2", "should"), weight=1)
    heavy = area("heavy", item("h1", "could"), item("h2", "should"), weight=5)
    assert asked(light, heavy, max_items=2).shown == {"l1", "h2"}
    assert asked(light, heavy, max_items=3).shown == {"l1", "h2", "l2"}
    assert ids(asked(light, heavy, max_items=1)) == {"heavy": ["h2", "h1"], "light": ["l1", "l2"]}


def test_a_finding_brings_its_item_to_the_front_and_raises_it():
    never = Clause("diff", ("never",))
    one = area("a", item("a1", "must"), item("a2", "could", never), item("a3", "could", never))
    found = asked(one, findings=[finding("a2", "a", severity="must")], max_items=1)
    assert ids(found) == {"a": ["a2", "a1"]}
    assert found.flagged[0].items[0].severity == "must"
    assert found.shown == {"a2"}
    mild = asked(one, findings=[finding("a2", "a")]).flagged[0]
    assert [(item.id, item.severity) for item in mild.items] == [("a2", "could"), ("a1", "must")]


ALWAYS, NEVER = Clause("diff", ("x",)), Clause("diff", ("never",))


@pytest.mark.parametrize(
    ("when", "must_when", "severity"),
    [
        (ALWAYS, NEVER, "should"),
        (ALWAYS, ALWAYS, "must"),
        (NEVER, ALWAYS, "must"),
        (NEVER, NEVER, None),
        (None, NEVER, "should"),
    ],
)
def test_what_shows_the_risk_itself_makes_a_question_a_must(when, must_when, severity):
    one = area("a", replace(item("a-1", "should", when), must_when=must_when))
    found = [item.severity for one in asked(one).flagged for item in one.items]
    assert found == ([severity] if severity else [])


def test_a_touch_is_enough_for_an_area_that_says_so():
    quiet = area("a", item("a-1", when=NEVER))
    assert asked(quiet).flagged == ()
    (touched,) = asked(replace(quiet, flag="touch")).flagged
    assert (touched.items, touched.fingerprint != "") == ((), True)


def test_a_label_forces_an_area_in_whether_or_not_a_question_is_left():
    quiet = area("a", item("a-1", when=NEVER))
    pull = replace(PULL, labels=frozenset({"nfr/area: a"}))
    (forced,) = asked(quiet, pull=pull).flagged
    assert forced.items == ()


@pytest.mark.parametrize("flag", ["touch", "evidence"])
def test_a_file_with_nothing_but_comments_changed_touches_no_area(flag):
    files = [file("a/x.py", "# new", removed=["# old"]), file("b/x.py", "x")]
    found = asked(replace(area("a"), flag=flag), area("b"), files=files)
    assert [one.area.id for one in found.flagged] == ["b"]


def test_a_moved_file_counts_by_its_new_place_whatever_its_comments_say():
    files = [file("a/x.py", "# new", status="renamed", previous="c/x.py")]
    assert ids(asked(area("a"), area("b"), files=files)) == {"a": ["a-1"]}
    inside = [file("a/x.py", "# new", status="renamed", previous="a/y.py")]
    assert asked(area("a"), files=inside).flagged == ()


def test_narrow_areas_come_before_what_only_the_size_flags():
    wide = Area(
        "wide", Text("w", "w"), 5, Detect(size=Size(added_lines_gte=1)), (item("w-1"), item("w-2"))
    )
    narrow = area("narrow", item("n-1", "should"), item("n-2", "should"), weight=1)
    assert asked(narrow, wide, max_items=2).shown == {"n-1", "n-2"}
    assert asked(narrow, wide, max_items=3).shown == {"n-1", "n-2", "w-1"}


def test_a_must_that_does_not_fit_is_folded_as_a_should():
    many = area("a", *(item(f"a-{n}") for n in range(9)))
    (found,) = asked(many).flagged
    assert [item.severity for item in found.items] == ["must"] * 7 + ["should"] * 2


@pytest.mark.parametrize(
    ("severity", "found", "when", "asked_at"),
    [
        ("should", "must", NEVER, "must"),
        ("should", "should", NEVER, "should"),
        ("should", "could", NEVER, "could"),
        ("could", "should", NEVER, "could"),
        ("should", "could", ALWAYS, "should"),  # the lines ask it, not the finding
    ],
)
def test_a_mild_finding_asks_no_grave_question(severity, found, when, asked_at):
    one = area("a", item("a-1", severity, when))
    (only,) = asked(one, findings=[finding("a-1", "a", severity=found)]).flagged
    assert [item.severity for item in only.items] == [asked_at]


def test_findings_of_an_area_are_part_of_its_fingerprint():
    plain = asked(area("a"))
    other = asked(area("a"), area("b"), findings=[finding("b1", "b")])
    found = asked(area("a"), findings=[finding("a-1", "a")])
    assert plain.flagged[0].fingerprint == other.flagged[0].fingerprint
    assert plain.flagged[0].fingerprint != found.flagged[0].fingerprint


def test_a_condition_sees_findings_and_areas_of_the_whole_pull():
    one = area("a", item("h", when=Clause("hazard", ("H-1",))), item("b", when=Clause("area", "b")))
    assert ids(asked(one, area("b"), findings=[finding("x", "b")])) == {
        "a": ["h", "b"],
        "b": ["b-1"],
    }
    assert ids(asked(one)) == {}


def test_conditions_look_at_paths_as_the_areas_do():
    sql, tests = InFile(path=("**/*.sql",), exclude=("**/old/**",)), Clause("path", ("**/spec/**",))
    items = (item("a-1", when=sql), item("a-2", when=Combined("any", (tests,))))
    named = [("a/x.sql", ["a-1"]), ("a/old/x.sql", []), ("a/spec/x.rb", ["a-2"]), ("a/x.rb", [])]
    for path, expected in named:
        found = asked(area("a", *items), files=[file(path, "x")])
        assert [one.id for here in found.flagged for one in here.items] == expected


def test_a_large_table_of_the_policy_brings_its_item():
    one = area("a", item("plan", when=Clause("table_in", ("config.large_tables",))))
    files = [file("a/1.sql", "alter table orders")]
    assert ids(asked(one, files=files, large_tables=("orders",))) == {"a": ["plan"]}
    assert ids(asked(one, files=files, large_tables=("users",))) == {}


FIRST = area("pay", item("pay-exactly-once"), weight=5)
SECOND = item("api-idempotency", same_as=SameAs("pay-exactly-once"))


def test_of_two_questions_with_one_answer_the_second_is_left_out():
    api = area("api", SECOND, item("api-other"))
    found = asked(FIRST, api)
    assert ids(found) == {"pay": ["pay-exactly-once"], "api": ["api-other"]}
    assert found.shown == {"pay-exactly-once", "api-other"}


def test_a_question_stays_where_the_other_is_not_shown():
    api = area("api", SECOND, item("api-other"))
    assert "api-idempotency" in ids(asked(FIRST, api, max_items=1))["api"]
    assert "api-idempotency" in ids(asked(api))["api"]


def test_an_area_keeps_its_last_question():
    assert ids(asked(FIRST, area("api", SECOND)))["api"] == ["api-idempotency"]


def test_the_place_of_a_question_left_out_goes_to_the_next():
    api = area("api", SECOND, item("api-other", "could"))
    assert asked(FIRST, api, max_items=2).shown == {"pay-exactly-once", "api-other"}


@pytest.mark.parametrize(("path", "left"), [("iac/b.tf", 1), ("src/b.py", 2)])
def test_some_overlap_only_if_all_files_are_the_firsts(path, left):
    iac = area("iac", item("iac-encryption-secrets"))
    same = SameAs("iac-encryption-secrets", within=True)
    cfg = area("cfg", item("cfg-secrets", same_as=same), item("cfg-other"), diff=("secret",))
    cfg = replace(cfg, detect=replace(cfg.detect, paths=(path,)))
    found = asked(iac, cfg, files=[file("iac/a.tf", "x"), file(path, "x")])
    assert len(ids(found)["cfg"]) == left


def test_every_area_shows_a_question_unless_it_has_but_advice():
    many = area("a", *(item(f"a-{number}") for number in range(9)), weight=5)
    few = area("b", item("b-1"), item("b-2"), weight=3)
    advice = area("c", item("c-1", "could"), weight=3)
    found = asked(many, few, advice, max_items=4)
    assert found.shown == {"a-0", "a-1", "a-2", "b-1"}
    assert asked(many, few, max_items=1).shown == {"a-0"}


def test_a_question_with_a_finding_is_never_left_out():
    api = area("api", SECOND, item("api-other"))
    assert len(ids(asked(FIRST, api))["api"]) == 1
    found = asked(FIRST, api, findings=[finding("api-idempotency", "api")])
    assert ids(found)["api"] == ["api-idempotency", "api-other"]


def test_of_the_questions_of_one_area_the_unconditional_overlap_comes_first():
    files = [file("pay/a.py", "x"), file("api/b.py", "x")]
    within = item("api-object", same_as=SameAs("pay-access", within=True))
    pay = area("pay", item("pay-exactly-once"), item("pay-access"), weight=5)
    pay = replace(pay, detect=replace(pay.detect, paths=("**",)))
    assert ids(asked(pay, area("api", within, SECOND), files=files))["api"] == ["api-object"]


def test_an_author_whom_the_policy_ignores_is_asked_nothing():
    pull = replace(PULL, author="Renovate[bot]", files=(file("a/x.py", "x"),))
    policy = Policy(areas=(area("a"),))
    ignored = checklist(scan(pull, policy), policy)
    assert ignored.ignored == "Renovate[bot]"
    assert ignored.flagged == ()
    pushed_by_others = checklist(scan(pull, policy, only_author_pushed=False), policy)
    assert pushed_by_others.ignored == ""
    assert ids(pushed_by_others) == {"a": ["a-1"]}


@pytest.mark.parametrize(
    ("changes", "complete"),
    [
        ({"changed_files": MOST_FILES}, True),
        ({"changed_files": MOST_FILES + 1}, False),
        ({"complete": False}, False),
    ],
)
def test_above_githubs_limit_the_list_is_incomplete(changes, complete):
    assert asked(area("a"), pull=replace(PULL, **changes)).complete is complete
    many = [file(f"{number}.py") for number in range(MOST_FILES + 1)]
    assert not asked(area("a"), files=many).complete


def test_a_feature_is_one_by_the_files_that_count():
    assert asked(area("a"), pull=replace(PULL, title="feat: x")).feature


def test_a_change_reopens_only_the_answers_that_are_about_it():
    one = area("a", item("a-all"), item("a-drop", when=Clause("diff", ("DROP",))))
    before = [file("a/1.sql", "DROP x"), file("a/2.sql", "y")]
    elsewhere = [before[0], file("a/2.sql", "z")]
    inside = [file("a/1.sql", "DROP xx"), before[1]]

    def marks(files, findings=()):
        (found,) = asked(one, files=files, findings=findings).flagged
        return found.fingerprint, found.marks["a-all"], found.marks["a-drop"]

    area_was, all_was, drop_was = marks(before)
    assert all_was == area_was != drop_was
    area_is, all_is, drop_is = marks(elsewhere)
    assert (area_is != area_was, all_is != all_was, drop_is == drop_was) == (True, True, True)
    assert marks(inside)[2] != drop_was


def test_a_new_finding_reopens_the_answers_to_its_own_item():
    one = area("a", item("a-drop", when=Clause("diff", ("DROP",))), item("a-lock"))
    files = [file("a/1.sql", "DROP x"), file("a/2.sql", "y")]
    at = replace(finding("a-lock", "a"), path="a/2.sql")
    (before,) = asked(one, files=files).flagged
    (after,) = asked(one, files=files, findings=[at]).flagged
    (unsure,) = asked(one, files=files, findings=[replace(at, unsure=True)]).flagged
    assert after.marks["a-drop"] == before.marks["a-drop"]
    assert after.marks["a-lock"] != before.marks["a-lock"]
    assert unsure.marks == before.marks


NO_RULES = Features((), (), ())


@pytest.mark.parametrize(
    ("changes", "features", "expected"),
    [
        ({}, Features(), False),
        ({"labels": frozenset({"Feature"})}, Features(), True),
        ({"labels": frozenset({"feature"})}, NO_RULES, False),
        ({"title": "feat(cart)!: pay later"}, Features(), True),
        ({"title": "決済の新機能"}, Features(), True),
        ({"title": "a feat: no"}, Features(), False),
        ({"head_ref": "feature/pay/later"}, Features(), True),
        ({"head_ref": "feat/x"}, Features(), True),
        ({"head_ref": "my/feature/x"}, Features(), False),
        ({"files": (file("a", "1", "2"), file("b", "3"))}, replace(NO_RULES, added_lines=3), True),
        ({"files": (file("a", "1", "2"), file("b", "3"))}, replace(NO_RULES, added_lines=4), False),
        ({"files": (file("a", "1"),)}, NO_RULES, False),
    ],
)
def test_any_rule_makes_a_feature(changes, features, expected):
    assert is_feature(replace(PULL, **changes), features) is expected
