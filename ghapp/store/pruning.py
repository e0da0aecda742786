"""Deletes old rows, a few at a time so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import (
    Double,
    Integer,
    Table,
    and_,
    bindparam,
    cast,
    delete,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from ghapp.store.records import Records
from ghapp.store.rollups import DAY_SECONDS, FIRST_DAY, KEPT_DAYS
from ghapp.store.schema import (
    IS_BRANCH,
    IS_QUEUE,
    area_days,
    counted,
    deliveries,
    feeds,
    intents,
    issues,
    keys,
    now_once,
    posts,
    previews,
    pushed_commits,
    pushes,
    question_days,
    reviews,
    timings,
)
from ghapp.store.sql import Connection, Statement, one_of
from ghapp.store.work_queue.marking import ZERO, dirty

AT_ONCE = 500
# A push to a branch matters once a pull has that head; most heads never get one.
BRANCH_PUSHES_SECONDS = 90 * 24 * 3600.0
# After that, a preview is made anew.
PREVIEWS_SECONDS = 90 * 24 * 3600.0
ISSUES_SECONDS = 24 * 3600.0
# A queue waits at most 6 hours for the checks of a head, and 6 more to merge several pulls at once
# (`check_response_timeout_minutes`, `min_entries_to_merge_wait_minutes`: 360). The delivery that
# ends a head comes within 3 days, or never.
# Source: https://docs.github.com/rest/repos/rules#create-a-repository-ruleset
QUEUE_HEADS_SECONDS = 7 * 24 * 3600.0


# The oldest deliveries. Their messages have rows of their own.
_old_deliveries = (
    select(deliveries.c.id)
    .where(deliveries.c.received_at < now_once() - bindparam("age", type_=Double))
    .order_by(deliveries.c.received_at)
    .limit(AT_ONCE)
)
DELIVERIES = Statement(delete(deliveries).where(deliveries.c.id.in_(_old_deliveries)))
# The oldest pushes to branches.
_push = pushes.c.key, pushes.c.id
_old_pushes = (
    select(*_push)
    .where(IS_BRANCH, pushes.c.seen_at < now_once() - BRANCH_PUSHES_SECONDS)
    .order_by(pushes.c.seen_at)
    .limit(AT_ONCE)
)
PUSHES = Statement(delete(pushes).where(tuple_(*_push).in_(_old_pushes)))
_commit = tuple(pushed_commits.primary_key.columns)
_old_commits = (
    select(*_commit)
    .where(pushed_commits.c.seen_at < now_once() - BRANCH_PUSHES_SECONDS)
    .order_by(pushed_commits.c.seen_at)
    .limit(AT_ONCE)
)
COMMITS = Statement(delete(pushed_commits).where(tuple_(*_commit).in_(_old_commits)))
# What previews are kept for, long after anybody works on their pull requests.
_old_previews = (
    select(previews.c.key)
    .where(previews.c.written_at < now_once() - PREVIEWS_SECONDS)
    .order_by(previews.c.written_at)
    .limit(AT_ONCE)
)
PREVIEWS = Statement(delete(previews).where(previews.c.key.in_(_old_previews)))
# Heads of queues that are not leased, and are done, or have failed since an old delivery. A parked
# key is tried every hour, so the age of a failing one is that of its delivery.
_bound = now_once() - QUEUE_HEADS_SECONDS
_is_done = and_(not_(dirty(keys)), keys.c.started_at < _bound)
_has_failed = and_(keys.c.parked_at > ZERO, keys.c.arrived_at > ZERO, keys.c.arrived_at < _bound)
_old_heads = (
    select(keys.c.key)
    .where(IS_QUEUE, keys.c.lease_until <= now_once(), or_(_is_done, _has_failed))
    .limit(AT_ONCE)
    .with_for_update(skip_locked=True)
    .cte("old")  # a subquery could run twice
)
QUEUE_HEADS = Statement(
    delete(keys).where(keys.c.key.in_(select(_old_heads.c.key))).returning(keys.c.key)
)
# What was read of an issue counts for an hour.
_old_issues = (
    select(issues.c.reference)
    .where(issues.c.read_at < now_once() - ISSUES_SECONDS)
    .order_by(issues.c.read_at)
    .limit(AT_ONCE)
)
ISSUES = Statement(delete(issues).where(issues.c.reference.in_(_old_issues)))
_INTENTS = Statement(delete(intents).where(one_of(intents.c.key, "gone")))


# What would have blocked a pull is for reports. Nothing else of its row goes.
TRIAL_SECONDS = 400 * 24 * 3600.0
_is_old = and_(reviews.c.trial_until > ZERO, reviews.c.trial_until < now_once() - TRIAL_SECONDS)
_old_trials = select(reviews.c.key).where(_is_old).order_by(reviews.c.trial_until).limit(AT_ONCE)
TRIALS = Statement(
    update(reviews)
    .where(reviews.c.key.in_(_old_trials), _is_old)  # it may be another one by now
    .values(trial="", trial_until=0.0)
)

# Messages to teams, long after anybody could send them again.
POSTS_SECONDS = 40 * 24 * 3600.0
_before = now_once() - POSTS_SECONDS
_post = posts.c.target, posts.c.id
_old_posts = (
    select(*_post).where(posts.c.lease_until < _before, posts.c.done_at < _before).limit(AT_ONCE)
)
POSTS = Statement(delete(posts).where(tuple_(*_post).in_(_old_posts)))


# Numbers for `/insights`, and what they were made of; see `rollups`.
_oldest_day = cast(now_once() / DAY_SECONDS, Integer) + (FIRST_DAY - KEPT_DAYS)


# Feeds whose owners have not come back: they stopped working long before.
FEEDS_SECONDS = 90 * 24 * 3600.0
_old_feeds = (
    select(feeds.c.hash)
    .where(feeds.c.allowed_at < now_once() - FEEDS_SECONDS)
    .order_by(feeds.c.allowed_at)
    .limit(AT_ONCE)
)
FEEDS = Statement(delete(feeds).where(feeds.c.hash.in_(_old_feeds)))


def _old_sums(table: Table) -> Statement:
    """Deletes the oldest days."""
    place = tuple(table.primary_key)
    day = table.c.day
    old = select(*place).where(day < _oldest_day).order_by(day).limit(AT_ONCE)
    return Statement(delete(table).where(tuple_(*place).in_(old)))


SUMS = {table.name: _old_sums(table) for table in (area_days, question_days, timings)}
_old_counted = (
    select(counted.c.key)
    .where(counted.c.counted_at < now_once() - KEPT_DAYS * DAY_SECONDS)
    .order_by(counted.c.counted_at)
    .limit(AT_ONCE)
)
COUNTED = Statement(delete(counted).where(counted.c.key.in_(_old_counted)))


def _pruned_queue_heads(connection: Connection, _: float) -> int:
    """Delete some old heads of queues, with their intents; how many."""
    gone = connection.values(QUEUE_HEADS)
    if gone:
        connection.change(_INTENTS, {"gone": gone})
    return len(gone)


# Each step deletes some rows and returns how many, 0 at the end; it takes the age of deliveries.
STEPS: Mapping[str, Callable[[Connection, float], int]] = {
    "deliveries": lambda connection, age: connection.change(DELIVERIES, {"age": age}),
    "pushes": lambda connection, _: connection.change(PUSHES),
    "commits": lambda connection, _: connection.change(COMMITS),
    "previews": lambda connection, _: connection.change(PREVIEWS),
    "issues": lambda connection, _: connection.change(ISSUES),
    "queue_heads": _pruned_queue_heads,
    "trials": lambda connection, _: connection.change(TRIALS),
    "posts": lambda connection, _: connection.change(POSTS),
    "feeds": lambda connection, _: connection.change(FEEDS),
    "area_days": lambda connection, _: connection.change(SUMS["area_days"]),
    "question_days": lambda connection, _: connection.change(SUMS["question_days"]),
    "timings": lambda connection, _: connection.change(SUMS["timings"]),
    "counted": lambda connection, _: connection.change(COUNTED),
}


async def prune(records: Records, older_than_seconds: float) -> Mapping[str, int]:
    """Delete old rows, a few at a time; how many there were, by the names in STEPS.

    older_than_seconds: of deliveries. Messages are kept.
    """
    pruned = dict.fromkeys(STEPS, 0)
    for name, step in STEPS.items():
        while deleted := await records.write(step, older_than_seconds):
            pruned[name] += deleted
    return pruned
