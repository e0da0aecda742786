"""What a run stores: its admission before it writes to GitHub, and its record afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Double,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    union_all,
)

from ghapp.core.insights import is_unsigned
from ghapp.core.marks import Effect
from ghapp.core.model import Key, PullKey, Push, QueueKey, RepositoryKey
from ghapp.core.records import Claim, Judgement, PolicySource, Run, Shown, Trial, Verdict
from ghapp.errors import Wait
from ghapp.store import ledger, policies
from ghapp.store.merge_queue import LIVE, TESTED
from ghapp.store.pushes import keep, keep_commits
from ghapp.store.schema import LASTS, Now, follow_ups, intents, keys, pushes, reviews, shown, upsert
from ghapp.store.sql import Connection, Statement, one_of
from ghapp.store.work_queue.leases import REPOSITORY, UNHINTED, change, finish, holding
from ghapp.store.work_queue.marking import ZERO, Mark, mark, same_head

HEAD_HELD_SECONDS, QUEUE_SECONDS = 1.0, 30.0
_VERDICT = msgspec.json.Decoder(Verdict)

# --- admission ------------------------------------------------------------------------------------

_LOCK_HEAD = Statement(text("SELECT pg_advisory_xact_lock(hashtextextended(:head, 0))"))
_other = keys.alias("other")
_ADMIT = holding(
    select(_other.c.key)
    .where(same_head(_other, REPOSITORY, bindparam("head"), bindparam("claimed_key")))
    .where(_other.c.lease_until > Now())
    .limit(1)
    .scalar_subquery()
    .label("held_by"),
    TESTED.label("is_tested"),
    # A push to this head came since the run read its history, by somebody it does not know of.
    exists()
    .where(pushes.c.key == bindparam("branches"), pushes.c.head_sha == bindparam("head"))
    .where(~one_of(pushes.c.user_id, "known"))
    .label("is_late"),
    head_sha=bindparam("head"),
)
_SIBLINGS = Statement(
    select(reviews.c.verdict)
    .where(reviews.c.repository_id == bindparam("repository"))
    .where(reviews.c.head_sha == bindparam("head"), reviews.c.number != bindparam("of"))
    .order_by(reviews.c.number)
)
_HOLD = holding(lease_token=keys.c.lease_token)  # nothing changes, but it must be held
_SHOW = Statement(insert(shown))
# What people say is about the last one before it.
MOST_SHOWN_OF_HEAD = 100
_of_head = and_(shown.c.key == bindparam("of"), shown.c.head_sha == bindparam("head"))
_newest = select(shown.c.row).where(_of_head).order_by(shown.c.row.desc())
_SHOW_NO_MORE = Statement(
    delete(shown).where(
        _of_head,
        shown.c.row <= _newest.offset(MOST_SHOWN_OF_HEAD).limit(1).scalar_subquery(),
    )
)
_INTEND = Statement(insert(intents).values(intended_at=Now()))


@dataclass(frozen=True, slots=True)
class Pushed:
    """known: ids of the accounts that the run knew to have pushed its head.

    pushes, commits: what it read of GitHub, the commits by head.
    """

    known: frozenset[int] = frozenset()
    pushes: tuple[Push, ...] = ()
    commits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NO_PUSHES = Pushed()


@dataclass(frozen=True, slots=True)
class Admitted:
    """siblings: the verdicts of other pulls on the head.

    is_late: somebody else turns out to have pushed the head: the run has to be repeated.
    """

    siblings: tuple[Verdict, ...]
    is_late: bool


def admit(
    connection: Connection,
    claim: Claim,
    head_sha: str,
    source: PolicySource | None,
    judgement: Judgement,
    earlier: tuple[Shown, ...] = (),
    effects: tuple[Effect, ...] = (),
    shown: Shown | None = None,
    pushed: Pushed = NO_PUSHES,
    organisation_drops: int = 0,
) -> Admitted:
    """Record what was judged and which writes follow.

    source: the policy as it was read; None if it is the recalled one. earlier: what was shown but
    not recorded. effects, shown: as in `intend`. pushed: what the run knew, and what it read.
    organisation_drops: as in History.
    Raises LeaseLost, and Wait if another pull with the same head is being worked on, or a merge
    queue tests the head: they share one check run.
    """
    key = _pull(claim)
    if connection.is_postgresql:  # SQLite has one writer at a time anyway
        connection.rows(_LOCK_HEAD, {"head": f"{key.repository.id}:{head_sha}"})
    tested = f"queue:{key.repository.id}:{head_sha}:"
    asked = {"branches": str(RepositoryKey(key.repository)), "known": list(pushed.known)}
    held = change(connection, claim, _ADMIT, head=head_sha, tested=tested, **asked)
    if held.held_by is not None:
        reason = f"{key}: {held.held_by} is being worked on and has the same head {head_sha[:7]}"
        raise Wait(reason, after_seconds=HEAD_HELD_SECONDS)
    if held.is_tested:
        reason = f"{key}: a merge queue tests its head {head_sha[:7]}, and reads the check there"
        raise Wait(reason, after_seconds=QUEUE_SECONDS)
    for one in earlier:
        _show(connection, key, one)
    ledger.append(connection, str(key), judgement.entries, key.repository.id)
    ledger.judged(connection, str(key), judgement.judged)
    if source:
        policies.keep(connection, key.repository.id, source, held.policy_drops)
        if below := source.organisation:
            policies.keep_organisation(connection, key.repository.owner, below, organisation_drops)
    _intend(connection, key, effects, shown)
    keep(connection, ((key, push) for push in pushed.pushes))
    keep_commits(connection, key, pushed.commits)
    return Admitted(siblings(connection, key, head_sha), is_late=bool(held.is_late))


def siblings(connection: Connection, key: PullKey, head_sha: str) -> tuple[Verdict, ...]:
    """The verdicts of other pulls on the head."""
    found = {"repository": key.repository.id, "head": head_sha, "of": key.number}
    return tuple(map(_VERDICT.decode, connection.values(_SIBLINGS, found)))


def intend(
    connection: Connection, claim: Claim, effects: tuple[Effect, ...], shown: Shown | None = None
) -> None:
    """Record writes before they are made; until `record` they count as unresolved.

    shown: what their check run would show. Raises LeaseLost.
    """
    change(connection, claim, _HOLD)
    _intend(connection, claim.key, effects, shown)


def _intend(
    connection: Connection, key: Key, effects: Iterable[Effect], shown: Shown | None = None
) -> None:
    rows = []
    for effect in effects:
        shows = None if effect.best_effort else shown
        rows.append(
            {
                "key": str(key),
                "effect": effect.name,
                "shown": _json(shows) if shows else "",
                "head_sha": shows.head_sha if shows else "",
            }
        )
    connection.change_each(_INTEND, rows)


def _show(connection: Connection, key: PullKey, what: Shown) -> None:
    row = {"key": str(key), "head_sha": what.head_sha, "shown": _json(what)}
    connection.change(_SHOW, row)


# --- the record -----------------------------------------------------------------------------------


_RECORD = holding(**UNHINTED)
# How long it took from the oldest delivery to the check run, as `insights.steps` reads it.
_checked = case(
    (
        bindparam("arrived", type_=Double) > ZERO,
        literal_column("'check '")
        + cast(cast((Now() - bindparam("arrived", type_=Double)) * 1000, BigInteger), Text)
        + bindparam("stamp", type_=Text),
    ),
    else_=literal_column("''"),
)
_turned = bindparam("turned", type_=Text)
MOST_STEPS = 8_000  # characters, until they are counted
_put = upsert(reviews).values(
    updated_at=Now(),
    to_count=True,
    steps=_turned + _checked,
    flagged_since=case((bindparam("is_flagged", type_=Boolean), Now()), else_=0.0),
)
_last = (
    *("installation_id", "is_open", "head_sha", "state", "verdict", "marks", "written"),
    *("updated_at", "pending_since"),
    *("base_ref", "base_since", "late_since", "state_since", "recheck_at", "trial", "trial_until"),
    *("turn", "tags", "runs", "to_count", "release_on", "urgency", "membership", "project"),
    "milestone",
)
_seen_at = case((_put.excluded.seen_at > 0, _put.excluded.seen_at), else_=reviews.c.seen_at)
# A parked run has not read the pull.
_flagged_since = case(
    (_put.excluded.overview == "", reviews.c.flagged_since),
    (and_(_put.excluded.flagged_since > 0, reviews.c.flagged_since > 0), reviews.c.flagged_since),
    else_=_put.excluded.flagged_since,
)
_overview = case((_put.excluded.overview != "", _put.excluded.overview), else_=reviews.c.overview)
_turns = and_(_turned != "", reviews.c.turn != _put.excluded.turn)
_steps = case(
    (func.length(reviews.c.steps) > MOST_STEPS, reviews.c.steps),
    else_=reviews.c.steps + case((_turns, _turned), else_="") + _checked,
)
_stays_unsigned = or_(
    _put.excluded.overview == "",
    and_(_put.excluded.unsigned_at > ZERO, reviews.c.unsigned_at > ZERO),
)
_unsigned_at = case((_stays_unsigned, reviews.c.unsigned_at), else_=_put.excluded.unsigned_at)
_PUT = Statement(
    _put.on_conflict_do_update(
        index_elements=[reviews.c.key],
        set_={name: _put.excluded[name] for name in _last}
        | {"seen_at": _seen_at, "overview": _overview, "flagged_since": _flagged_since}
        | {"steps": _steps, "unsigned_at": _unsigned_at},
    )
)
_put_follow_up = upsert(follow_ups).values(
    closed_at=case((bindparam("stays", type_=Boolean), 0.0), else_=Now())
)
_new_follow_up = _put_follow_up.excluded
_news = ("repository_id", "area", "due", "is_open", "follow_up", "owner")
_closed_at = case(
    (_new_follow_up.is_open, 0.0),
    (follow_ups.c.closed_at > 0, follow_ups.c.closed_at),
    else_=_new_follow_up.closed_at,
)
_PUT_FOLLOW_UP = Statement(
    _put_follow_up.on_conflict_do_update(
        index_elements=[follow_ups.c.key, follow_ups.c.item],
        set_={name: _new_follow_up[name] for name in _news} | {"closed_at": _closed_at},
    )
)
# By the state of an open pull that is no draft, whose turn it is.
TURNS: Mapping[str, str] = {
    "waiting_reviewers": "reviewers",
    "on_hold": "hold",
    "frozen": "hold",
    "waiting_author": "author",
    "unreadable": "admin",
}
_resolving = delete(intents).where(intents.c.key == bindparam("of"))
_RESOLVE = Statement(_resolving)
_RESOLVE_ALL_BUT_SHOWN = Statement(_resolving.where(intents.c.shown == ""))
# The last run of this pull, those of others on its head, now or then, and heads of merge queues.
_in_repository = reviews.c.repository_id == bindparam("repository")
_head = select(reviews.c.head_sha).where(reviews.c.key == bindparam("of")).scalar_subquery()
_nothing: ColumnElement[str] = literal_column("''")
_CONCERNED = Statement(
    union_all(
        select(reviews.c.number, reviews.c.verdict, _nothing.label("queue")).where(
            _in_repository,
            or_(reviews.c.head_sha == bindparam("head"), reviews.c.head_sha == _head),
        ),
        select(literal_column("0"), _nothing, keys.c.key).where(
            and_(keys.c.repository_id == bindparam("repository"), LIVE)
        ),
    )
)


def record(
    connection: Connection,
    claim: Claim,
    run: Run,
    *,
    finished: bool = False,
    marks: Iterable[Mark] = (),
) -> None:
    """Record a run, and if its verdict has changed, mark the keys that depend on it.

    finished: also give the key back. marks: further keys to mark. Raises LeaseLost.
    """
    key = _pull(claim)
    if finished:
        finish(connection, claim)
    else:
        change(connection, claim, _RECORD, done=claim.generation)
    verdict, overview = _json(run.verdict), run.overview
    at = overview.at if overview else None
    is_ready = run.verdict.is_open and overview is not None and not overview.is_draft
    turn = TURNS.get(run.state, "") if is_ready else ""
    unsigned = overview is not None and is_unsigned(overview, run.state)
    asked = {"of": str(key), "repository": key.repository.id, "head": run.verdict.head_sha}
    found = connection.rows(_CONCERNED, asked)
    connection.change(
        _PUT,
        {
            "key": str(key),
            "installation_id": key.repository.installation_id,
            "repository_id": key.repository.id,
            "number": key.number,
            "is_open": run.verdict.is_open,
            "head_sha": run.verdict.head_sha,
            "state": run.state,
            "verdict": verdict,
            "marks": _json(run.marks),
            "written": _json(run.written),
            "seen_at": _seconds(run.seen_at),
            "pending_since": _seconds(run.pending_since),
            "base_ref": run.verdict.base_ref,
            "base_since": _seconds(run.base_since),
            "late_since": _seconds(run.late_since),
            "state_since": _seconds(run.state_since),
            "recheck_at": _seconds(run.recheck_at),
            "trial": _json(run.trial) if run.trial else "",
            "trial_until": trial_until(run.trial),
            "turn": turn,
            "tags": "".join(f"{tag}\n" for tag in overview.tags) if overview else "",
            "overview": _json(overview) if overview else "",
            "runs": _json(run.runs),
            "is_flagged": is_ready and run.state != "clear",
            "membership": _json(run.membership) if run.membership else "",
            "project": str(run.membership.project)
            if run.membership and run.membership.project
            else "",
            "unsigned_at": _seconds(at) if unsigned else 0.0,
            "turned": f"turn {turn} {_seconds(at)}\n" if at else "",
            "arrived": _seconds(claim.arrived_at) if run.shown and at else 0.0,
            "stamp": f" {_seconds(at)}\n",
            "release_on": overview.release_on if overview and run.verdict.is_open else "",
            "urgency": overview.urgency if overview and run.verdict.is_open else "",
            "milestone": run.milestone if run.verdict.is_open else 0,
        },
    )
    if run.shown:
        _show(connection, key, run.shown)
        if run.shown_before >= MOST_SHOWN_OF_HEAD:
            connection.change(_SHOW_NO_MORE, {"of": str(key), "head": run.shown.head_sha})
    connection.change_each(
        _PUT_FOLLOW_UP,
        [
            {
                "key": str(key),
                "item": one.item,
                "repository_id": key.repository.id,
                "area": one.area,
                "due": one.last_day,
                "is_open": one.is_open,
                "follow_up": _json(one),
                "owner": one.owner.replace("\0", ""),  # PostgreSQL has no text with it
                "stays": one.is_open,
            }
            for one in run.follow_ups
        ],
    )
    # A parked run keeps intents of check runs: such a check run may exist, and be found later.
    resolve = _RESOLVE_ALL_BUT_SHOWN if run.state == "parked" else _RESOLVE
    connection.change(resolve, {"of": str(key)})
    _intend(connection, key, run.unresolved)
    if not any(one.number == key.number and one.verdict == verdict for one in found):
        numbers = {one.number for one in found if one.verdict and one.number != key.number}
        pulls = [PullKey(key.repository, number) for number in sorted(numbers)]
        queues = [QueueKey.named(key.repository, one.queue) for one in found if one.queue]
        mark(connection, Mark([*pulls, *queues], requested=True))
    mark(connection, *marks)


def trial_until(trial: Trial | None) -> float:
    """Until when a trial lasts, as it is stored."""
    return (_seconds(trial.until) or LASTS) if trial else 0.0


def _pull(claim: Claim) -> PullKey:
    if not isinstance(claim.key, PullKey):
        raise TypeError(f"{claim.key} is not a pull request")
    return claim.key


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


# --- of a merge queue's head ----------------------------------------------------------------------


def answered(connection: Connection, claim: Claim) -> None:
    """Record that the outcome of all writes to a queue's head is known. Raises LeaseLost."""
    change(connection, claim, _HOLD)
    connection.change(_RESOLVE, {"of": str(claim.key)})
