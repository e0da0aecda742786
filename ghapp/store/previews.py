"""What the check runs `NFR policy` were last written for, and the replays that are kept."""

from __future__ import annotations

from sqlalchemy import Text, bindparam, exists, select

from ghapp.core.model import PolicyKey
from ghapp.core.records import Claim, Previewed
from ghapp.store import runs
from ghapp.store.schema import Now, intents, keys, previews, upsert
from ghapp.store.sql import Connection, Statement
from ghapp.store.work_queue.leases import finish

_of = select(bindparam("of", type_=Text).label("key")).subquery("of")
_RECALL = Statement(
    select(
        *(previews.c.basis, previews.c.content, previews.c.replay),
        *(keys.c.touched, keys.c.waited),
        exists().where(intents.c.key == _of.c.key).label("unresolved"),
    ).select_from(
        _of.outerjoin(keys, keys.c.key == _of.c.key).outerjoin(
            previews, previews.c.key == _of.c.key
        )
    )
)
_BASIS = Statement(select(previews.c.basis).where(previews.c.key == bindparam("of")))
_put = upsert(previews).values(written_at=Now())
_PUT = Statement(
    _put.on_conflict_do_update(
        index_elements=[previews.c.key],
        set_={name: _put.excluded[name] for name in ("basis", "content", "replay", "written_at")},
    )
)


def recall(connection: Connection, key: PolicyKey) -> Previewed:
    """What is recorded about the check run."""
    row = connection.rows(_RECALL, {"of": str(key)})[0]
    return Previewed(
        basis=row.basis or "",
        content=row.content or "",
        replay=row.replay or "",
        unresolved=bool(row.unresolved),
        touched=bool(row.touched),
        waited=row.waited or 0,
    )


def basis(connection: Connection, key: PolicyKey) -> str:
    """What the check run was last written for; "" if it never was."""
    return next(iter(connection.values(_BASIS, {"of": str(key)})), "")


def keep(connection: Connection, claim: Claim, basis: str, content: str, replay: str) -> None:
    """Record that the check run is as it should be, and for what; give the key back.

    replay: "" if there is none that is worth keeping. Raises LeaseLost.
    """
    runs.answered(connection, claim)
    finish(connection, claim)
    values = {"key": str(claim.key), "basis": basis, "content": content, "replay": replay}
    connection.change(_PUT, values)
