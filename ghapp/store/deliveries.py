"""Deliveries: stored many at a time, each once, with everything they bring."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import bindparam, literal_column, select, union, union_all

from ghapp.core.model import (
    ConfigurationKey,
    Delivery,
    InstallationKey,
    Key,
    Lookup,
    OrganisationKey,
    ProjectKey,
    PullKey,
    Push,
    RepositoryKey,
)
from ghapp.core.policy.policy import may_be_label
from ghapp.store import feeds, projects, sessions
from ghapp.store.merge_queue import end
from ghapp.store.policies import drop, drop_organisations
from ghapp.store.pushes import keep, mark_concerned
from ghapp.store.schema import (
    Now,
    deliveries,
    keys,
    messages,
    organisations,
    policies,
    reviews,
    upsert,
)
from ghapp.store.sql import Connection, Statement, one_of
from ghapp.store.work_queue.marking import MARK_DELIVERED, NO_HINTS, Hints, leave, row

FAST = 1  # zlib's level: a seventh of the size in 30 microseconds

_DELIVER = Statement(
    upsert(deliveries).values(received_at=Now()).on_conflict_do_nothing().returning(deliveries.c.id)
)
_SAY = Statement(upsert(messages).on_conflict_do_nothing())
# They share one check run, which the run of any of them writes anew.
MOST_ON_HEAD = 1_000
_of = [
    (table.c.repository_id == bindparam("repository"), table.c.head_sha == bindparam("head"))
    for table in (reviews, keys)
]
_is_pull = keys.c.kind == literal_column("'pull'")
_ON_HEAD = Statement(
    union(  # runs that have ended, and those that have not
        select(reviews.c.number.label("number")).where(*_of[0]),
        select(keys.c.number).where(*_of[1], _is_pull),
    )
    .order_by(literal_column("number").desc())
    .limit(MOST_ON_HEAD)
)
# Of one milestone: the newest of its open pulls.
MOST_OF_MILESTONE = 500
_OF_MILESTONE = Statement(
    select(reviews.c.number)
    .where(reviews.c.repository_id == bindparam("repository"))
    .where(reviews.c.milestone == bindparam("milestone"), reviews.c.milestone > 0)
    .order_by(reviews.c.number.desc())
    .limit(MOST_OF_MILESTONE)
)
_TEXTS = Statement(
    union_all(
        select(policies.c.text, policies.c.good).where(
            policies.c.repository_id == bindparam("repository")
        ),
        select(organisations.c.text, organisations.c.good).where(
            organisations.c.owner == bindparam("owner")
        ),
    )
)
_KNOWN = Statement(select(deliveries.c.id).where(one_of(deliveries.c.id, "ids")))


def accept(connection: Connection, batch: Sequence[Delivery]) -> list[bool]:
    """Store deliveries and make their keys dirty; for each, whether it was new.

    Rows are sorted, so that transactions do not deadlock.
    """
    first: dict[str, Delivery] = {}
    for one in batch:
        first.setdefault(one.id, one)
    in_order = [first[id] for id in sorted(first)]
    stored = connection.value_each(
        _DELIVER,
        [
            {
                "id": one.id,
                "event": one.event,
                "action": one.action,
                "body": zlib.compress(one.body, FAST),
            }
            for one in in_order
        ],
    )
    fresh = {id for id in stored if id is not None}
    new = [one for one in first.values() if one.id in fresh]  # in the order in which they came
    marked, said, pushed = [], [], list[tuple[PullKey | RepositoryKey, Push]]()
    policies_changed: set[int] = set()
    for one in new:
        hints: Hints = {
            "fresh_at": one.fresh_at.timestamp() if one.fresh_at else 0.0,
            "named_head": one.compared.head_sha if one.compared else "",
            "named_base": one.compared.base_ref if one.compared else "",
            "opened": one.opened,
            "touched": one.touched,
            "changed_files": one.changed_files,
            "delivery": f"{'.'.join(filter(None, (one.event, one.action)))} {one.id}",
        }
        addressed = one.keys + (looked_up(connection, one.lookup) if one.lookup else ())
        addressed += _of_issues(connection, one)
        # What a delivery says of an issue is not about the pulls that name it.
        about = {*one.keys} if one.lookup and one.lookup.issue else {*addressed}
        marked += [
            row(key, hints if key in about or isinstance(key, ProjectKey) else NO_HINTS)
            for key in addressed
        ]
        if one.policy_changed:
            wide = InstallationKey, OrganisationKey
            places = (key for key in one.keys if not isinstance(key, wide))
            policies_changed.update(key.repository.id for key in places)
        kinds = PullKey | ProjectKey | ConfigurationKey
        pulls = [str(key) for key in addressed if isinstance(key, kinds)]
        for message in one.messages:
            words = msgspec.json.encode(message).decode()
            said += [{"key": key, "id": message.id, "message": words} for key in pulls]
        if one.push and one.pushed_to:
            pushed.append((one.pushed_to, one.push))
    marked.sort(key=lambda one: one["key"])
    said.sort(key=lambda one: (one["key"], one["id"]))
    connection.change_each(MARK_DELIVERED, marked)
    connection.change_each(_SAY, said)
    keep(connection, pushed)
    mark_concerned(connection, pushed)
    leave(connection, (repository for one in new for repository in one.left))
    end(connection, (key for one in new for key in one.ended))
    drop(connection, policies_changed)
    drop_organisations(connection, {owner for one in new for owner in one.organisations})
    if revoked := {one.revoked for one in new if one.revoked}:
        sessions.end_all(connection, revoked)
        feeds.end_all(connection, revoked)
    unanswered = set(fresh)
    answers = list[bool]()
    for one in batch:
        answers.append(one.id in unanswered)
        unanswered.discard(one.id)
    return answers


def _of_issues(connection: Connection, one: Delivery) -> tuple[Key, ...]:
    """The projects and pulls that a change of issues concerns."""
    if not one.issues:
        return ()
    found: list[Key] = [key for key in one.issues if projects.is_known(connection, key)]
    if one.moved and projects.move(connection, one.issues[0], *one.moved):
        found.append(one.moved[0])
    return (*found, *projects.changed(connection, one.issues))


def looked_up(connection: Connection, lookup: Lookup) -> tuple[Key, ...]:
    """The keys that our record has for it."""
    place, asked = lookup.repository, {"repository": lookup.repository.id}
    if lookup.head_sha:
        numbers = connection.values(_ON_HEAD, {**asked, "head": lookup.head_sha})
        return tuple(PullKey(place, number) for number in numbers)
    if lookup.milestone:
        numbers = connection.values(_OF_MILESTONE, {**asked, "milestone": lookup.milestone})
        return tuple(PullKey(place, number) for number in numbers)
    rows = connection.rows(_TEXTS, {**asked, "owner": place.owner})
    texts = [text for row in rows for text in row if text]
    if lookup.issue:
        key = ProjectKey(place, lookup.issue)
        is_project = may_be_label(lookup.labelled, texts)
        return (key, *projects.changed(connection, (key,))) if is_project else ()
    concerned = any(may_be_label(name, texts) for name in lookup.labels)
    return (RepositoryKey(place),) if concerned else ()


def known(connection: Connection, ids: Iterable[str]) -> frozenset[str]:
    """Which of these are stored."""
    return frozenset(connection.values(_KNOWN, {"ids": list(ids)}))
