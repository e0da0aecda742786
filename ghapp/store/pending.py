"""Check runs that have been in progress for so long that GitHub will soon call them stale."""

from __future__ import annotations

from sqlalchemy import bindparam, not_, select

from ghapp.store.connection import Connection
from ghapp.store.keys import MARK_SUSPECTED, addressed, dirty, row
from ghapp.store.listener import announce
from ghapp.store.statements import Statement
from ghapp.store.tables import Now, keys, reviews

AGAIN_SECONDS, AT_ONCE = 24 * 3600.0, 500

_PENDING = Statement(
    select(keys)
    .join(reviews, reviews.c.key == keys.c.key)
    .where(reviews.c.pending_since > 0, reviews.c.pending_since <= Now() - bindparam("age"))
    .where(not_(dirty(keys)), keys.c.started_at < Now() - AGAIN_SECONDS)
    .order_by(keys.c.key)
    .limit(AT_ONCE)
)


def mark(connection: Connection, older_than_seconds: float) -> int:
    """Make the pulls dirty whose check run has been in progress for so long; how many it were.

    Those that could not be renewed, as where the App is no longer installed, once a day.
    """
    found = connection.rows(_PENDING, {"age": older_than_seconds})
    rows = [row(addressed(one)) for one in found]
    if rows:
        connection.change_each(MARK_SUSPECTED, rows)
        announce(connection)
    return len(rows)
