"""People who have signed in to the pages: who they are, until when, and their token, encrypted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Double, bindparam, delete, select

from ghapp.store.schema import Now, now_once, sessions
from ghapp.store.sql import Connection, Statement, one_of

MOST_OF_PERSON = 20  # an older one ends: whoever signs in again and again does not fill the table


@dataclass(frozen=True, slots=True)
class Session:
    """hash: of its cookie, in hex. user_id, login: on GitHub. token: encrypted."""

    hash: str
    user_id: int
    login: str
    token: bytes = field(repr=False)


_PUT = Statement(sessions.insert().values(expires_at=Now() + bindparam("seconds", type_=Double)))
_READ = Statement(
    select(sessions.c.hash, sessions.c.user_id, sessions.c.login, sessions.c.token).where(
        sessions.c.hash == bindparam("of"), sessions.c.expires_at > Now()
    )
)
_END = Statement(delete(sessions).where(sessions.c.hash == bindparam("of")))
_END_ALL = Statement(delete(sessions).where(one_of(sessions.c.user_id, "of")))
_newest = (
    select(sessions.c.hash)
    .where(sessions.c.user_id == bindparam("user"))
    .order_by(sessions.c.expires_at.desc())
    .limit(MOST_OF_PERSON)
)
_PRUNE = (
    Statement(delete(sessions).where(sessions.c.expires_at <= now_once())),
    Statement(
        delete(sessions).where(
            sessions.c.user_id == bindparam("user"), sessions.c.hash.not_in(_newest)
        )
    ),
)


def keep(connection: Connection, session: Session, seconds: float, instead_of: str) -> None:
    """Begin a session, for so long. instead_of: the hash of one that ends; "" for none.

    Expired ones are deleted, too.
    """
    row = {
        "hash": session.hash,
        "user_id": session.user_id,
        "login": session.login,
        "token": session.token,
        "seconds": seconds,
    }
    expired, surplus = _PRUNE
    connection.change(expired)
    end(connection, instead_of)
    connection.change(_PUT, row)
    connection.change(surplus, {"user": session.user_id})


def read(connection: Connection, hash: str) -> Session | None:
    """The session whose cookie has this hash, None if there is none or it has expired."""
    row = connection.row(_READ, {"of": hash})
    return Session(row.hash, row.user_id, row.login, bytes(row.token)) if row else None


def end(connection: Connection, hash: str) -> None:
    """End the session whose cookie has this hash."""
    connection.change(_END, {"of": hash})


def end_all(connection: Connection, user_ids: Iterable[int]) -> None:
    """End all sessions of these people."""
    connection.change(_END_ALL, {"of": sorted(user_ids)})
