"""The heads of merge queues: which of them a verdict may concern, until no queue tests them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, select

from ghapp.core.model import QueueKey, Repository
from ghapp.store.keys import addressed
from ghapp.store.tables import IS_QUEUE, Now, intents, keys

# A queue waits 6 hours for its checks at most (`check_response_timeout_minutes`: 360).
# Source: https://docs.github.com/rest/repos/rules#create-a-repository-ruleset
LIVE_SECONDS = 24 * 3600.0

_LIVE = (
    select(keys)
    .where(keys.c.repository_id == bindparam("of"), IS_QUEUE)
    .where(keys.c.started_at > Now() - LIVE_SECONDS)
    .order_by(keys.c.key)
)
_END = delete(keys).where(keys.c.key == bindparam("ended"))
_FORGET = delete(intents).where(intents.c.key == bindparam("ended"))


def live(connection: Connection, repository: Repository) -> tuple[QueueKey, ...]:
    """Heads of this repository's queues that were looked at not long ago and are still tested."""
    found = map(addressed, connection.execute(_LIVE, {"of": repository.id}))
    return tuple(key for key in found if isinstance(key, QueueKey))


def end(connection: Connection, ended: Iterable[QueueKey]) -> None:
    """Nobody waits for these heads any more: who works on one has lost it, and writes nothing."""
    rows = [{"ended": name} for name in sorted(map(str, ended))]
    if rows:
        connection.execute(_END, rows)
        connection.execute(_FORGET, rows)
