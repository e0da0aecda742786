"""What each release of ghapp said to its database, word for word, so that it can be said again.

uv run python -m tests.contract.recorded SQLITE-URL POSTGRESQL-URL

prints what the ghapp at hand says to two empty databases: kept as `data/REVISION.json` before the
next revision of the schema is made (docs/decisions/0006-schema-changes.md).
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sqlalchemy

from ghapp.core.model import Push, RepositoryKey
from ghapp.core.records import Shown
from ghapp.core.redelivery import Attempt, Position
from ghapp.store.connection import NONE, Connection
from ghapp.store.statements import Parameters
from tests.store.stores import (
    EFFECTS,
    HEAD,
    KEY,
    NOON,
    OTHER,
    SHOP,
    admitted,
    comment,
    delivery,
    entry,
    opened,
    run,
    verdict,
)

DATA = Path(__file__).with_name("data")
ROUTINE = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "SET", "PRAGMA")

Statement = dict[str, Any]


def recorded(revision: str, kind: str) -> list[Statement]:
    """What the last ghapp of that revision said. kind: sqlite | postgresql."""
    found: dict[str, list[Statement]] = json.loads((DATA / f"{revision}.json").read_text("utf-8"))
    return found[kind]


def revisions() -> list[str]:
    return sorted(path.stem for path in DATA.glob("*.json"))


def say(connection: sqlalchemy.Connection, statement: Statement) -> None:
    """As the driver was told it then. Raises what the database does."""
    given = _decoded(statement["parameters"])
    connection.exec_driver_sql(statement["sql"], given).close()


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"base64"}:
            return base64.b64decode(value["base64"])
        return {name: _decoded(one) for name, one in value.items()}
    return [_decoded(one) for one in value] if isinstance(value, list) else value


def _encoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {name: _encoded(one) for name, one in value.items()}
    return [_encoded(one) for one in value] if isinstance(value, list | tuple) else value


# --- recording ---------------------------------------------------------------------------


@contextmanager
def _listening(heard: list[Statement]) -> Iterator[None]:
    run, run_each = Connection.run, Connection.run_each

    def hear(sql: str, parameters: object) -> None:
        if not sql.startswith(ROUTINE):
            heard.append({"sql": sql, "parameters": _encoded(parameters)})

    def heard_run(self: Connection, sql: str, parameters: Parameters = NONE) -> Any:
        hear(sql, parameters)
        return run(self, sql, parameters)

    def heard_run_each(self: Connection, sql: str, rows: list[Parameters]) -> None:
        hear(sql, rows)
        run_each(self, sql, rows)

    with (
        patch.object(Connection, "run", heard_run),
        patch.object(Connection, "run_each", heard_run_each),
    ):
        yield


async def _recorded(url: str) -> list[Statement]:
    """A story in which everything is said once."""
    heard: list[Statement] = []
    push = Push(HEAD, "ann", NOON)
    branch = RepositoryKey(SHOP)
    failed = Attempt(1, "failed", NOON, 502)
    async with opened(url) as store:
        with _listening(heard):
            said = {"messages": (comment(1),), "push": push, "pushed_to": KEY, "fresh_at": NOON}
            await store.accept(delivery(id="old-1", **said, changed_files=3))
            await store.accept(delivery(branch, id="old-2", push=push, pushed_to=branch))
            await store.accept(delivery(OTHER, id="old-3", touched=True))
            claims = {claim.key: claim for claim in await store.claim(9)}
            await store.renew(claims.values())
            await store.recall(KEY)
            claim = claims[KEY]
            await admitted(store, claim, entry("comment:1"), judged=("comment:1",))
            await store.intend(claim, EFFECTS)
            await store.record(claim, run(verdict(KEY), Shown(HEAD, NOON)))
            await store.finish(claim)
            await store.put_off(claims[OTHER], after_seconds=0, counts=True, error="500")
            await store.put_off(claims[branch], after_seconds=0, counts=False, error="lags")
            await store.mark_dirty([OTHER])
            await store.seen(SHOP)
            await store.take_turn("sweep", 60.0)
            await store.mark_pending(5.0)
            await store.retry_parked()
            await store.health()
            await store.parked()
            await store.attempts_read()
            await store.take_failed()
            await store.note_attempts((failed,), Position(NOON, "", NOON))
            await store.prune(3600.0)
    return heard


def _printed(kinds: dict[str, list[Statement]]) -> str:
    """JSON, a statement a line."""
    lists = [
        f' "{kind}": [\n' + ",\n".join(f"  {json.dumps(one)}" for one in heard) + "\n ]"
        for kind, heard in kinds.items()
    ]
    return "{\n" + ",\n".join(lists) + "\n}"


if __name__ == "__main__":
    urls = dict(zip(("sqlite", "postgresql"), sys.argv[1:], strict=True))
    print(_printed({kind: asyncio.run(_recorded(url)) for kind, url in urls.items()}))
