"""The heads of merge queues: which of them a verdict may concern, until no queue tests them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, exists, or_, select

from ghapp.core.model import PullKey, QueueKey, Repository
from ghapp.core.records import Claim
from ghapp.store.connection import Connection
from ghapp.store.schema import IS_QUEUE, Now, intents, keys, messages
from ghapp.store.statements import Statement, one_of
from ghapp.store.work_queue.marking import addressed, dirty

# A queue waits 6 hours for its checks at most (`check_response_timeout_minutes`: 360).
# Source: https://docs.github.com/rest/repos/rules#create-a-repository-ruleset
LIVE_SECONDS = 24 * 3600.0

_LIVE = Statement(
    select(keys)
    .where(keys.c.repository_id == bindparam("of"), IS_QUEUE)
    .where(keys.c.started_at > Now() - LIVE_SECONDS)
    .order_by(keys.c.key)
)
_TESTED = Statement(
    select(keys.c.key)
    .where(keys.c.repository_id == bindparam("of"), IS_QUEUE)
    .where(keys.c.key.startswith(bindparam("name")))
    .where(or_(keys.c.started_at > Now() - LIVE_SECONDS, dirty(keys)))
    .limit(1)
)
# A run is on its way: it goes on now, or something was delivered since the last one.
_BEHIND = Statement(
    select(keys.c.number)
    .where(one_of(keys.c.key, "pulls"), dirty(keys))
    .where(
        or_(
            keys.c.lease_until > Now(),
            keys.c.fresh_at > 0,
            exists().where(messages.c.key == keys.c.key, ~messages.c.judged),
        )
    )
)
_END = Statement(delete(keys).where(keys.c.key == bindparam("ended")))
_OVER = Statement(
    delete(keys).where(keys.c.key == bindparam("ended"), keys.c.lease_token == bindparam("token"))
)
_FORGET = Statement(delete(intents).where(intents.c.key == bindparam("ended")))


def live(connection: Connection, repository: Repository) -> tuple[QueueKey, ...]:
    """Heads of this repository's queues that were looked at not long ago and are still tested."""
    found = map(addressed, connection.rows(_LIVE, {"of": repository.id}))
    return tuple(key for key in found if isinstance(key, QueueKey))


def is_tested(connection: Connection, repository: Repository, head_sha: str) -> bool:
    """Whether a merge queue waits for the check of this very commit."""
    asked = {"of": repository.id, "name": f"queue:{repository.id}:{head_sha}:"}
    return connection.row(_TESTED, asked) is not None


def behind(
    connection: Connection, repository: Repository, numbers: Iterable[int]
) -> frozenset[int]:
    """Those of these pulls of which something was heard that no run has worked off yet."""
    names = [str(PullKey(repository, number)) for number in numbers]
    return frozenset(connection.values(_BEHIND, {"pulls": names}))


def end(connection: Connection, ended: Iterable[QueueKey]) -> None:
    """Nobody waits for these heads any more: who works on one has lost it, and writes nothing."""
    rows = [{"ended": name} for name in sorted(map(str, ended))]
    connection.change_each(_END, rows)
    connection.change_each(_FORGET, rows)


def over(connection: Connection, claim: Claim) -> None:
    """As `end`, by whoever works on it and while that is so."""
    if connection.change(_OVER, {"ended": str(claim.key), "token": claim.token}):
        connection.change(_FORGET, {"ended": str(claim.key)})
