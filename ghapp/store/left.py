"""Repositories that the App has left: nothing of them is worked on, tried again or parked."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, update

from ghapp.core.model import Repository
from ghapp.store.connection import Connection
from ghapp.store.statements import Statement
from ghapp.store.tables import keys

_LEAVE = Statement(
    update(keys)
    .where(keys.c.installation_id == bindparam("by"), keys.c.repository_id == bindparam("of"))
    .values(done_generation=keys.c.generation, parked_at=0.0, attempts=0, error="")
)


def leave(connection: Connection, left: Iterable[Repository]) -> None:
    """Look at nothing of these repositories, until something new comes of them.

    What of them moved to another installation is that one's.
    """
    rows = [{"by": one.installation_id, "of": one.id} for one in left]
    connection.change_each(_LEAVE, rows)
