"""Messages to a team's channel or issue: each is sent once, whoever of several processes sends it.

A sender claims a message for a short while, says so before it sends, and records what came of it.
If it ends in between, nobody knows whether the message arrived. It is then sent once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Double, and_, bindparam, func, select, update

from ghapp.store.schema import Now, posts, upsert
from ghapp.store.sql import Connection, Statement, one_of

LEASE_SECONDS = 90.0  # longer than reading and sending take
MOST_SENDS = 2  # of which the outcome may be unknown
CLAIMED, HELD, DONE, UNANSWERED = "claimed", "held", "done", "unanswered"

_this = and_(posts.c.target == bindparam("to"), posts.c.id == bindparam("of"))
_lease = bindparam("lease", type_=Double)
_CLAIM = Statement(
    upsert(posts)
    .values(target=bindparam("to"), id=bindparam("of"), lease_until=Now() + _lease)
    .on_conflict_do_update(
        index_elements=[posts.c.target, posts.c.id],
        set_={"lease_until": Now() + _lease},
        where=and_(posts.c.done_at == 0, posts.c.lease_until <= Now(), posts.c.sends < MOST_SENDS),
    )
    .returning(posts.c.sends)
)
_ABANDON = Statement(
    update(posts)
    .where(_this, posts.c.done_at == 0, posts.c.lease_until <= Now(), posts.c.sends >= MOST_SENDS)
    .values(done_at=Now(), outcome="unknown", lease_until=0)
)
_IS_DONE = Statement(select(posts.c.id).where(_this, posts.c.done_at > 0))
_SENDING = Statement(update(posts).where(_this).values(sends=posts.c.sends + 1))
_DONE = Statement(
    update(posts).where(_this).values(done_at=Now(), outcome=bindparam("what"), lease_until=0)
)
_LATER = Statement(
    update(posts)
    .where(_this)
    .values(
        lease_until=Now() + bindparam("after", type_=Double),
        sends=posts.c.sends - bindparam("unsent"),
    )
)
_LAST = Statement(
    select(posts.c.id, posts.c.done_at)
    .where(
        posts.c.target == bindparam("to"),
        posts.c.id.like(bindparam("kind")),
        posts.c.outcome == "sent",
    )
    .order_by(posts.c.done_at.desc())
    .limit(1)
)
_SETTLED = Statement(
    select(posts.c.id).where(
        posts.c.target == bindparam("to"), one_of(posts.c.id, "ids"), posts.c.done_at > 0
    )
)
_SENT_SINCE = Statement(
    select(func.count()).where(
        posts.c.target == bindparam("to"),
        posts.c.id.like(bindparam("kind")),
        posts.c.done_at >= bindparam("since"),
        posts.c.outcome == "sent",
    )
)


def claim(connection: Connection, target: str, id: str) -> str:
    """CLAIMED if the caller may prepare and send it now; else how it stands.

    HELD: another process is at it, or it is too early to try again. DONE: nothing more is sent.
    UNANSWERED: it may have arrived, and may not be sent once more; this is said once.
    """
    if connection.row(_CLAIM, {"to": target, "of": id, "lease": LEASE_SECONDS}):
        return CLAIMED
    if connection.change(_ABANDON, {"to": target, "of": id}):
        return UNANSWERED
    return DONE if connection.row(_IS_DONE, {"to": target, "of": id}) else HELD


def sending(connection: Connection, target: str, id: str) -> None:
    """Record that it may arrive from now on."""
    connection.change(_SENDING, {"to": target, "of": id})


def done(connection: Connection, target: str, id: str, outcome: str) -> None:
    """Record that nothing more is sent. outcome: sent | empty | refused | folded."""
    connection.change(_DONE, {"to": target, "of": id, "what": outcome})


def later(connection: Connection, target: str, id: str, after_seconds: float, unsent: bool) -> None:
    """Have it tried again. unsent: the last try surely did not arrive."""
    connection.change(
        _LATER, {"to": target, "of": id, "after": after_seconds, "unsent": int(unsent)}
    )


def last_sent(connection: Connection, target: str, kind: str) -> tuple[str, datetime] | None:
    """What the newest message of this kind that went there is about, and when; None if none did."""
    found = connection.row(_LAST, {"to": target, "kind": f"{kind}:%"})
    if found is None:
        return None
    return found.id.partition(":")[2], datetime.fromtimestamp(found.done_at, UTC)


def sent_since(connection: Connection, target: str, kind: str, since: datetime) -> int:
    """How many messages of this kind went there since then."""
    asked = {"to": target, "kind": f"{kind}:%", "since": since.timestamp()}
    return int(connection.value(_SENT_SINCE, asked) or 0)


def settled(connection: Connection, target: str, ids: Iterable[str]) -> frozenset[str]:
    """Those of these messages of which nothing more is sent."""
    return frozenset(connection.values(_SETTLED, {"to": target, "ids": [*ids]}))
