"""The heads of merge queues: which of them are tested now, and how they end."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import and_, bindparam, delete, or_, select

from ghapp.core.model import QueueKey
from ghapp.core.records import Claim
from ghapp.store.schema import IS_QUEUE, Now, intents, is_queue, keys
from ghapp.store.sql import Connection, Statement
from ghapp.store.work_queue.leases import REPOSITORY
from ghapp.store.work_queue.marking import dirty

# A queue waits 6 hours for its checks at most (`check_response_timeout_minutes`: 360).
# Source: https://docs.github.com/rest/repos/rules#create-a-repository-ruleset
LIVE_SECONDS = 24 * 3600.0

# A queue's head that was worked on not long ago, and so may still be tested.
LIVE = and_(IS_QUEUE, keys.c.started_at > Now() - LIVE_SECONDS)
# Whether a merge queue tests a commit; for `holding`. tested: how the key of such a head begins.
_queued = keys.alias("queued")
TESTED = (
    select(_queued.c.key)
    .where(_queued.c.repository_id == REPOSITORY, is_queue(_queued))
    .where(_queued.c.key.startswith(bindparam("tested")))
    .where(or_(_queued.c.started_at > Now() - LIVE_SECONDS, dirty(_queued)))
    .exists()
)
_END = Statement(delete(keys).where(keys.c.key == bindparam("ended")))
_OVER = Statement(
    delete(keys).where(keys.c.key == bindparam("ended"), keys.c.lease_token == bindparam("token"))
)
_FORGET = Statement(delete(intents).where(intents.c.key == bindparam("ended")))


def end(connection: Connection, ended: Iterable[QueueKey]) -> None:
    """Delete the keys of these heads; whoever works on one loses its lease, and writes nothing."""
    rows = [{"ended": name} for name in sorted(map(str, ended))]
    connection.change_each(_END, rows)
    connection.change_each(_FORGET, rows)


def over(connection: Connection, claim: Claim) -> None:
    """Delete the claimed key of a head that no queue tests any more, and with it the lease."""
    if connection.change(_OVER, {"ended": str(claim.key), "token": claim.token}):
        connection.change(_FORGET, {"ended": str(claim.key)})
