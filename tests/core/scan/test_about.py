"""Which files of its area an item is about: by these its answers hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.areas import Clause, Combined, InFile, Item, Text, When
from ghapp.core.scan.conditions import MOST_FILES, Scene, about
from ghapp.core.scan.patch import change
from ghapp.core.scan.triggers import Touch
from tests.core.build import finding
from tests.core.pulls import PULL, file

QUESTION = Item("lock", "must", "migration", Text("Locks?", "ロック？"))
DROPS = Clause("diff", ("(?i)drop",))
FILES = (
    file("db/1.sql", "DROP TABLE a"),
    file("db/2.sql", "ALTER TABLE orders"),
    file("db/3.sql", removed=("CREATE INDEX i",)),
    file("app/models.py", "x = 1"),
)


def scene(*files, tables=()):
    changes = tuple(change(one) for one in files or FILES)
    return Scene(replace(PULL, files=files), Touch((), changes, changes), tables=tables)


def paths(when: When | None, *findings, **more) -> list[str]:
    item = replace(QUESTION, when=when)
    return [one.file.path for one in about(item, scene(**more), findings)]


EVERY = [one.path for one in FILES]


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
def test_an_item_is_about_the_files_that_its_condition_names(when, expected) -> None:
    assert paths(when, tables=("orders",)) == expected


def test_an_item_is_about_the_files_of_its_findings_too() -> None:
    assert paths(None, finding(path="db/2.sql")) == ["db/2.sql"]
    assert paths(DROPS, finding(path="db/2.sql")) == ["db/1.sql", "db/2.sql"]


def test_no_large_table_is_named_where_the_policy_has_none() -> None:
    assert paths(Clause("table_in", ("large_tables",))) == EVERY


def test_an_item_of_a_very_large_area_is_about_all_of_it() -> None:
    many = tuple(file(f"db/{n}.sql", "DROP TABLE a" if n == 1 else "x") for n in range(MOST_FILES))
    item = replace(QUESTION, when=DROPS)
    assert len(about(item, scene(*many), ())) == 1
    assert len(about(item, scene(*many, file("db/more.sql", "x")), ())) == MOST_FILES + 1
