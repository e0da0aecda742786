"""Reads what is recorded of a pull, or of a merge queue's head, when a run begins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    case,
    exists,
    literal_column,
    or_,
    select,
    union,
    union_all,
)

from ghapp.core.ledger import Entry
from ghapp.core.marks import Marks, Written
from ghapp.core.model import (
    Account,
    Compared,
    ConfigurationKey,
    Message,
    ProjectKey,
    PullKey,
    Push,
    QueueKey,
    Repository,
    RepositoryKey,
)
from ghapp.core.records import (
    FollowUp,
    History,
    Membership,
    PolicySource,
    RunNote,
    Shown,
    Trial,
    Verdict,
)
from ghapp.core.review.merge_queue import QueueHistory
from ghapp.store.policies import COLUMNS, read
from ghapp.store.schema import (
    Now,
    follow_ups,
    intents,
    keys,
    ledger,
    messages,
    organisations,
    policies,
    pull_commits,
    pushed_commits,
    pushes,
    reviews,
    shown,
)
from ghapp.store.sql import Connection, Statement, one_of
from ghapp.store.work_queue.marking import dirty

# For how long a pull counts as just opened, and so without marks. An older one may have marks that
# the database does not know, as after it was restored from a backup.
NEW_SECONDS = 120.0
# GitHub has several changes in one second, and its reads lag behind by seconds.
SURE_SECONDS = 60.0
MOST_DEBTS = 200

_ENTRY, _MESSAGE = msgspec.json.Decoder(Entry), msgspec.json.Decoder(Message)
_SHOWN, _FOLLOW_UP = msgspec.json.Decoder(Shown), msgspec.json.Decoder(FollowUp)
_MARKS, _WRITTEN = msgspec.json.Decoder(Marks), msgspec.json.Decoder(Written)
_TRIAL, _MEMBERSHIP = msgspec.json.Decoder(Trial), msgspec.json.Decoder(Membership)
_PUSH = msgspec.json.Decoder(Push)
_RUNS = msgspec.json.Decoder(tuple[RunNote, ...])
_VERDICT = msgspec.json.Decoder(Verdict)


def recall(connection: Connection, key: PullKey | ProjectKey | ConfigurationKey) -> History:
    """Everything that is recorded of a pull; of a project, without its last run.

    Of a configuration, what was said about it.

    Hints are read first, so that they never speak of a message that is not read as well.
    """
    asked = {"of": str(key), "repository": key.repository.id}
    row = connection.rows(_ROW, {**asked, "owner": key.repository.owner})[0]
    found: defaultdict[str, list[Any]] = defaultdict(list)
    branches = str(RepositoryKey(key.repository))
    for one in connection.rows(_LISTS, {**asked, "branches": branches}):
        found[one.kind].append(one)
    entries = [_ENTRY.decode(one.text) for one in sorted(found["entry"], key=_place)]
    judged = {entry.message_id for entry in entries}
    judged.update(one.name for one in found["judged"])
    said = (_MESSAGE.decode(one.text) for one in found["message"] if one.name not in judged)
    intended = sorted(found["intent"], key=_place)
    pushed = (_PUSH.decode(one.text) for one in found["push"])
    commits: defaultdict[str, list[str]] = defaultdict(list)
    for one in sorted(found["commit"], key=_place):
        commits[one.name].append(one.text)
    pushers: defaultdict[str, set[Account]] = defaultdict(set)
    for one in found["pusher"]:
        pushers[one.name].add(Account(one.text, one.place))
    owed = (_FOLLOW_UP.decode(one.text) for one in found["debt"])
    return History(
        marks=_MARKS.decode(row.marks) if row.marks else None,
        written=_WRITTEN.decode(row.written) if row.written else Written(),
        unresolved=frozenset(one.name for one in intended),
        unresolved_seconds=min((one.age for one in intended), default=0.0),
        intended=tuple(_SHOWN.decode(one.text) for one in intended if one.text),
        fresh_at=_time(row.fresh_at) if row.fresh_at else None,
        delivered=Compared(row.named_head, row.named_base) if row.named_head else None,
        compared=Compared(row.head_sha, row.base_ref) if row.head_sha else None,
        base_since=_time(row.base_since) if row.base_since else None,
        seen_at=_time(row.seen_at) if row.seen_at else None,
        opened=bool(row.is_new),
        touched=bool(row.touched),
        changed_files=row.changed_files or 0,
        messages=tuple(sorted(said, key=lambda one: (one.said_at, one.id))),
        judged=frozenset(judged),
        ledger=tuple(entries),
        shown=tuple(
            sorted((_SHOWN.decode(one.text) for one in found["shown"]), key=lambda s: s.accepted_at)
        ),
        pushes=tuple(sorted(pushed, key=lambda one: (one.seen_at, one.head_sha, one.id))),
        commits={head: tuple(shas) for head, shas in commits.items()},
        pushers={sha: frozenset(accounts) for sha, accounts in pushers.items()},
        waited=row.waited or 0,
        policy=_policy(row),
        organisation_drops=row.organisation_drops or 0,
        requested=bool(row.arrived_at),
        delivery=row.delivery or "",
        runs=_RUNS.decode(row.runs) if row.runs else (),
        state=row.state or "",
        state_since=_time(row.state_since) if row.state_since else None,
        pending_since=_time(row.pending_since) if row.pending_since else None,
        late_since=_time(row.late_since) if row.late_since else None,
        trial=_TRIAL.decode(row.trial) if row.trial else None,
        membership=_MEMBERSHIP.decode(row.membership) if row.membership else None,
        follow_ups=tuple(
            sorted(
                (_FOLLOW_UP.decode(one.text) for one in found["follow_up"]), key=lambda f: f.item
            )
        ),
        debts=tuple(sorted(owed, key=lambda one: (one.due, one.number, one.item))),
    )


def recall_queue(connection: Connection, key: QueueKey, numbers: Iterable[int]) -> QueueHistory:
    """Everything that is recorded of a queue's head. numbers: of the pulls in it."""
    asked = {"of": str(key), "repository": key.repository.id}
    row = connection.rows(_ROW, {**asked, "owner": key.repository.owner})[0]
    members = list(numbers)
    names = [str(PullKey(key.repository, number)) for number in members]
    verdicts = connection.rows(_VERDICTS, {**asked, "numbers": members}) if members else []
    return QueueHistory(
        verdicts={one.number: _VERDICT.decode(one.verdict) for one in verdicts},
        now=_time(row.now),
        behind=frozenset(connection.values(_BEHIND, {"pulls": names}) if members else ()),
        policy=_policy(row),
        unresolved=bool(row.unresolved),
        touched=bool(row.touched),
        waited=row.waited or 0,
    )


def seen(connection: Connection, repository: Repository) -> Mapping[int, datetime]:
    """The repository's pulls by number: up to which `updated_at` each was surely read.

    What was read within a minute of it is not sure to be all of that second.
    """
    found = connection.rows(_SEEN, {"of": repository.id})
    return {one.number: _time(one.seen_at - (0 if one.is_sure else 1)) for one in found}


def followed(connection: Connection, repository: Repository) -> Mapping[int, datetime]:
    """The repository's pulls with follow-ups by number: when a run last read each."""
    found = connection.rows(_FOLLOWED, {"of": repository.id})
    runs = ((one.number, _RUNS.decode(one.runs)) for one in found)
    return {number: notes[0].read_at for number, notes in runs if notes}


def _policy(row: Any) -> PolicySource | None:
    """Both layers as last read; None if none was."""
    own, below = (
        read(*(getattr(row, f"{layer}_{name}") for name in COLUMNS))
        for layer in ("repository", "organisation")
    )
    if below is None:
        return own
    return replace(own or PolicySource(), organisation=below)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _place(row: Any) -> int:
    place: int = row.place
    return place


# --- one row: the key, the last run, both layers of the policy ------------------------------------

_of = select(
    bindparam("of", type_=Text).label("key"),
    bindparam("repository", type_=BigInteger).label("repository_id"),
    bindparam("owner", type_=Text).label("owner"),
).subquery("of")
_ROW = Statement(
    select(
        *(keys.c.fresh_at, keys.c.touched, keys.c.changed_files, keys.c.waited),
        *(keys.c.named_head, keys.c.named_base, keys.c.arrived_at, keys.c.delivery, reviews.c.runs),
        *(reviews.c.head_sha, reviews.c.base_ref, reviews.c.base_since),
        and_(keys.c.opened, keys.c.arrived_at > Now() - NEW_SECONDS).label("is_new"),
        *(reviews.c.marks, reviews.c.written, reviews.c.seen_at, reviews.c.pending_since),
        *(reviews.c.late_since, reviews.c.state, reviews.c.state_since, reviews.c.trial),
        reviews.c.membership,
        *(policies.c[name].label(f"repository_{name}") for name in COLUMNS),
        *(organisations.c[name].label(f"organisation_{name}") for name in COLUMNS),
        exists().where(intents.c.key == _of.c.key).label("unresolved"),
        Now().label("now"),
    ).select_from(
        _of.outerjoin(keys, keys.c.key == _of.c.key)
        .outerjoin(reviews, reviews.c.key == _of.c.key)
        .outerjoin(policies, policies.c.repository_id == _of.c.repository_id)
        .outerjoin(organisations, organisations.c.owner == _of.c.owner)
    )
)

# --- lists, in the columns that all of them share -------------------------------------------------

_key = bindparam("of", type_=Text)
_none: ColumnElement[str] = literal_column("''")


def _list(
    kind: Any,
    of: Any,
    text: Any,
    *,
    name: Any = _none,
    place: Any = literal_column("0"),  # noqa: B008 -- a constant
    age: Any = literal_column("0"),  # noqa: B008
) -> Select[Any]:
    """One list. kind: its name, or an expression for it. of: the condition. age: in seconds."""
    kind = literal_column(f"'{kind}'") if isinstance(kind, str) else kind
    columns = {"kind": kind, "place": place, "name": name, "text": text, "age": age}
    return select(*(column.label(label) for label, column in columns.items())).where(of)


_heads = union(
    select(pushes.c.head_sha).where(pushes.c.key == _key),
    select(pushes.c.before).where(pushes.c.key == _key),
    select(pull_commits.c.sha).where(pull_commits.c.key == _key),
    select(shown.c.head_sha).where(shown.c.key == _key),
    select(intents.c.head_sha).where(intents.c.key == _key),
)
_owed = (
    select(follow_ups.c.follow_up)
    .where(
        follow_ups.c.repository_id == bindparam("repository", type_=BigInteger),
        follow_ups.c.is_open,
        follow_ups.c.key != _key,
    )
    .order_by(follow_ups.c.due, follow_ups.c.key, follow_ups.c.item)
    .limit(MOST_DEBTS)
    .subquery("owed")
)
_LISTS = Statement(
    union_all(
        _list("entry", ledger.c.key == _key, ledger.c.entry, place=ledger.c.row),
        _list("shown", shown.c.key == _key, shown.c.shown),
        _list(
            "intent",
            intents.c.key == _key,
            intents.c.shown,
            name=intents.c.effect,
            place=intents.c.row,
            age=Now() - intents.c.intended_at,
        ),
        _list(
            case(
                (messages.c.judged, literal_column("'judged'")), else_=literal_column("'message'")
            ),
            messages.c.key == _key,
            case((messages.c.judged, _none), else_=messages.c.message),
            name=messages.c.id,
        ),
        # Who brought heads to the pull, and who else pushed these heads to any branch.
        _list("push", pushes.c.key == _key, pushes.c.push),
        _list(
            "push",
            and_(pushes.c.key == bindparam("branches"), pushes.c.head_sha.in_(_heads)),
            pushes.c.push,
        ),
        _list(
            *("commit", pull_commits.c.key == _key, pull_commits.c.sha),
            name=pull_commits.c.head_sha,
            place=pull_commits.c.place,
        ),
        _list(
            "pusher",
            and_(
                pushed_commits.c.repository_id == bindparam("repository", type_=BigInteger),
                pushed_commits.c.sha.in_(
                    select(pull_commits.c.sha).where(pull_commits.c.key == _key)
                ),
            ),
            pushed_commits.c.login,
            name=pushed_commits.c.sha,
            place=pushed_commits.c.user_id,
        ),
        _list("follow_up", follow_ups.c.key == _key, follow_ups.c.follow_up),
        _list("debt", literal_column("true"), _owed.c.follow_up),
    )
)

_SEEN = Statement(
    select(
        *(reviews.c.number, reviews.c.seen_at),
        (reviews.c.updated_at >= reviews.c.seen_at + SURE_SECONDS).label("is_sure"),
    ).where(reviews.c.repository_id == bindparam("of"), reviews.c.seen_at > 0)
)

_FOLLOWED = Statement(
    select(reviews.c.number, reviews.c.runs).where(
        reviews.c.runs != "",
        reviews.c.repository_id == bindparam("of"),
        exists().where(follow_ups.c.key == reviews.c.key),
    )
)

# --- of a merge queue's head ----------------------------------------------------------------------

_VERDICTS = Statement(
    select(reviews.c.number, reviews.c.verdict).where(
        reviews.c.repository_id == bindparam("repository"), one_of(reviews.c.number, "numbers")
    )
)
# The pulls whose verdict may change: a run is in progress, or something came since the last one.
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
