"""What a run asks of the store: the past when it begins, admission before it writes, its record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import and_, bindparam, select, text

from ghapp.core.ledger import Entry
from ghapp.core.marks import Effect
from ghapp.core.model import PullKey, Push, QueueKey, RepositoryKey
from ghapp.core.records import Claim, History, Judgement, PolicySource, Run, Shown, Verdict
from ghapp.core.review.merge_queue import QueueHistory
from ghapp.errors import Retry
from ghapp.store import follow_ups, ledger, merge_queue, policies, reviews
from ghapp.store.connection import Connection
from ghapp.store.schema import Now, keys, pushes
from ghapp.store.statements import Statement, one_of
from ghapp.store.work_queue.leases import UNHINTED, change, holding
from ghapp.store.work_queue.marking import mark, same_head

HEAD_HELD_SECONDS, QUEUE_SECONDS = 1.0, 30.0
_LOCK_HEAD = Statement(text("SELECT pg_advisory_xact_lock(hashtextextended(:head, 0))"))

# For so long a pull that was just opened has no marks yet. One that is older may have them, and the
# database, restored from a backup, not know of it.
NEW_SECONDS = 120.0
_is_new = and_(keys.c.opened, keys.c.arrived_at > Now() - NEW_SECONDS).label("is_new")
_KEY = Statement(select(keys, _is_new).where(keys.c.key == bindparam("of")))
_pushed = select(pushes).where(pushes.c.key == bindparam("of"))
_PUSHES = Statement(_pushed)
_PUSHES_OF_HEADS = Statement(_pushed.where(one_of(pushes.c.head_sha, "heads")))
_HEAD_HELD_BY = Statement(
    select(keys.c.key)
    .where(same_head(keys, bindparam("repository"), bindparam("head"), bindparam("but")))
    .where(keys.c.lease_until > Now())
    .limit(1)
)
_ADMIT = holding(head_sha=bindparam("head"))
_INTEND = holding(lease_token=keys.c.lease_token)  # nothing changes, but it must be held
_RECORD = holding(**UNHINTED)


def recall(connection: Connection, key: PullKey) -> History:
    """All that is remembered of a pull.

    Its hints are read first: what a delivery adds meanwhile is then only more than they tell.
    """
    name = str(key)
    now = connection.row(_KEY, {"of": name})
    said = ledger.entries(connection, name)
    last = reviews.last(connection, name)
    unresolved, intended = reviews.pending(connection, name)
    heard = ledger.heard(connection, name, said)
    shown = reviews.shown_before(connection, name)
    return History(
        marks=last.marks,
        written=last.written,
        unresolved=unresolved,
        intended=intended,
        fresh_at=datetime.fromtimestamp(now.fresh_at, UTC) if now and now.fresh_at else None,
        seen_at=last.seen_at,
        opened=bool(now and now.is_new),
        touched=bool(now and now.touched),
        changed_files=now.changed_files if now else 0,
        messages=ledger.pending(connection, name, heard),
        judged=heard,
        ledger=said,
        shown=shown,
        pushes=_pushes(connection, key, {one.head_sha for one in (*shown, *intended)}),
        waited=now.waited if now else 0,
        policy=policies.known(connection, key.repository.id),
        pending_since=last.pending_since,
        follow_ups=follow_ups.of(connection, key),
        debts=follow_ups.debts(connection, key),
    )


def recall_queue(connection: Connection, key: QueueKey, numbers: Iterable[int]) -> QueueHistory:
    """What is remembered of a queue's head. numbers: of the pulls in it."""
    now, asked = connection.row(_KEY, {"of": str(key)}), tuple(numbers)
    return QueueHistory(
        verdicts=reviews.of(connection, key.repository, asked),
        behind=merge_queue.behind(connection, key.repository, asked),
        policy=policies.known(connection, key.repository.id),
        unresolved=bool(reviews.pending(connection, str(key))[0]),
        touched=bool(now and now.touched),
        waited=now.waited if now else 0,
    )


def admit(
    connection: Connection,
    claim: Claim,
    head_sha: str,
    source: PolicySource | None,
    judgement: Judgement,
    earlier: tuple[Shown, ...] = (),
    effects: tuple[Effect, ...] = (),
    shown: Shown | None = None,
) -> tuple[tuple[Entry, ...], tuple[Verdict, ...]]:
    """Keep what was judged; the ledger, and what other pulls ask of the head.

    source: None where it is kept already. earlier: what was shown before that, and not recorded.
    effects: may happen from now on.
    Raises LeaseLost, and Retry where another pull of the same head is being worked on, or a merge
    queue tests it: both would write the one check run that they share.
    """
    key = _pull(claim)
    if connection.is_postgresql:  # SQLite has one writer at a time anyway
        connection.rows(_LOCK_HEAD, {"head": f"{key.repository.id}:{head_sha}"})
    held = change(connection, claim, _ADMIT, head=head_sha)
    _refuse_held_head(connection, key, head_sha)
    if merge_queue.is_tested(connection, key.repository, head_sha):
        reason = f"{key}: a merge queue tests its head {head_sha[:7]}, and reads the check there"
        raise Retry(reason, after_seconds=QUEUE_SECONDS, counts=False)
    for one in earlier:
        reviews.show(connection, key, one)
    ledger.append(connection, str(key), judgement.entries)
    ledger.judged(connection, str(key), judgement.judged)
    if source:
        policies.keep(connection, key.repository.id, source, held.policy_drops)
    reviews.intend(connection, str(key), effects, shown)
    return ledger.entries(connection, str(key)), reviews.others(connection, key, head_sha)


def intend(
    connection: Connection, claim: Claim, effects: tuple[Effect, ...], shown: Shown | None = None
) -> None:
    """Note writes that may happen from now on; until `record` they count as unresolved.

    shown: what their check run would show. Raises LeaseLost.
    """
    change(connection, claim, _INTEND)
    reviews.intend(connection, str(claim.key), effects, shown)


def answered(connection: Connection, claim: Claim) -> None:
    """The outcome of all writes to a queue's head is known. Raises LeaseLost."""
    change(connection, claim, _INTEND)
    reviews.resolve(connection, str(claim.key))


def record(connection: Connection, claim: Claim, run: Run) -> None:
    """Keep what the run leaves; other keys are marked if it is news for them. Raises LeaseLost."""
    key = _pull(claim)
    change(connection, claim, _RECORD, done=claim.generation)
    reviews.put(connection, key, run)
    follow_ups.put(connection, key, run.follow_ups)
    reviews.resolve(connection, str(key), keep_shown=run.state == "parked")
    reviews.intend(connection, str(key), run.unresolved)
    mark(connection, reviews.rule(connection, key, run.verdict), requested=True)


def _refuse_held_head(connection: Connection, key: PullKey, head_sha: str) -> None:
    where = {"repository": key.repository.id, "head": head_sha, "but": str(key)}
    other = connection.value(_HEAD_HELD_BY, where)
    if other is not None:
        reason = f"{key}: {other} is being worked on and has the same head {head_sha[:7]}"
        raise Retry(reason, after_seconds=HEAD_HELD_SECONDS, counts=False)


def _pushes(connection: Connection, key: PullKey, shown: set[str]) -> tuple[Push, ...]:
    """Who brought heads to the pull, and who else pushed these to any branch; oldest first."""
    own = connection.rows(_PUSHES, {"of": str(key)})
    heads = shown | {one.head_sha for one in own}
    anywhere = {"of": str(RepositoryKey(key.repository)), "heads": list(heads)}
    rows = [*own, *connection.rows(_PUSHES_OF_HEADS, anywhere)]
    found = (
        Push(one.head_sha, one.login, datetime.fromtimestamp(one.seen_at, UTC)) for one in rows
    )
    return tuple(sorted(found, key=lambda one: (one.seen_at, one.head_sha, one.login)))


def _pull(claim: Claim) -> PullKey:
    if not isinstance(claim.key, PullKey):
        raise TypeError(f"{claim.key} is no pull request")
    return claim.key
