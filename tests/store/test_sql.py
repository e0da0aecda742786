"""Statements in the drivers' own words: the same on both databases, and served by their indexes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import bindparam, insert, select, text, update

from ghapp.errors import Busy
from ghapp.store.engine import connected
from ghapp.store.migrate import migrated
from ghapp.store.schema import follow_ups, turns
from ghapp.store.sql import Connection, Connections, DriverError, Statement, one_of
from ghapp.store.transactions import once, persistent, translated

PUT = Statement(insert(turns))
LATER = Statement(update(turns).where(turns.c.name == bindparam("of")).values(taken_at=9.0))
ALL = Statement(select(turns).order_by(turns.c.name))
SOME = Statement(select(turns.c.name).where(one_of(turns.c.name, "names")).order_by(turns.c.name))
ROWS = [{"name": name, "taken_at": 1.5} for name in ("a", "it's", "b %s :c", "日本")]


@contextmanager
def connections(url: str) -> Iterator[Connections]:
    engine = connected(url, 2)
    migrated(engine, change=True)
    made = Connections(engine)
    yield made
    made.close()


@pytest.fixture
def known(empty_database_url: str) -> Iterator[Connections]:
    with connections(empty_database_url) as made:
        once(made, lambda one: one.change_each(PUT, ROWS), writes=True)
        yield made


def test_rows_have_the_names_of_their_columns(known: Connections) -> None:
    rows = once(known, lambda one: one.rows(ALL))
    assert {(row.name, row.taken_at) for row in rows} == {
        (one["name"], one["taken_at"]) for one in ROWS
    }


@pytest.mark.parametrize(
    ("names", "found"),
    [([], []), (["a"], ["a"]), (["it's", "x", "日本", "b %s :c"], ["b %s :c", "it's", "日本"])],
)
def test_a_list_may_be_of_any_length(
    known: Connections, names: list[str], found: list[str]
) -> None:
    assert sorted(once(known, lambda one: one.values(SOME, {"names": names}))) == found


def test_what_changes_is_counted(known: Connections) -> None:
    assert once(known, lambda one: one.change(LATER, {"of": "a"}), writes=True) == 1
    assert once(known, lambda one: one.change(LATER, {"of": "x"}), writes=True) == 0
    assert once(known, lambda one: one.rows(ALL)[0].taken_at) == 9.0


def test_nothing_is_none(known: Connections) -> None:
    nobody = Statement(select(turns).where(turns.c.name == bindparam("of")))
    assert once(known, lambda one: one.row(nobody, {"of": "x"})) is None
    assert once(known, lambda one: one.value(nobody, {"of": "x"})) is None


def test_a_flag_is_a_boolean_on_both(known: Connections) -> None:
    row = {"key": "k", "item": "i", "follow_up": "{}", "is_open": True}
    once(known, lambda one: one.change(Statement(insert(follow_ups)), row), writes=True)
    assert once(known, lambda one: one.rows(Statement(select(follow_ups)))[0].is_open) is True


def test_what_failed_leaves_nothing_and_the_connection_goes_on(known: Connections) -> None:
    def twice(one: Connection) -> None:
        one.change(PUT, {"name": "new", "taken_at": 1.0})
        one.change(PUT, {"name": "a", "taken_at": 1.0})

    with pytest.raises(DriverError) as refused:
        once(known, twice, writes=True)
    assert "refused" in str(translated(refused.value))
    assert once(known, lambda one: one.values(SOME, {"names": ["new", "a"]})) == ["a"]


def test_a_lost_connection_is_replaced(empty_postgres_url: str) -> None:
    pid = Statement(text("SELECT pg_backend_pid()"))
    end = Statement(text("SELECT pg_terminate_backend(:pid)"))
    with connections(empty_postgres_url) as made:
        other = made.take()
        first = once(made, lambda one: one.value(pid))
        other.value(end, {"pid": first})
        with pytest.raises(DriverError) as gone:
            once(made, lambda one: one.value(pid))
        assert gone.value.lost
        assert persistent(lambda: once(made, lambda one: one.value(pid))) not in (None, first)
        made.give_back(other)


def test_with_one_the_idle_ones_are_given_up(empty_postgres_url: str) -> None:
    """Else each of them would fail by itself when the server was away."""
    pid = Statement(text("SELECT pg_backend_pid()"))
    with connections(empty_postgres_url) as made:
        idle, ended = made.take(), made.take()
        known = {idle.value(pid), ended.value(pid)}
        idle.undo()
        made.give_back(idle)
        ended.lost = True
        made.give_back(ended)
        assert once(made, lambda one: one.value(pid)) not in known


def test_no_server_is_told_as_such() -> None:
    made = Connections(connected("postgresql://nobody:secret@127.0.0.1:9/none", 1))
    with pytest.raises(DriverError) as refused:
        once(made, lambda one: one.rows(ALL))
    told = translated(refused.value)
    assert isinstance(told, Busy)
    assert "secret" not in str(told)


def test_a_list_is_searched_by_index(known: Connections) -> None:
    def plan(one: Connection) -> str:
        words = SOME.on(one.dialect, ["names"])
        given = words.given({"names": ["a"]})
        postgresql = one.is_postgresql
        if postgresql:  # which reads a table so small as a whole
            one.run("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN" if postgresql else "EXPLAIN QUERY PLAN"
        return str(one.run(f"{explain} {words.sql}", given).fetchall())

    told = once(known, plan)
    assert "Index" in told if "Scan" in told else "SEARCH turns" in told
