"""The last run of each pull, what its check runs showed, what pulls ask of a shared head."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, insert, select

from ghapp.core.marks import Marks, Written
from ghapp.core.memory import Run, Shown, Verdict
from ghapp.core.model import PullKey
from ghapp.store.tables import Now, reviews, shown, upserting, verdicts

_MARKS = msgspec.json.Decoder(Marks)
_WRITTEN = msgspec.json.Decoder(Written)
_SHOWN = msgspec.json.Decoder(Shown)
_VERDICT = msgspec.json.Decoder(Verdict)


def put(connection: Connection, key: PullKey, run: Run) -> None:
    """Keep the run as the pull's last one."""
    last = {
        "head_sha": run.verdict.head_sha,
        "state": run.state,
        "marks": _json(run.marks),
        "written": _json(run.written),
        "updated_at": Now(),
    }
    insert_ = upserting(connection.dialect.name, reviews).values(
        key=str(key), repository_id=key.repository.id, number=key.number, **last
    )
    connection.execute(
        insert_.on_conflict_do_update(
            index_elements=[reviews.c.key], set_={name: insert_.excluded[name] for name in last}
        )
    )
    if run.shown:
        connection.execute(insert(shown).values(key=str(key), shown=_json(run.shown)))


def last(connection: Connection, key: str) -> tuple[Marks | None, Written]:
    """What the last run left on the pull; None where there was none."""
    found = connection.execute(
        select(reviews.c.marks, reviews.c.written).where(reviews.c.key == key)
    ).one_or_none()
    if found is None:
        return None, Written()
    return _MARKS.decode(found.marks), _WRITTEN.decode(found.written)


def shown_before(connection: Connection, key: str) -> tuple[Shown, ...]:
    """What the pull's check runs showed, oldest first."""
    found = select(shown.c.shown).where(shown.c.key == key).order_by(shown.c.row)
    said = [_SHOWN.decode(text) for text in connection.scalars(found)]
    return tuple(sorted(said, key=lambda one: one.accepted_at))


# --- verdicts ----------------------------------------------------------------------------


def others(connection: Connection, key: PullKey, head_sha: str) -> tuple[Verdict, ...]:
    """What the other pulls of this repository ask of the head, by number."""
    found = select(verdicts.c.verdict).where(
        _of(key), verdicts.c.head_sha == head_sha, verdicts.c.number != key.number
    )
    return tuple(map(_VERDICT.decode, connection.scalars(found.order_by(verdicts.c.number))))


def rule(connection: Connection, key: PullKey, verdict: Verdict) -> tuple[PullKey, ...]:
    """Keep the verdict; the other pulls for which that is news.

    A head that the pull had before is no longer its concern: that too is news for the others.
    """
    own = select(verdicts.c.head_sha, verdicts.c.verdict).where(_of(key), _by(key))
    before = {one.head_sha: _VERDICT.decode(one.verdict) for one in connection.execute(own)}
    if before == {verdict.head_sha: verdict}:
        return ()
    connection.execute(delete(verdicts).where(_of(key), _by(key)))
    connection.execute(
        insert(verdicts).values(
            repository_id=key.repository.id,
            head_sha=verdict.head_sha,
            number=key.number,
            verdict=_json(verdict),
        )
    )
    concerned = select(verdicts.c.number).where(
        _of(key),
        verdicts.c.head_sha.in_(before.keys() | {verdict.head_sha}),
        verdicts.c.number != key.number,
    )
    numbers = sorted(set(connection.scalars(concerned)))
    return tuple(PullKey(key.repository, number) for number in numbers)


def _of(key: PullKey) -> ColumnElement[bool]:
    return verdicts.c.repository_id == key.repository.id


def _by(key: PullKey) -> ColumnElement[bool]:
    return verdicts.c.number == key.number


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
