"""Finds and deletes everything that is stored of one installation, a few rows at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Table, bindparam, delete, func, select, tuple_

from ghapp.core.model import OrganisationKey, Repository
from ghapp.store import schema
from ghapp.store.records import Records
from ghapp.store.schema import deliveries, issues, keys, organisations, reviews
from ghapp.store.sql import Connection, Statement, one_of

AT_ONCE = 500  # rows
# A key has many rows in some tables.
KEYS_AT_ONCE = 20
BODIES_AT_ONCE = 100

# Where a row belongs to a key, and where to a repository. The last two say which keys and
# repositories there are, so they come last: a run that was stopped can be repeated.
BY_REPOSITORY: Sequence[Table] = (
    *(schema.pushed_commits, schema.policies, schema.projects),
    *(schema.configurations, schema.configuration_blobs),
    *(schema.configuration_findings, schema.configuration_weeks),
    *(schema.area_days, schema.question_days, schema.timings),
    schema.incidents,
)
BY_KEY: Sequence[Table] = (
    *(schema.messages, schema.intents, schema.pushes, schema.pull_commits, schema.ledger),
    *(schema.shown, schema.previews, schema.follow_ups, schema.counted, schema.pull_issues),
    *(reviews, keys),
)
# Where no row says anything of an installation: the App's own credentials, clocks and cursors,
# which deliveries GitHub failed to deliver in the last days, by their GUID alone, and which
# messages were sent, by digests. Sessions of people end within 8 hours; their feeds name
# repositories by ids alone, and show what is stored of them.
OF_NONE: Sequence[Table] = (
    *(schema.turns, schema.failed_deliveries, schema.readings, schema.credentials, schema.schema),
    *(schema.posts, schema.sessions, schema.feeds),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What is stored of an installation.

    keys: of all tables. owners: whose policies are stored for it alone. deliveries: their ids.
    issues: references of those that were read on the way to projects.
    kept: names of repositories that are now another installation's, whose rows stay.
    counts: by table, how many rows there are.
    """

    repositories: tuple[int, ...]
    keys: tuple[str, ...]
    owners: tuple[str, ...]
    deliveries: tuple[str, ...]
    issues: tuple[str, ...]
    kept: tuple[str, ...]
    counts: Mapping[str, int]


async def find(records: Records, installation_id: int) -> Found:
    """Everything that is stored of it; nothing is changed."""
    repositories, owned, owners, kept = await records.read(_belongings, installation_id)
    found = set(owned)
    for table in BY_KEY:
        found |= await records.read(_keys_in, table, set(repositories))
    ids, last = [], (0.0, "")
    while bodies := await records.read(_bodies, *last):
        ids += [one.id for one in bodies if _installation(one.body) == installation_id]
        last = bodies[-1].received_at, bodies[-1].id
    named = sorted(found)
    counts: dict[str, int] = {}
    for table in BY_REPOSITORY:
        counts[table.name] = await records.read(_count, table, "repository_id", [*repositories])
    for table in BY_KEY:
        counts[table.name] = await records.read(_count, table, "key", named)
    counts[organisations.name] = await records.read(_count, organisations, "owner", [*owners])
    counts[deliveries.name] = len(ids)
    read = await records.read(_issues, set(owners))
    counts[issues.name] = len(read)
    return Found(repositories, tuple(named), owners, tuple(ids), read, kept, counts)


async def forget(records: Records, found: Found) -> None:
    """Delete it, in transactions of some hundred rows. What arrives meanwhile stays."""
    for start in range(0, len(found.deliveries), AT_ONCE):
        some = [*found.deliveries[start : start + AT_ONCE]]
        await records.write(_delete, deliveries, "id", some)
    for table in BY_REPOSITORY:
        for repository in found.repositories:
            while await records.write(_delete_some, table, repository):
                pass
    await records.write(_delete, organisations, "owner", [*found.owners])
    for start in range(0, len(found.issues), AT_ONCE):
        some = [*found.issues[start : start + AT_ONCE]]
        await records.write(_delete, issues, "reference", some)
    for table in BY_KEY:
        for start in range(0, len(found.keys), KEYS_AT_ONCE):
            some = [*found.keys[start : start + KEYS_AT_ONCE]]
            await records.write(_delete, table, "key", some)


Belongings = tuple[tuple[int, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def _belongings(connection: Connection, installation_id: int) -> Belongings:
    """Ids of its repositories, its keys, its owners, and the repositories that have moved on."""
    asked = {"of": installation_id}
    rows = connection.rows(_OWN_KEYS, asked)
    ids = {one.repository_id for one in rows} | {*connection.values(_OWN_REVIEWS, asked)}
    others = connection.rows(_OTHERS, asked)
    moved = ids & {one.repository_id for one in others}
    own = [one for one in rows if one.repository_id not in moved]
    elsewhere = {_owner(one.full_name) for one in others}
    organisation = str(OrganisationKey(0, ""))
    owners = {_owner(one.full_name) for one in rows if one.full_name} - elsewhere
    named = {one.key.removeprefix(organisation) for one in rows if one.key.startswith(organisation)}
    kept = {one.full_name for one in rows if one.repository_id in moved}
    return (
        tuple(sorted(ids - moved - {0})),
        tuple(one.key for one in own),
        tuple(sorted(owners | named)),
        tuple(sorted(kept)),
    )


def _owner(full_name: str) -> str:
    return Repository(0, 0, full_name).owner


def _keys_in(connection: Connection, table: Table, repositories: set[int]) -> set[str]:
    """The keys in a table that address something in one of the repositories."""
    found = connection.values(_KEYS[table.name])
    return {one for one in found if _repository(one) in repositories}


def _repository(key: str) -> int:
    """The id of the repository that a key addresses, or is in; 0 for no repository."""
    kind, _, rest = key.partition(":")
    id = rest.partition(":")[0]
    return int(id) if kind in KINDS and id.isdigit() else 0


KINDS = ("pull", "policy", "queue", "repository", "sweep", "project", "configuration")


def _issues(connection: Connection, owners: set[str]) -> tuple[str, ...]:
    """References of issues that were read in repositories of these owners."""
    found = connection.values(_REFERENCES)
    return tuple(one for one in found if one.partition("/")[0] in owners)


def _bodies(connection: Connection, received_at: float, id: str) -> list[Any]:
    asked = {"at": received_at, "after": id, "most": BODIES_AT_ONCE}
    return connection.rows(_BODIES, asked)


class _Installation(msgspec.Struct):
    id: int = 0


class _Payload(msgspec.Struct):
    installation: _Installation | None = None


_PAYLOAD = msgspec.json.Decoder(_Payload)


def _installation(body: bytes) -> int:
    """The id of the installation that a delivery names; 0 if it names none."""
    try:
        found = _PAYLOAD.decode(zlib.decompress(body))
    except (msgspec.MsgspecError, zlib.error):
        return 0
    return found.installation.id if found.installation else 0


def _count(connection: Connection, table: Table, column: str, within: Sequence[Any]) -> int:
    return int(connection.value(_COUNTS[table.name, column], {"within": list(within)}) or 0)


def _delete(connection: Connection, table: Table, column: str, within: Iterable[Any]) -> int:
    return connection.change(_DELETES[table.name, column], {"within": list(within)})


def _delete_some(connection: Connection, table: Table, repository: int) -> int:
    return connection.change(_DELETES_SOME[table.name], {"of": repository})


def _deleting_some(table: Table) -> Statement:
    place = tuple(table.primary_key)
    old = select(*place).where(table.c.repository_id == bindparam("of")).limit(AT_ONCE)
    return Statement(delete(table).where(tuple_(*place).in_(old)))


_IN = (
    *((table, "repository_id") for table in BY_REPOSITORY),
    *((table, "key") for table in BY_KEY),
    *((organisations, "owner"), (deliveries, "id"), (issues, "reference")),
)
_COUNTS = {
    (table.name, column): Statement(
        select(func.count()).select_from(table).where(one_of(table.c[column], "within"))
    )
    for table, column in _IN
}
_DELETES = {
    (table.name, column): Statement(delete(table).where(one_of(table.c[column], "within")))
    for table, column in _IN
}
_DELETES_SOME = {table.name: _deleting_some(table) for table in BY_REPOSITORY}
_KEYS = {table.name: Statement(select(table.c.key).distinct()) for table in BY_KEY}
_REFERENCES = Statement(select(issues.c.reference))
_OWN_KEYS = Statement(
    select(keys.c.key, keys.c.repository_id, keys.c.full_name).where(
        keys.c.installation_id == bindparam("of")
    )
)
_OWN_REVIEWS = Statement(
    select(reviews.c.repository_id).distinct().where(reviews.c.installation_id == bindparam("of"))
)
_OTHERS = Statement(
    select(keys.c.repository_id, keys.c.full_name)
    .distinct()
    .where(keys.c.installation_id != bindparam("of"), keys.c.repository_id > 0)
)
_BODIES = Statement(
    select(deliveries.c.id, deliveries.c.received_at, deliveries.c.body)
    .where(
        tuple_(deliveries.c.received_at, deliveries.c.id)
        > tuple_(bindparam("at"), bindparam("after"))
    )
    .order_by(deliveries.c.received_at, deliveries.c.id)
    .limit(bindparam("most"))
)
