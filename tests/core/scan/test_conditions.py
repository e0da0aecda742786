from dataclasses import replace

import pytest

from ghapp.core.areas import Clause, Combined, InFile
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.conditions import HOLDS, Scene, holds, in_file
from ghapp.core.scan.triggers import scan
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
        ("title", ("(?i)add",), True),
        ("title", ("remove",), False),
        ("label", ("urgent",), True),
        ("label", ("later",), False),
        ("hazard", ("DBM-001", "DBM-005"), True),
        ("hazard", ("DBM-001",), False),
        ("area", ("database",), True),
        ("area", ("caching",), False),
        ("flagged_by", ("path",), True),
        ("flagged_by", ("label", "size"), False),
        ("files_gte", ("2",), True),
        ("files_gte", ("3",), False),
        ("added_gte", ("3",), True),
        ("added_gte", ("4",), False),
        ("pull_files_gte", ("3",), True),
        ("pull_files_gte", ("4",), False),
        ("pull_added_gte", ("4",), True),
        ("pull_added_gte", ("5",), False),
        ("table_in", ("config.large_tables",), False),
    ],
)
def test_a_clause_looks_at_the_area_or_the_pull(kind, values, expected):
    assert holds(Clause(kind, values), scene()) is expected


def test_every_kind_is_covered_above():
    kinds = {
        row[0]
        for mark in test_a_clause_looks_at_the_area_or_the_pull.pytestmark
        for row in mark.args[1]
    }
    assert kinds == set(HOLDS)


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
