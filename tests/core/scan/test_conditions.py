from dataclasses import replace

import pytest

from ghapp.core.areas import Area, AtLeast, Clause, Combined, Detect, InFile, Item, Text
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.conditions import (
    COUNTS,
    FINDS,
    MOST_NAMED,
    NewLines,
    Scene,
    about,
    holds,
    in_file,
)
from ghapp.core.scan.patch import changed_file
from ghapp.core.scan.scan import Touch, scan
from tests.core.build import finding
from tests.core.pulls import AREA, PULL, file

FILES = (
    file("migrations/1.sql", "alter table orders", "add_column :x", removed=["drop table 注文"]),
    file("migrations/2.sql", "x", status="renamed", previous="old/2.sql"),
    file("src/a.py", "delete from t"),
)


def scene(**changes):
    pull = replace(PULL, files=FILES, labels=frozenset({"Urgent"}))
    found = scan(pull, Policy(areas=(AREA,))).touched[AREA.id]
    return Scene(pull, found, frozenset({"DBM-005"}), frozenset({"database"}), **changes)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("diff", ("^add_", "nothing"), True),
        ("diff", ("delete from",), False),  # not a file of the area
        ("diff", ("drop table",), False),
        ("diff", (r"orders\nadd",), False),  # one line at a time
        ("diff", ("x*",), True),
        ("removed", ("(?i)DROP",), True),
        ("removed", ("alter",), False),
        ("path", ("**/1.sql",), True),
        ("path", ("old/**",), True),
        ("path", ("src/**",), False),
        ("hazard", ("DBM-001", "DBM-005"), True),
        ("hazard", ("DBM-001",), False),
        ("area", ("database",), True),
        ("area", ("caching",), False),
        ("flagged_by", ("path",), True),
        ("flagged_by", ("label", "size"), False),
        ("table_in", ("config.large_tables",), False),
    ],
)
def test_a_clause_looks_at_the_area_or_the_pull(kind, values, expected):
    assert holds(Clause(kind, values), scene()) is expected


@pytest.mark.parametrize(
    ("kind", "most"),
    [("files_gte", 2), ("added_gte", 3)],
)
def test_a_count_is_that_of_the_area_or_the_pull(kind, most):
    assert holds(AtLeast(kind, most), scene())
    assert not holds(AtLeast(kind, most + 1), scene())


def test_every_kind_is_covered_above():
    for tested, table in (
        (test_a_clause_looks_at_the_area_or_the_pull, FINDS),
        (test_a_count_is_that_of_the_area_or_the_pull, COUNTS),
    ):
        assert {row[0] for mark in tested.pytestmark for row in mark.args[1]} == set(table)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        (("orders",), True),
        (("ORDERS",), True),
        (("注文",), True),
        (("order",), False),
        (("alter.table",), False),
        (("users", "orders"), True),
    ],
)
def test_a_large_table_is_named_as_a_whole_word(tables, expected):
    assert holds(Clause("table_in", ("config.large_tables",)), scene(tables=tables)) is expected


TRUE, FALSE = Clause("area", ("database",)), Clause("area", ("caching",))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (None, True),
        (Combined("any", (FALSE, TRUE)), True),
        (Combined("any", (FALSE, FALSE)), False),
        (Combined("all", (TRUE, TRUE)), True),
        (Combined("all", (TRUE, FALSE)), False),
        (Combined("not", (FALSE,)), True),
        (Combined("not", (Combined("any", (TRUE,)),)), False),
    ],
)
def test_conditions_combine(when, expected):
    assert holds(when, scene()) is expected


SAVED = file("migrations/3.sql", "rename column", status="added")


@pytest.mark.parametrize(
    ("when", "paths"),
    [
        (InFile(path=("**/1.sql",)), ["migrations/1.sql"]),
        (InFile(path=("**/*.sql",), exclude=("**/1.sql",), diff=("^x",)), ["migrations/2.sql"]),
        (InFile(new=True), ["migrations/3.sql"]),
        (InFile(path=("**/1.sql",), diff=("rename",)), []),  # both, but of two files
        (InFile(diff=("alter", "rename")), ["migrations/1.sql", "migrations/3.sql"]),
        (InFile(diff=("alter", "rename"), unless=("column",)), ["migrations/1.sql"]),
        (InFile(diff=("add_|alter",), unless=("alter",)), ["migrations/1.sql"]),
        (InFile(removed=("drop table",)), ["migrations/1.sql"]),
        (InFile(removed=("drop",), unless=("table",)), []),
        (InFile(removed=("drop",), not_diff=("rename",)), ["migrations/1.sql"]),
        (InFile(removed=("drop",), not_diff=("rename", "alter")), []),
        (InFile(path=("src/**",)), []),  # not a file of the area
    ],
)
def test_one_file_has_all_that_is_asked_of_it(when, paths):
    pull = replace(PULL, files=(*FILES, SAVED))
    here = Scene(pull, scan(pull, Policy(areas=(AREA,))).touched[AREA.id])
    assert [one.file.path for one in in_file(when, here)] == paths
    assert holds(when, here) is bool(paths)


# --- which files of its area an item is about: by these its answers hold -----------------

QUESTION = Item("lock", "must", "migration", Text("Locks?", "ロック？"))
DROPS = Clause("diff", ("(?i)drop",))
DB_FILES = (
    file("db/1.sql", "DROP TABLE a"),
    file("db/2.sql", "ALTER TABLE orders"),
    file("db/3.sql", removed=("CREATE INDEX i",)),
    file("app/models.py", "x = 1"),
)


def area_of(*files, tables=()):
    changes = tuple(changed_file(one) for one in files or DB_FILES)
    return Scene(replace(PULL, files=files), Touch((), changes, changes), tables=tables)


def paths(when, *findings, **more):
    item = replace(QUESTION, when=when)
    return [one.file.path for one in about(item, area_of(**more), findings)]


EVERY = [one.path for one in DB_FILES]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (None, EVERY),
        (DROPS, ["db/1.sql"]),
        (Clause("removed", ("INDEX",)), ["db/3.sql"]),
        (Clause("path", ("app/**",)), ["app/models.py"]),
        (Clause("table_in", ("large_tables",)), ["db/2.sql"]),
        (InFile(diff=("(?i)drop",)), ["db/1.sql"]),
        (Clause("label", ("big",)), EVERY),
        (Combined("any", (DROPS, Clause("path", ("app/**",)))), ["db/1.sql", "app/models.py"]),
        (Combined("all", (DROPS, Clause("title", ("x",)))), ["db/1.sql"]),
        (Combined("not", (DROPS,)), EVERY),
        (Combined("all", (Combined("not", (DROPS,)), Clause("diff", ("x =",)))), ["app/models.py"]),
    ],
)
def test_an_item_is_about_the_files_that_its_condition_names(when, expected):
    assert paths(when, tables=("orders",)) == expected


def test_an_item_is_about_the_files_of_its_findings_too():
    assert paths(None, finding(path="db/2.sql")) == ["db/2.sql"]
    assert paths(DROPS, finding(path="db/2.sql")) == ["db/1.sql", "db/2.sql"]


def test_no_large_table_is_named_where_the_policy_has_none():
    assert paths(Clause("table_in", ("large_tables",))) == EVERY


def test_an_item_of_a_very_large_area_is_about_all_of_it():
    many = tuple(file(f"db/{n}.sql", "DROP TABLE a" if n == 1 else "x") for n in range(MOST_NAMED))
    item = replace(QUESTION, when=DROPS)
    assert len(about(item, area_of(*many), ())) == 1
    assert len(about(item, area_of(*many, file("db/more.sql", "x")), ())) == MOST_NAMED + 1


# --- lines that were only moved or laid out anew say nothing new --------------------------


def new_lines(*files):
    """By path the added and the removed lines that are new."""
    changes = [changed_file(one) for one in files]
    found = NewLines(changes)
    return {
        one.file.path: tuple(found.of(one, sign).decode().split() for sign in "+-")
        for one in changes
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([file("a", "charge(x)")], {"a": (["charge(x)"], [])}),
        ([file("a", "  charge(x)", removed=["charge(x)"])], {"a": ([], [])}),
        ([file("a", "f('x');", removed=['f( "x" ),'])], {"a": ([], [])}),
        (
            [file("a", "charge(x)"), file("b", "new(x)", removed=["charge(x)"])],
            {"a": ([], []), "b": (["new(x)"], [])},
        ),
        (
            [file("a", "charge(x)", "charge(x)", removed=["charge(x)"])],
            {"a": (["charge(x)"], [])},  # one of them is new
        ),
        (
            [file("a", "charge(x)", removed=["charge(x)", "charge(x)"])],
            {"a": ([], ["charge(x)"])},
        ),
        ([file("a", "end", removed=["end"])], {"a": (["end"], ["end"])}),
        ([file("a", "charge(x)", removed=["charge(y)"])], {"a": (["charge(x)"], ["charge(y)"])}),
    ],
)
def test_a_line_that_was_moved_is_not_new(files, expected):
    assert new_lines(*files) == expected


def test_no_place_moves():
    one = changed_file(file("a", "x = 1", "  charge(x)", "y = 2", removed=["charge(x)"]))
    found = NewLines([one])
    assert len(found.of(one, "+")) == len(one.added_code)
    assert found.of(one, "+").split(b"\n")[2] == b"y = 2"


@pytest.mark.parametrize("when", [Clause("diff", ("charge",)), InFile(diff=("charge",))])
def test_a_moved_line_asks_no_question(when):
    text = Text("x", "x")
    area = Area(
        "pay", text, 3, Detect(("**",)), (Item("pay-a", "should", "cost", text, when=when),)
    )
    rules = Policy(areas=(area,))

    def asked(*files):
        return bool(checklist(scan(replace(PULL, files=files), rules), rules).flagged)

    assert asked(file("a.py", "charge(x)", removed=["other"]))
    assert not asked(file("a.py", "    charge(x)", "if paid:", removed=["charge(x)"]))
