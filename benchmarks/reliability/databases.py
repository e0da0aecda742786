"""A database of the benchmark's own, SQLite or PostgreSQL, which the oracle may ask, too."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.postgres import FAST, Cluster

KINDS = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Database:
    """kind: of KINDS. where: the file, or what the driver of PostgreSQL takes.

    cluster: the server, None where there is none.
    """

    kind: str
    url: str
    where: str
    cluster: Cluster | None = None

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.where, timeout=30)) as connection:
                return connection.execute(query).fetchall()
        with psycopg.connect(self.where) as server:
            return server.execute(query.encode()).fetchall()

    def change(self, *statements: str) -> None:
        for statement in statements:
            if self.kind == "sqlite":
                with closing(sqlite3.connect(self.where, timeout=30)) as connection, connection:
                    connection.execute(statement)
            else:
                with psycopg.connect(self.where) as server:
                    server.execute(statement.encode())

    @property
    def version(self) -> str:
        if self.kind == "sqlite":
            return f"SQLite {sqlite3.sqlite_version}"
        return f"PostgreSQL {self.rows('SHOW server_version')[0][0].split()[0]}"

    @property
    def bytes(self) -> int:
        """What it takes on the disk, its log of writes left out."""
        if self.kind == "sqlite":
            return Path(self.where).stat().st_size
        found: int = self.rows("SELECT pg_database_size(current_database())")[0][0]
        return found


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Database]:
    """An empty one while inside."""
    if kind == "sqlite":
        file = folder / "ghapp.sqlite3"
        yield Database(kind, f"sqlite:///{file}", str(file))
        return
    cluster = Cluster(options=FAST)
    try:
        with cluster.database() as url:
            yield Database(kind, url, url, cluster)
    finally:
        cluster.remove()
