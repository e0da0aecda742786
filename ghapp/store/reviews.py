"""The last run of each pull, what its check runs showed, what pulls ask of a shared head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlalchemy import bindparam, case, delete, insert, select

from ghapp.core.marks import Effect, Marks, PutCheckRun, Written, name
from ghapp.core.model import Key, PullKey, Repository
from ghapp.core.records import Run, Shown, Verdict
from ghapp.store import merge_queue
from ghapp.store.connection import Connection
from ghapp.store.schema import Insert, Now, intents, reviews, shown, upserting, verdicts
from ghapp.store.statements import Statement, one_of

_MARKS = msgspec.json.Decoder(Marks)
_WRITTEN = msgspec.json.Decoder(Written)
_SHOWN = msgspec.json.Decoder(Shown)
_VERDICT = msgspec.json.Decoder(Verdict)


_LAST = Statement(
    select(reviews.c.marks, reviews.c.written, reviews.c.seen_at, reviews.c.pending_since).where(
        reviews.c.key == bindparam("of")
    )
)
_SEEN = Statement(
    select(reviews.c.number, reviews.c.seen_at).where(
        reviews.c.repository_id == bindparam("of"), reviews.c.seen_at > 0
    )
)
_SHOW = Statement(insert(shown))
_SHOWN_BEFORE = Statement(
    select(shown.c.shown).where(shown.c.key == bindparam("of")).order_by(shown.c.row)
)


def _putting(dialect: str) -> Insert:
    insert_ = upserting(dialect, reviews).values(updated_at=Now())
    new = insert_.excluded
    last = ("head_sha", "state", "marks", "written", "updated_at", "pending_since")
    seen_at = case((new.seen_at > 0, new.seen_at), else_=reviews.c.seen_at)
    return insert_.on_conflict_do_update(
        index_elements=[reviews.c.key],
        set_={name: new[name] for name in last} | {"seen_at": seen_at},
    )


_PUT = Statement(_putting)


def put(connection: Connection, key: PullKey, run: Run) -> None:
    """Keep the run as the pull's last one."""
    row = {
        "key": str(key),
        "repository_id": key.repository.id,
        "number": key.number,
        "head_sha": run.verdict.head_sha,
        "state": run.state,
        "marks": _json(run.marks),
        "written": _json(run.written),
        "seen_at": run.seen_at.timestamp() if run.seen_at else 0.0,
        "pending_since": run.pending_since.timestamp() if run.pending_since else 0.0,
    }
    connection.change(_PUT, row)
    if run.shown:
        show(connection, key, run.shown)


def show(connection: Connection, key: PullKey, what: Shown) -> None:
    """Keep what a check run of the pull has shown."""
    connection.change(_SHOW, {"key": str(key), "shown": _json(what)})


@dataclass(frozen=True, slots=True)
class Last:
    """What the last run left on a pull. All as in `memory.Past`."""

    marks: Marks | None = None
    written: Written = Written()
    seen_at: datetime | None = None
    pending_since: datetime | None = None


def last(connection: Connection, key: str) -> Last:
    found = connection.row(_LAST, {"of": key})
    if found is None:
        return Last()
    return Last(
        marks=_MARKS.decode(found.marks),
        written=_WRITTEN.decode(found.written),
        seen_at=_time(found.seen_at),
        pending_since=_time(found.pending_since),
    )


def seen(connection: Connection, repository: Repository) -> Mapping[int, datetime]:
    """The repository's pulls by number: `updated_at` as the last run of each read it."""
    found = connection.rows(_SEEN, {"of": repository.id})
    return {one.number: datetime.fromtimestamp(one.seen_at, UTC) for one in found}


def shown_before(connection: Connection, key: str) -> tuple[Shown, ...]:
    """What the pull's check runs showed, oldest first."""
    found = map(_SHOWN.decode, connection.values(_SHOWN_BEFORE, {"of": key}))
    return tuple(sorted(found, key=lambda one: one.accepted_at))


# --- verdicts ----------------------------------------------------------------------------


_own = (
    verdicts.c.repository_id == bindparam("repository"),
    verdicts.c.number == bindparam("of"),
)
_OWN = Statement(select(verdicts.c.head_sha, verdicts.c.verdict).where(*_own))
_DELETE_OWN = Statement(delete(verdicts).where(*_own))
_PUT_VERDICT = Statement(insert(verdicts))
_OF = Statement(
    select(verdicts.c.number, verdicts.c.verdict).where(
        verdicts.c.repository_id == bindparam("repository"),
        one_of(verdicts.c.number, "numbers"),
    )
)
_OTHERS = Statement(
    select(verdicts.c.number, verdicts.c.verdict)
    .where(verdicts.c.repository_id == bindparam("repository"))
    .where(verdicts.c.head_sha == bindparam("head"), verdicts.c.number != bindparam("of"))
    .order_by(verdicts.c.number)
)


def others(connection: Connection, key: PullKey, head_sha: str) -> tuple[Verdict, ...]:
    """What the other pulls of this repository ask of the head, by number."""
    where = {"repository": key.repository.id, "head": head_sha, "of": key.number}
    return tuple(_VERDICT.decode(one.verdict) for one in connection.rows(_OTHERS, where))


def of(
    connection: Connection, repository: Repository, numbers: Iterable[int]
) -> Mapping[int, Verdict]:
    """What these pulls ask of their heads, by number."""
    where = {"repository": repository.id, "numbers": list(numbers)}
    return {one.number: _VERDICT.decode(one.verdict) for one in connection.rows(_OF, where)}


def rule(connection: Connection, key: PullKey, verdict: Verdict) -> tuple[Key, ...]:
    """Keep the verdict, the pull's only one; the other keys for which that is news.

    A head that the pull had before is no longer its concern: that too is news for the others.
    """
    own = {"repository": key.repository.id, "of": key.number}
    found = connection.rows(_OWN, own)
    before = {one.head_sha: _VERDICT.decode(one.verdict) for one in found}
    if before == {verdict.head_sha: verdict}:
        return ()
    row = {
        "repository_id": key.repository.id,
        "head_sha": verdict.head_sha,
        "number": key.number,
        "verdict": _json(verdict),
    }
    connection.change(_DELETE_OWN, own)
    connection.change(_PUT_VERDICT, row)
    heads = before.keys() | {verdict.head_sha}
    numbers = {one.number for head in heads for one in others(connection, key, head)}
    pulls = (PullKey(key.repository, number) for number in sorted(numbers))
    return (*pulls, *merge_queue.live(connection, key.repository))


def _time(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


_INTENDED = msgspec.json.Decoder(Shown)

_INTEND = Statement(insert(intents).values(intended_at=Now()))
_resolving = delete(intents).where(intents.c.key == bindparam("of"))
_RESOLVE = Statement(_resolving)
_RESOLVE_ALL_BUT_SHOWN = Statement(_resolving.where(intents.c.shown == ""))
_ALL = Statement(
    select(intents.c.effect, intents.c.shown)
    .where(intents.c.key == bindparam("of"))
    .order_by(intents.c.row)
)


def intend(
    connection: Connection, key: str, effects: Iterable[Effect], shown: Shown | None = None
) -> None:
    """Note that these writes may happen from now on. shown: what their check run would show."""
    words = msgspec.json.encode(shown).decode() if shown else ""
    rows = [
        {
            "key": key,
            "effect": name(effect),
            "shown": words if isinstance(effect, PutCheckRun) else "",
        }
        for effect in effects
    ]
    connection.change_each(_INTEND, rows)


def resolve(connection: Connection, key: str, *, keep_shown: bool = False) -> None:
    """The outcome of all writes to this pull is recorded; with `keep_shown`, but for check runs."""
    connection.change(_RESOLVE_ALL_BUT_SHOWN if keep_shown else _RESOLVE, {"of": key})


def pending(connection: Connection, key: str) -> tuple[frozenset[str], tuple[Shown, ...]]:
    """The names of the effects that may or may not have been taken, and what they may show."""
    found = connection.rows(_ALL, {"of": key})
    shown = tuple(_INTENDED.decode(one.shown) for one in found if one.shown)
    return frozenset(one.effect for one in found), shown
