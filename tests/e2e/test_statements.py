"""How many statements and transactions an opened pull request costs; -s prints them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ghapp.store.sql import Connection
from ghapp.worker import worker
from tests.e2e.world import PATIENCE_SECONDS, World, opened, quiet, running

CONTROL = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")
# What a process does now and then, whatever is delivered.
BESIDE = ("turns", "readings", "failed_deliveries")

Transaction = list[str]  # of statements


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Transaction]]:
    """The transactions that are committed meanwhile, of all threads."""
    done: list[Transaction] = []
    under_way: dict[int, Transaction] = {}
    begin, run, run_each = Connection.begin, Connection.run, Connection.run_each
    commit = Connection.commit

    def begun(self: Connection, words: str) -> None:
        under_way[id(self)] = []
        begin(self, words)

    def ran(self: Connection, sql: str, *given: Any) -> Any:
        if not sql.startswith(CONTROL):
            under_way[id(self)].append(sql)
        return run(self, sql, *given)

    def ran_each(self: Connection, sql: str, *given: Any, **how: Any) -> Any:
        under_way[id(self)].append(sql)
        return run_each(self, sql, *given, **how)

    def committed(self: Connection) -> None:
        commit(self)
        statements = under_way.pop(id(self))
        if not any(name in sql for sql in statements for name in BESIDE):
            done.append(statements)

    patches = {"begin": begun, "run": ran, "run_each": ran_each, "commit": committed}
    with monkeypatch.context() as patched:
        for name, function in patches.items():
            patched.setattr(Connection, name, function)
        yield done


def settled(world: World, done: list[Transaction]) -> None:
    """Until nothing is done any more; to ask the database would be counted."""
    world.github.settle(PATIENCE_SECONDS)
    before = -1
    for _ in range(int(PATIENCE_SECONDS)):
        if before == len(done):
            return
        before = len(done)
        time.sleep(1.0)
    raise AssertionError("transactions go on without end")


def cost(world: World, monkeypatch: pytest.MonkeyPatch, branch: str) -> tuple[int, int, int]:
    """Statements, transactions, and how many of these write; without those of the push."""
    with counting(monkeypatch) as done:
        pull = opened(world.repository, branch=branch)
        settled(world, done)
    assert pull.check_runs()
    mine = [one for one in done if not is_push(one)]
    for transaction in mine:
        print()
        for sql in transaction:
            print(" ".join(sql.split())[:120])
    writing = [one for one in mine if not all(sql.startswith("SELECT") for sql in one)]
    return sum(map(len, mine)), len(mine), len(writing)


def is_push(transaction: Transaction) -> bool:
    """The delivery of the push to the branch, which marks no key."""
    tables = [sql.split()[2] for sql in transaction if sql.startswith("INSERT")]
    return tables == ["deliveries", "pushes", "pushed_commits"]


@pytest.mark.parametrize(("kind", "most"), [("sqlite", 15), ("postgresql", 16)])
def test_an_opened_pull_request_takes_few_statements_in_four_transactions(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    kind: str,
    most: int,
) -> None:
    monkeypatch.setattr(worker, "POLL_SECONDS", 600.0)  # else polling would be counted
    url = (
        {} if kind == "sqlite" else {"GHAPP_DATABASE_URL": request.getfixturevalue("postgres_url")}
    )
    with running(tmp_path, **url) as world:
        quiet(world)
        time.sleep(0.5)
        # The first one keeps the policies of the repository and of its organisation as well.
        assert cost(world, monkeypatch, "first") == (most + 1, 4, 3)
        assert cost(world, monkeypatch, "second") == (most - 1, 4, 3)
