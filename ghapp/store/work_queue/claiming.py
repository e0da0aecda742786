"""Whose turn it is: the keys that a claim takes, so that no installation holds up the others."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    BindParameter,
    ColumnElement,
    Double,
    FromClause,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from ghapp.core.records import Claim, Full
from ghapp.store.connection import Connection
from ghapp.store.schema import Now, keys, now_once, policies
from ghapp.store.statements import Statement, one_of
from ghapp.store.work_queue.leases import LEASE_SECONDS
from ghapp.store.work_queue.marking import (
    ZERO,
    addressed,
    claimable,
    same_head,
    waiting,
)

# What no delivery asked for gives way to what one did, until it has been due for so long.
GIVES_WAY_SECONDS = 3600
# A claim looks at so many installations, the next one at those behind them.
INSTALLATIONS_AT_ONCE = 100
# Of each it looks at a few keys more than it takes, for others may be claiming them just now.
SPARE, FEWEST = 16, 4
# Where a repository is full its sisters' keys are looked for behind its own, not further than this.
LOOKED_THROUGH = 2_000

_NOW = now_once()


@dataclass(frozen=True, slots=True)
class Turn:
    """What a claim came to. reached: the installation that the next one goes on from.

    now: the database's clock. due: when the next key is, of those that were not at `looked_at`.
    """

    claims: tuple[Claim, ...]
    reached: int
    now: float
    due: float | None


def claim(connection: Connection, limit: int, full: Full, after: int, looked_at: float) -> Turn:
    """Lease up to `limit` keys that are due, and see when more will be.

    What a delivery asked for comes first, then installations take turns, those first that have the
    fewest keys held; each of them longest due first. At most one of each head. A claim after
    MAX_ATTEMPTS is for parking the key only.
    full: whose keys are left alone.
    after: where there are many installations, those with a larger id are looked at first.
    """
    given: dict[str, Any] = {"most": limit, "nonce": secrets.token_hex(16)}
    count = len(connection.rows(_SOME, {"most": limit + 1}))
    if count > limit or (count and full):
        given |= {"window": limit + SPARE, "candidates": limit + 4 * SPARE, "after": after}
        given |= {"full": list(full.installations), "crowded": list(full.repositories)}
        in_turn = _CLAIM_UNCROWDED if full.repositories else _CLAIM_IN_TURN
        found = connection.rows(in_turn, given)
    else:  # mostly: nobody has to wait for a turn
        found = connection.rows(_CLAIM_ALL, given) if count else []
    claims = tuple(_claimed(one) for one in sorted(found, key=lambda one: (one.due, one.key)))
    behind = [(one.installation_id <= after, one.installation_id) for one in found]
    now, due = connection.rows(_NEXT_DUE, {"looked_at": looked_at})[0]
    return Turn(claims, max(behind)[1] if behind else after, now, due)


def _claiming_in_turn(dialect: str, *, crowded: bool) -> ReturningUpdate[Any]:
    """crowded: whether there are repositories to be left out."""
    best = _best(dialect, crowded=crowded)
    return _claiming(_locked(best) if dialect == "postgresql" else best)


def _claiming_all(dialect: str) -> ReturningUpdate[Any]:
    """For no more keys than may be taken."""
    free = keys.alias("waiting")
    all_ = (
        select(free.c.key)
        .where(_claimable_now(free), not_(_head_is_taken(free)))
        .order_by(free.c.due)
        .limit(bindparam("most"))
    )
    if dialect == "postgresql":
        all_ = all_.with_for_update(skip_locked=True, of=free)
    return _claiming(all_.cte("chosen"))


def _claiming(chosen: CTE) -> ReturningUpdate[Any]:
    drops = select(policies.c.drops).where(policies.c.repository_id == keys.c.repository_id)
    return (
        update(keys)
        .where(keys.c.key.in_(select(chosen.c.key)))
        .values(
            lease_token=bindparam("nonce") + ":" + keys.c.key,
            lease_until=Now() + LEASE_SECONDS,
            started_at=Now(),
            # A lease that nobody gave back: its run has killed or blocked its worker.
            attempts=keys.c.attempts + case((keys.c.lease_token != "", 1), else_=0),
            policy_drops=func.coalesce(drops.scalar_subquery(), 0),
        )
        .returning(keys)
    )


def _locked(best: CTE) -> CTE:
    """Those of the best that no other claim has taken, or is just taking."""
    free = keys.alias("waiting")
    return (
        select(free.c.key)
        .join(best, best.c.key == free.c.key)
        .where(claimable(free))  # asked again of a row that has changed meanwhile
        .order_by(best.c.number)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True, of=free)
        .cte("chosen")  # a subquery could be run again and lock more than it may
    )


def _best(dialect: str, *, crowded: bool) -> CTE:
    """Keys in the order in which they are to be taken; SQLite takes all, for nobody else does."""
    ranked = _ranked(dialect, crowded=crowded)
    gives_way = case((ranked.c.place > _NOW, 1), else_=0)
    order = (gives_way, ranked.c.turn, ranked.c.place)
    most: BindParameter[int] = bindparam("most" if dialect == "sqlite" else "candidates")
    number = func.row_number().over(order_by=order).label("number")
    return select(ranked.c.key, number).order_by(*order).limit(most).cte("best")


def _ranked(dialect: str, *, crowded: bool) -> CTE:
    """Candidates, with their place in time and which turn of their installation they would be."""
    each = (_candidates(dialect, asked=asked, crowded=crowded) for asked in (True, False))
    found = union_all(*each).cte("candidates")
    held = (
        select(keys.c.installation_id, func.count().label("count"))
        .where(keys.c.lease_token > literal_column("''"), keys.c.lease_until > _NOW)
        .group_by(keys.c.installation_id)
        .cte("held")
    )
    number = func.row_number().over(partition_by=found.c.id, order_by=(found.c.place, found.c.key))
    turn = number + func.coalesce(held.c.count, 0)
    return (
        select(found.c.key, found.c.place, turn.label("turn"))
        .outerjoin(held, held.c.installation_id == found.c.id)
        .cte("ranked")
    )


def _candidates(dialect: str, *, asked: bool, crowded: bool) -> Select[Any]:
    """Of some installations the keys that are due longest. asked: those that a delivery asked for.

    SQLite knows no LATERAL, and PostgreSQL searches no index for an IN that asks for each row.
    """
    of = _installations(asked=asked)
    one = _uncrowded(of, asked=asked) if crowded else keys.alias()
    oldest = (
        select(one.c.key, one.c.due)
        .where(one.c.installation_id == of.c.id, _waits(one, asked=asked))
        .where(not_(_head_is_taken(one)))
        .order_by(one.c.due)
        .limit(_few_enough(of))
    )
    found: FromClause
    if dialect == "postgresql":
        found = oldest.lateral()
        joined = of.join(found, true())
    else:
        found = keys.alias()
        joined = of.join(found, found.c.key.in_(oldest.with_only_columns(one.c.key).correlate(of)))
    place = found.c.due + (0 if asked else GIVES_WAY_SECONDS)
    return select(found.c.key, of.c.id, place.label("place")).select_from(joined)


def _uncrowded(of: CTE, *, asked: bool) -> FromClause:
    """The keys of an installation that wait longest, without those of repositories left out."""
    first = keys.alias()
    waiting = select(first).where(first.c.installation_id == of.c.id, _waits(first, asked=asked))
    longest = waiting.order_by(first.c.due).limit(LOOKED_THROUGH).correlate(of).subquery()
    others = select(longest).where(not_(one_of(longest.c.repository_id, "crowded")))
    return others.correlate(of).subquery()


def _few_enough(of: CTE) -> ColumnElement[int]:
    """How many keys of each are enough: the more installations there are, the fewer."""
    every = (
        bindparam("window", type_=Integer) - select(func.count()).select_from(of).scalar_subquery()
    )
    return case((every > FEWEST, every), else_=FEWEST)


def _installations(*, asked: bool) -> CTE:
    """Some that have claimable keys, from the one after `after` on and round; a search for each."""
    name = "asked" if asked else "unasked"
    one = keys.alias(f"{name}_next")
    ids = select(one.c.installation_id).where(_waits(one, asked=asked))
    least = ids.order_by(one.c.installation_id).limit(1)

    def after(id: ColumnElement[int]) -> ColumnElement[int]:
        larger = least.where(one.c.installation_id > id)
        return func.coalesce(larger.scalar_subquery(), least.scalar_subquery())

    start = select(after(bindparam("after", type_=BigInteger)).label("id")).subquery()
    first = select(start.c.id, start.c.id.label("first"), literal_column("1").label("number"))
    seen = first.cte(f"{name}_round", recursive=True)
    goes_on = and_(
        seen.c.number < INSTALLATIONS_AT_ONCE, or_(seen.c.number == 1, seen.c.id != seen.c.first)
    )
    further = select(after(seen.c.id), seen.c.first, seen.c.number + 1).where(goes_on)
    every = seen.union_all(further)
    # Only here: a search for one that is not full would walk through all keys of those that are.
    has_room = not_(one_of(every.c.id, "full"))
    return select(every.c.id).where(every.c.id.is_not(None), has_room).distinct().cte(name)


def _waits(table: FromClause, *, asked: bool) -> ColumnElement[bool]:
    """Claimable, in the words of the index `keys_asked` or `keys_unasked`."""
    came = table.c.arrived_at
    return and_(
        table.c.generation > table.c.done_generation,
        table.c.parked_at == ZERO,
        came > ZERO if asked else came == ZERO,
        table.c.due <= _NOW,
        table.c.lease_until <= _NOW,
    )


def _claimable_now(table: FromClause) -> ColumnElement[bool]:
    """In the words of the index `keys_dirty`."""
    free = and_(table.c.parked_at == ZERO, table.c.lease_until <= _NOW)
    return and_(table.c.generation > table.c.done_generation, table.c.due <= _NOW, free)


def _head_is_taken(one: FromClause) -> ColumnElement[bool]:
    """Another pull of the same head is held, or will be by this very claim.

    Of two, that one goes first which a delivery asked for.
    """
    other = keys.alias("other")
    asked, other_asked = one.c.arrived_at > ZERO, other.c.arrived_at > ZERO
    first = or_(and_(other_asked, not_(asked)), and_(other_asked == asked, other.c.key < one.c.key))
    before = and_(claimable(other), first)
    return (
        select(other.c.key)
        .where(same_head(other, one.c.repository_id, one.c.head_sha, one.c.key))
        .where(or_(other.c.lease_until > Now(), before))
        .exists()
    )


_SOME = Statement(select(keys.c.key).where(_claimable_now(keys)).limit(bindparam("most")))
_CLAIM_ALL = Statement(_claiming_all)
_CLAIM_IN_TURN, _CLAIM_UNCROWDED = (
    Statement(partial(_claiming_in_turn, crowded=crowded)) for crowded in (False, True)
)
_soonest = select(func.min(keys.c.due)).where(
    waiting(keys), keys.c.due > bindparam("looked_at", type_=Double)
)
_NEXT_DUE = Statement(select(Now(), _soonest.scalar_subquery()))


def _claimed(found: Any) -> Claim:
    return Claim(
        addressed(found),
        found.lease_token,
        found.generation,
        found.attempts,
        found.touched,
        datetime.fromtimestamp(found.arrived_at, UTC) if found.arrived_at > 0 else None,
        datetime.fromtimestamp(found.started_at, UTC),
    )
