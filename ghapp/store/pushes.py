"""Who pushed what: every push as deliveries report it, and the commits of heads to be settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec
from sqlalchemy import BigInteger, Text, bindparam, exists, literal_column, select, union

from ghapp.core.model import Account, PullKey, Push, Repository, RepositoryKey, Via
from ghapp.store.schema import keys, pull_commits, pushed_commits, pushes, upsert
from ghapp.store.sql import Connection, Statement, one_of
from ghapp.store.work_queue.marking import Mark, addressed, mark

_KEEP = Statement(upsert(pushes).on_conflict_do_nothing())
_KEEP_COMMITS = Statement(upsert(pushed_commits).on_conflict_do_nothing())
_KEEP_HEADS = Statement(upsert(pull_commits).on_conflict_do_nothing())
_PUSHERS = Statement(
    select(pushed_commits.c.sha, pushed_commits.c.user_id, pushed_commits.c.login)
    .where(pushed_commits.c.repository_id == bindparam("repository"))
    .where(one_of(pushed_commits.c.sha, "commits"))
)
# Pulls that may have been judged without a push: it brought their head, and that account was not
# known to have done so, or it brought a commit of a head that somebody wanted to settle.
_repository = bindparam("repository", type_=BigInteger)
_after, _by = bindparam("after", type_=Text), bindparam("by", type_=BigInteger)
_is_known = exists().where(
    pushes.c.key == keys.c.key, pushes.c.head_sha == _after, pushes.c.user_id == _by
)
_concerned = union(
    select(keys.c.key).where(
        keys.c.repository_id == _repository, keys.c.head_sha == _after, ~_is_known
    ),
    select(pull_commits.c.key).where(
        pull_commits.c.repository_id == _repository, one_of(pull_commits.c.sha, "commits")
    ),
)
_CONCERNED = Statement(
    select(keys)
    .where(keys.c.kind == literal_column("'pull'"), keys.c.key.in_(_concerned))
    .order_by(keys.c.key)
)


def keep(connection: Connection, found: Iterable[tuple[PullKey | RepositoryKey, Push]]) -> None:
    """Keep pushes to pulls and to the branches of repositories, each once.

    Rows go in sorted, so that no two transactions wait in a circle.
    """
    rows, commits = [], []
    for key, push in found:
        seen_at = push.seen_at.timestamp()
        rows.append(
            {
                "key": str(key),
                "id": push.id,
                "head_sha": push.head_sha,
                "before": push.before,
                "user_id": push.user_id,
                "seen_at": seen_at,
                "push": msgspec.json.encode(replace(push, commits=())).decode(),
            }
        )
        account = {"user_id": push.user_id, "login": push.login, "seen_at": seen_at}
        known = {"repository_id": key.repository.id, **account}
        commits += [{**known, "sha": sha} for sha in push.commits]
    rows.sort(key=lambda row: (row["key"], row["id"]))
    commits.sort(key=lambda row: (row["repository_id"], row["sha"], row["user_id"], row["login"]))
    connection.change_each(_KEEP, rows)
    connection.change_each(_KEEP_COMMITS, commits)


def mark_concerned(
    connection: Connection, found: Iterable[tuple[PullKey | RepositoryKey, Push]]
) -> None:
    """Make the pulls dirty that may have been judged without these pushes to branches."""
    for key, push in found:
        if push.via is not Via.PUSH:
            continue
        asked = {"repository": key.repository.id, "after": push.head_sha, "by": push.user_id}
        rows = connection.rows(_CONCERNED, {**asked, "commits": list(push.commits)})
        mark(connection, Mark([addressed(row) for row in rows], requested=True))


def keep_commits(
    connection: Connection, key: PullKey, heads: Mapping[str, tuple[str, ...]]
) -> None:
    """Keep which commits heads of a pull consist of."""
    rows = [
        {
            "key": str(key),
            "head_sha": head_sha,
            "place": place,
            "repository_id": key.repository.id,
            "sha": sha,
        }
        for head_sha, commits in sorted(heads.items())
        for place, sha in enumerate(commits)
    ]
    connection.change_each(_KEEP_HEADS, rows)


def pushers(
    connection: Connection, repository: Repository, commits: Iterable[str]
) -> Mapping[str, frozenset[Account]]:
    """By commit, who is known to have pushed it to any branch of the repository."""
    asked = {"repository": repository.id, "commits": list(commits)}
    found: dict[str, set[Account]] = {}
    for row in connection.rows(_PUSHERS, asked):
        found.setdefault(row.sha, set()).add(Account(row.login, row.user_id))
    return {sha: frozenset(accounts) for sha, accounts in found.items()}
