"""What GitHub sent: accepted many at a time, each once."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import case, select

from ghapp.core.model import Delivery, InstallationKey, PullKey
from ghapp.store.connection import Connection
from ghapp.store.merge_queue import end
from ghapp.store.policies import drop
from ghapp.store.schema import Insert, Now, deliveries, messages, pushes, upserting
from ghapp.store.statements import Statement, one_of
from ghapp.store.work_queue.marking import MARK_DELIVERED, Hints, leave, row

FAST = 1  # of zlib's levels; a seventh of the size for 30 microseconds

Rows = Iterable[dict[str, Any]]


# --- statements --------------------------------------------------------------------------


def _delivering(dialect: str) -> Insert:
    return upserting(dialect, deliveries).values(received_at=Now())


def _saying(dialect: str) -> Insert:
    return upserting(dialect, messages).on_conflict_do_nothing()


def _pushing(dialect: str) -> Insert:
    """Everybody who pushed a head counts, from when they first did."""
    insert = upserting(dialect, pushes)
    new, old = insert.excluded, pushes.c
    earlier = case((new.seen_at < old.seen_at, new.seen_at), else_=old.seen_at)
    by = [old.key, old.head_sha, old.login]
    return insert.on_conflict_do_update(index_elements=by, set_={"seen_at": earlier})


_DELIVER, _SAY, _PUSH = Statement(_delivering), Statement(_saying), Statement(_pushing)
_KNOWN = Statement(select(deliveries.c.id).where(one_of(deliveries.c.id, "ids")))

# --- what is done with them --------------------------------------------------------------


def accept(connection: Connection, batch: Sequence[Delivery]) -> list[bool]:
    """Which of them were new; all of them are stored and their keys dirty.

    Two processes may get the same one at once: then the second fails on the primary key, and
    finds it known when tried again. Rows go in sorted, so that nobody waits in a circle.
    """
    ids = [delivery.id for delivery in batch]
    known = set(connection.values(_KNOWN, {"ids": ids}))
    fresh = {one.id: one for one in batch if one.id not in known}
    new = sorted(fresh.values(), key=lambda one: one.id)
    connection.change_each(_DELIVER, map(_delivery_row, new))
    connection.change_each(MARK_DELIVERED, _sorted(_key_rows(new), "key"))
    connection.change_each(_SAY, _sorted(_message_rows(new), "key", "id"))
    connection.change_each(_PUSH, _sorted(_push_rows(new), "key", "head_sha", "login"))
    leave(connection, (repository for one in new for repository in one.left))
    end(connection, (key for one in new for key in one.ended))
    drop(connection, {id for one in new for id in _policies_changed(one)})
    return [fresh.pop(id, None) is not None for id in ids]


def known(connection: Connection, ids: Iterable[str]) -> frozenset[str]:
    """Which of these are stored."""
    return frozenset(connection.values(_KNOWN, {"ids": list(ids)}))


# --- rows --------------------------------------------------------------------------------


def _delivery_row(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "event": delivery.event,
        "action": delivery.action,
        "body": zlib.compress(delivery.body, FAST),
    }


def _hints(delivery: Delivery) -> Hints:
    return {
        "fresh_at": delivery.fresh_at.timestamp() if delivery.fresh_at else 0.0,
        "opened": delivery.opened,
        "touched": delivery.touched,
        "changed_files": delivery.changed_files,
    }


def _key_rows(batch: Iterable[Delivery]) -> Rows:
    return (row(key, _hints(one)) for one in batch for key in one.keys)


def _message_rows(batch: Iterable[Delivery]) -> Rows:
    return (
        {
            "key": str(key),
            "id": message.id,
            "message": msgspec.json.encode(message).decode(),
        }
        for one in batch
        for message in one.messages
        for key in _pulls(one)
    )


def _push_rows(batch: Iterable[Delivery]) -> Rows:
    return (
        {
            "key": str(one.pushed_to),
            "head_sha": one.push.head_sha,
            "login": one.push.login,
            "seen_at": one.push.seen_at.timestamp(),
        }
        for one in batch
        if one.push and one.pushed_to
    )


def _policies_changed(delivery: Delivery) -> Iterable[int]:
    if not delivery.policy_changed:
        return ()
    return {key.repository.id for key in delivery.keys if not isinstance(key, InstallationKey)}


def _pulls(delivery: Delivery) -> Iterable[PullKey]:
    return (key for key in delivery.keys if isinstance(key, PullKey))


def _sorted(rows: Rows, *by: str) -> Rows:
    return sorted(rows, key=lambda one: [one[name] for name in by])
