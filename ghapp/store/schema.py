"""The schema, one for SQLite and PostgreSQL; times are seconds since 1970 by the database's clock.

Values of the core are stored as JSON. Only what statements ask for has a column of its own.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Computed,
    Double,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    ScalarSelect,
    Table,
    Text,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

metadata = MetaData()

# SQLite numbers rows by itself only if the type is spelled INTEGER.
Row = BigInteger().with_variant(Integer, "sqlite")


class Now(FunctionElement[float]):
    """The database's clock; several workers have several clocks, but one database."""

    type = Double()
    inherit_cache = True


@compiles(Now, "sqlite")
def _now_on_sqlite(element: Now, compiler: SQLCompiler, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(Now, "postgresql")
def _now_on_postgresql(element: Now, compiler: SQLCompiler, **kw: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


def now_once() -> ScalarSelect[float]:
    """The clock, read once for the whole statement, so that an index can be used."""
    return select(Now()).scalar_subquery()


def upsert(table: Table) -> postgresql.Insert:
    """An insert that supports ON CONFLICT; it compiles for SQLite as well."""
    return postgresql.insert(table)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _whole(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _seconds(name: str) -> Column[float]:
    return Column(name, Double, nullable=False, server_default="0")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


# What GitHub sent. body: as it came, compressed by zlib.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    _text("event"),
    _text("action"),
    _seconds("received_at"),
    Column("body", LargeBinary, nullable=False),
    Index("deliveries_received_at", "received_at"),
)

# What people said. A message may be to several pulls, so the primary key includes the key.
messages = Table(
    "messages",
    metadata,
    Column("key", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("message", Text, nullable=False),
    _flag("judged"),
)

# How long a key that no delivery asks for gives way to keys that one asks for.
GIVES_WAY_SECONDS = 3600

# What to re-check.
# - Dirty: generation > done_generation. Leased: lease_until > now. Parked: parked_at > 0.
# - arrived_at: when the oldest delivery arrived that no run covers yet; 0 for none.
# - runs: in the hour before started_at, roughly.
# - place: the order in which keys are claimed.
# - waited: how many Lags in a row.
# - policy_drops: `policies.drops` when the key was claimed.
# - fresh_at, opened, touched, changed_files: hints of deliveries, as in `model.Delivery`.
# - named_head, named_base: what the newest of them names as compared.
# - delivery: the newest of them, as "EVENT.ACTION ID".
keys = Table(
    "keys",
    metadata,
    Column("key", Text, primary_key=True),
    _text("kind"),
    _whole("installation_id"),
    _whole("repository_id"),
    _text("full_name"),
    _whole("number"),
    *(_whole("generation"), _whole("done_generation"), _seconds("due"), _seconds("started_at")),
    Column("runs", Double, nullable=False, server_default="0"),
    *(_text("lease_token"), _seconds("lease_until"), _text("head_sha"), _whole("policy_drops")),
    *(_whole("attempts"), _whole("waited"), _seconds("parked_at"), _text("error")),
    _seconds("arrived_at"),
    Column(
        "place",
        Double,
        Computed(f"due + CASE WHEN arrived_at > 0 THEN 0 ELSE {GIVES_WAY_SECONDS} END", True),
    ),
    *(_seconds("fresh_at"), _flag("opened"), _flag("touched"), _whole("changed_files")),
    *(_text("named_head"), _text("named_base"), _text("delivery")),
    Index("keys_head", "repository_id", "head_sha"),
    Index("keys_lease", "lease_token"),
)
_dirty = keys.c.generation > keys.c.done_generation
Index("keys_due", keys.c.due, sqlite_where=_dirty, postgresql_where=_dirty)
Index(
    "keys_place",
    keys.c.place,
    keys.c.installation_id,
    keys.c.repository_id,
    sqlite_where=_dirty,
    postgresql_where=_dirty,
)


def is_queue(table: FromClause) -> ColumnElement[bool]:
    """Whether a key is a queue's head. A literal: with a parameter no partial index is used."""
    return table.c.kind == literal_column("'queue'")


IS_QUEUE = is_queue(keys)
Index("keys_queue", keys.c.repository_id, sqlite_where=IS_QUEUE, postgresql_where=IS_QUEUE)
IS_PULL = keys.c.kind == literal_column("'pull'")
Index("keys_number", keys.c.number, sqlite_where=IS_PULL, postgresql_where=IS_PULL)
IS_PARKED = keys.c.parked_at > literal_column("0")
Index("keys_parked", keys.c.parked_at, sqlite_where=IS_PARKED, postgresql_where=IS_PARKED)

# Every push by itself, to a pull or, under a repository's key, to any of its branches. id: of the
# delivery. user_id: 0 if it has none.
pushes = Table(
    "pushes",
    metadata,
    Column("key", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    *(_text("head_sha"), _text("before"), _whole("user_id"), _seconds("seen_at")),
    Column("push", Text, nullable=False),
    Index("pushes_head", "key", "head_sha"),
)
# With `substr`, because LIKE differs between the databases.
_kind = func.substr(pushes.c.key, literal_column("1"), literal_column("11"))
IS_BRANCH = _kind == literal_column("'repository:'")
Index("pushes_to_branches", pushes.c.seen_at, sqlite_where=IS_BRANCH, postgresql_where=IS_BRANCH)

# Who pushed which commit to any branch, each account once: whoever pushes the same thousand commits
# back and forth adds nothing. The login of an account without an id tells it apart.
pushed_commits = Table(
    "pushed_commits",
    metadata,
    Column("repository_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sha", Text, primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("login", Text, primary_key=True),
    _seconds("seen_at"),
    Index("pushed_commits_seen", "seen_at"),
)

# What the heads consist of that somebody wanted to sign off, in GitHub's order.
pull_commits = Table(
    "pull_commits",
    metadata,
    Column("key", Text, primary_key=True),
    Column("head_sha", Text, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    *(_whole("repository_id"), _text("sha")),
    Index("pull_commits_sha", "repository_id", "sha"),
)

# Writes in progress: committed before the write, deleted once its outcome is recorded.
# shown, head_sha: what a check run would show, and on which head; "" for all other writes.
intents = Table(
    "intents",
    metadata,
    Column("row", Row, primary_key=True),
    _text("key"),
    *(_text("effect"), _text("shown"), _text("head_sha")),
    _seconds("intended_at"),
    Index("intents_key", "key"),
)

# What was judged, in order; rows are only ever added. verb: of the entry.
ledger = Table(
    "ledger",
    metadata,
    Column("row", Row, primary_key=True),
    _text("key"),
    _text("id"),
    Column("entry", Text, nullable=False),
    _text("verb"),
    Index("ledger_key_id", "key", "id", unique=True),
)
IS_WAIVER = ledger.c.verb == literal_column("'waive'")
Index("ledger_waivers", ledger.c.row, sqlite_where=IS_WAIVER, postgresql_where=IS_WAIVER)

# The incidents of the ledger, by the entry that links each to a question, unless that was undone.
incidents = Table(
    "incidents",
    metadata,
    *(Column("key", Text, primary_key=True), Column("id", Text, primary_key=True)),
    Column("repository_id", BigInteger, nullable=False),
    *(_text("item"), _seconds("said_at")),
    Index("incidents_said_at", "said_at"),
)

# The last run of each pull. verdict: what the pull asks of its head. is_open: as the run read it.
# seen_at: `updated_at` of the pull as last read; 0 if it was never read. pending_since: when GitHub
# accepted the check run that is in progress; 0 if none is. late_since: since when labels differ
# without an event; 0 if none do.
# recheck_at: when to check again even if nothing happens; 0 for never.
# trial: what would have blocked it; "" if nothing would. trial_until: until when; 0 if there is no
# trial, and LASTS while there is one.
# turn: whose turn it is, as in `runs.TURNS`; "" if nobody waits, or it is a draft. tags: as in
# `Overview.tags`, each in a line of its own. overview: for pages; "" if the pull was never read.
# runs: the last few, newest first, as `records.RunNote`. flagged_since: when a run first found it
# flagged and ready; 0 while it is clear, or a draft.
# membership: how it came to its project; "" if it names none. project: the key of that; "" if none.
# unsigned_at: when it was merged without the sign-offs that it waited for; 0 if it was not.
# to_count: whether `rollups` has to count it anew. steps: what happened since it last did, each in
# a line of its own, as `insights.Step` reads it.
# release_on, urgency: as in Overview; "" for a closed pull.
# milestone: as in Run; 0 for a closed pull.
LASTS = 1e11
reviews = Table(
    "reviews",
    metadata,
    Column("key", Text, primary_key=True),
    *(_whole("installation_id"), _whole("repository_id"), _whole("number"), _flag("is_open")),
    _text("head_sha"),
    *(_text("state"), _text("turn"), _text("tags")),
    Column("verdict", Text, nullable=False),
    Column("marks", Text, nullable=False),
    Column("written", Text, nullable=False),
    *(_seconds("updated_at"), _seconds("seen_at"), _seconds("pending_since")),
    *(_text("base_ref"), _seconds("base_since"), _seconds("late_since")),
    *(_seconds("state_since"), _seconds("recheck_at"), _text("trial"), _seconds("trial_until")),
    *(_text("overview"), _seconds("unsigned_at"), _text("steps"), _flag("to_count")),
    Column("runs", Text, nullable=False, server_default="[]"),
    _seconds("flagged_since"),
    *(_text("release_on"), _text("urgency")),
    *(_text("membership"), _text("project")),
    _whole("milestone"),
    Index("reviews_seen", "repository_id", "number", "seen_at"),
    Index("reviews_head", "repository_id", "head_sha"),
)
_is_open = reviews.c.is_open
Index(
    "reviews_open",
    reviews.c.installation_id,
    reviews.c.seen_at,
    sqlite_where=_is_open,
    postgresql_where=_is_open,
)
_rechecked = reviews.c.recheck_at > 0
Index(
    "reviews_recheck",
    reviews.c.recheck_at,
    sqlite_where=_rechecked,
    postgresql_where=_rechecked,
)

_tried = reviews.c.trial_until > 0
Index("reviews_trial", reviews.c.trial_until, sqlite_where=_tried, postgresql_where=_tried)

_waits = reviews.c.turn != literal_column("''")
Index(
    "reviews_turn",
    *(reviews.c.turn, reviews.c.urgency, reviews.c.state_since),
    *(reviews.c.key, reviews.c.repository_id, reviews.c.tags),
    sqlite_where=_waits,
    postgresql_where=_waits,
)
Index(
    "reviews_waiting",
    *(reviews.c.repository_id, reviews.c.key),
    sqlite_where=_waits,
    postgresql_where=_waits,
)
Index("reviews_new", reviews.c.flagged_since, sqlite_where=_waits, postgresql_where=_waits)
IS_WAIVED = reviews.c.state == literal_column("'waived'")
Index("reviews_waived", reviews.c.state_since, sqlite_where=IS_WAIVED, postgresql_where=IS_WAIVED)

_joined = reviews.c.project != literal_column("''")
Index(
    "reviews_project",
    *(reviews.c.project, reviews.c.number),
    sqlite_where=_joined,
    postgresql_where=_joined,
)

_in_milestone = reviews.c.milestone > 0
Index(
    "reviews_milestone",
    *(reviews.c.repository_id, reviews.c.milestone, reviews.c.number),
    sqlite_where=_in_milestone,
    postgresql_where=_in_milestone,
)

_planned = reviews.c.release_on != literal_column("''")
Index(
    "reviews_release",
    *(reviews.c.release_on, reviews.c.repository_id, reviews.c.state, reviews.c.key),
    sqlite_where=_planned,
    postgresql_where=_planned,
)

_to_count = reviews.c.to_count
Index(
    "reviews_to_count",
    reviews.c.key,
    sqlite_where=_to_count,
    postgresql_where=_to_count,
)
_unsigned = reviews.c.unsigned_at > 0
Index(
    "reviews_unsigned",
    *(reviews.c.unsigned_at, reviews.c.repository_id),
    sqlite_where=_unsigned,
    postgresql_where=_unsigned,
)

# What the roll-ups below have of each pull, as `insights.Counted`.
counted = Table(
    "counted",
    metadata,
    Column("key", Text, primary_key=True),
    *(_whole("repository_id"), _seconds("counted_at")),
    Column("counted", Text, nullable=False),
    Index("counted_at", "counted_at"),
)


# Sums for `/insights`, one row for each day of each repository and what it is about.
# day: as `date.toordinal`, by the team's clock.
# In the order of the primary key, they are summed without sorting.
def _rollup(name: str, of: tuple[str, ...], *sums: Column[Any]) -> Table:
    number: dict[str, Any] = {"primary_key": True, "autoincrement": False}
    return Table(
        name,
        metadata,
        *(Column(one, Text, primary_key=True) for one in of),
        Column("day", Integer, **number),
        Column("repository_id", BigInteger, **number),
        *sums,
        Index(f"{name}_day", "day"),
        sqlite_with_rowid=False,
    )


# area: "" for the pull requests themselves, which have an outcome once they are closed.
area_days = _rollup(
    "area_days",
    ("area",),
    *(_whole("flagged"), _whole("signed_off"), _whole("waived"), _whole("unsigned")),
    *(_whole("closed"), _whole("deferred"), _whole("resolved"), _whole("kept"), _whole("stale")),
)
# within_N: how many were answered within so many minutes of working time, and not sooner.
# least_words, most_words: digests of answers in words; equal if all such answers are.
question_days = _rollup(
    "question_days",
    ("area", "item"),
    *(_whole("asked"), _whole("answered"), _whole("not_applicable"), _whole("deferred")),
    *(_whole("in_bulk"), _whole("concerns"), _whole("findings"), _whole("worded")),
    *(_whole("within_5"), _whole("within_15"), _whole("within_60"), _whole("within_240")),
    *(_whole("within_540"), _whole("later")),
    *(Column("least_words", BigInteger), Column("most_words", BigInteger)),
)
# kind: reviewers | author, whose turn it was, in minutes of working time; check, in milliseconds
# from a delivery to its check run. amounts: each of them, with a space behind it.
timings = _rollup("timings", ("area", "kind"), _text("amounts"))

# What the check runs that GitHub accepted showed.
shown = Table(
    "shown",
    metadata,
    Column("row", Row, primary_key=True),
    *(_text("key"), _text("head_sha")),
    Column("shown", Text, nullable=False),
    Index("shown_key", "key"),
)


# The policy as last read. drops: how many pushes may have changed it; read_drops: how many of them
# came before it was read. read_at: 0 if it was never read. packs, good_packs: the packs that `text`
# and `good` name; good_packs is NULL if both are equal, as they mostly are. is_broken: `text` is
# not in force, or the file of an organisation is gone. calendar: the file that
# `text` names as its calendar; "" if it names none.
def _policy() -> tuple[Column[Any], ...]:
    return (
        Column("text", Text),
        Column("good", Text),
        Column("packs", Text, nullable=False, server_default="[]"),
        Column("good_packs", Text),
        _text("calendar"),
        *(_text("etag"), _seconds("read_at"), _whole("drops"), _whole("read_drops")),
        _flag("is_broken"),
    )


policies = Table(
    "policies",
    metadata,
    Column("repository_id", BigInteger, primary_key=True, autoincrement=False),
    *_policy(),
)

# The same of each owner's `.github` repository, once for all repositories of the owner.
# owner: as `model.Repository.owner`. changed_at: when another content of it was first stored.
organisations = Table(
    "organisations",
    metadata,
    Column("owner", Text, primary_key=True),
    *_policy(),
    _seconds("changed_at"),
)

# What the check runs `NFR policy` were last written for. basis: digest of the head and of the
# policy in force. content: digest of both policies, whose replay is kept.
previews = Table(
    "previews",
    metadata,
    Column("key", Text, primary_key=True),
    *(_text("basis"), _text("content"), _text("replay"), _seconds("written_at")),
    Index("previews_written_at", "written_at"),
)

# Questions that were deferred, each until its issue is closed. closed_at: when a run found that it
# is; 0 while it is open.
follow_ups = Table(
    "follow_ups",
    metadata,
    Column("key", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    *(_whole("repository_id"), _text("area"), _text("due"), _flag("is_open")),
    Column("follow_up", Text, nullable=False),
    *(_text("owner"), _seconds("closed_at")),
)
_closed = follow_ups.c.closed_at > 0
Index(
    "follow_ups_closed",
    follow_ups.c.closed_at,
    sqlite_where=_closed,
    postgresql_where=_closed,
)
_open = follow_ups.c.is_open
Index(
    "follow_ups_open",
    follow_ups.c.repository_id,
    follow_ups.c.due,
    sqlite_where=_open,
    postgresql_where=_open,
)
Index(
    "follow_ups_due",
    *(follow_ups.c.due, follow_ups.c.key, follow_ups.c.item),
    *(follow_ups.c.repository_id, follow_ups.c.area),
    sqlite_where=_open,
    postgresql_where=_open,
)

# Issues as they were read on the way from a pull to its project, also those that are none. A row
# goes when a delivery says that the issue has changed. reference: as `ProjectKey.reference`.
issues = Table(
    "issues",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("issue", Text, nullable=False),
    _seconds("read_at"),
    Index("issues_read_at", "read_at"),
)

# Which issues the way of a pull to its project leads through, whether it has one or not.
pull_issues = Table(
    "pull_issues",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Index("pull_issues_key", "key"),
)

# The last run of each project. ledger: the key of its entries, its first address, which stays when
# the issue is transferred. key: its present address. node_id: of the issue.
# consultation: what waits for the reviewers, asked_at: since when; "" and 0 if nothing does.
projects = Table(
    "projects",
    metadata,
    Column("ledger", Text, primary_key=True),
    *(_text("key"), _whole("installation_id"), _whole("repository_id"), _text("full_name")),
    *(_whole("number"), _text("node_id"), _text("title"), _text("url"), _flag("is_open")),
    Column("marks", Text, nullable=False),
    Column("written", Text, nullable=False),
    *(_text("touched"), _text("consultation"), _seconds("asked_at"), _seconds("updated_at")),
    Column("areas", Text, nullable=False, server_default="[]"),
    Index("projects_key", "key"),
    Index("projects_node", "node_id"),
)
_asked = projects.c.asked_at > literal_column("0")
Index("projects_asked", projects.c.asked_at, sqlite_where=_asked, postgresql_where=_asked)

# The standing review of each repository's configuration. wanted_at: when a search was last asked
# for; searched_at: when one last ended, and before_at the one before it. next_at: when the next one
# is due; 0 for soon. files, unread, is_partial: of the last one. read: how many files had to be
# read for it. issue: its number; written: digest of the text that it has. legend: the messages of
# the hazards that were found, by id.
configurations = Table(
    "configurations",
    metadata,
    Column("repository_id", BigInteger, primary_key=True, autoincrement=False),
    *(_whole("installation_id"), _text("full_name"), _seconds("wanted_at")),
    *(_seconds("searched_at"), _seconds("before_at"), _seconds("next_at")),
    *(_whole("files"), _whole("read"), _flag("is_partial"), _whole("issue"), _text("written")),
    Column("unread", Text, nullable=False, server_default="[]"),
    Column("legend", Text, nullable=False, server_default="{}"),
)
# What was found in a file, by its SHA and by what else decides (`scan.configuration.Wanted`); the
# content itself is not stored. spots: NULL if it could not be searched.
configuration_blobs = Table(
    "configuration_blobs",
    metadata,
    Column("repository_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sha", Text, primary_key=True),
    Column("reading", Text, primary_key=True),
    Column("spots", Text),
)
# Findings over time, as `review.configuration.Tracked`. gone_at: 0 while it is there.
configuration_findings = Table(
    "configuration_findings",
    metadata,
    Column("repository_id", BigInteger, primary_key=True, autoincrement=False),
    Column("path", Text, primary_key=True),
    Column("hazard", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    *(_whole("line"), _text("severity"), _text("area"), _text("accepted")),
    *(_seconds("first_seen"), _seconds("last_seen"), _seconds("gone_at")),
)
# How many were open at the end of each week, by the Monday that it began with.
configuration_weeks = Table(
    "configuration_weeks",
    metadata,
    Column("repository_id", BigInteger, primary_key=True, autoincrement=False),
    Column("week", Text, primary_key=True),
    *(_whole("must"), _whole("should"), _whole("could"), _whole("accepted")),
)

# What only one process does at a time, and when one last began it.
turns = Table("turns", metadata, Column("name", Text, primary_key=True), _seconds("taken_at"))

# Messages to channels and issues of teams. target: a digest of where it goes. id: its kind, and the
# day or a digest of what it is about, "digest:2026-11-25".
# sends: how often it was sent without a known failure. done_at: 0 if it may still be sent.
# outcome: as in `posts.done`.
posts = Table(
    "posts",
    metadata,
    Column("target", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    *(_whole("sends"), _seconds("lease_until"), _seconds("done_at"), _text("outcome")),
)

# Deliveries that failed, as GitHub lists them. attempt_id, delivered_at: of the newest attempt.
# due: when to request another one; 0 while the outcome of a requested one is not known.
failed_deliveries = Table(
    "failed_deliveries",
    metadata,
    Column("guid", Text, primary_key=True),
    *(_whole("attempt_id"), _seconds("delivered_at"), _whole("redelivered"), _seconds("due")),
    _flag("settled"),
)

# How far growing lists of GitHub were read; as `redelivery.Position`, with 0 for None.
readings = Table(
    "readings",
    metadata,
    Column("name", Text, primary_key=True),
    *(_seconds("read_until"), _text("cursor"), _seconds("began_at")),
)

# One row, with the number 1, if set-up has made the App. sealed: its credentials, encrypted.
credentials = Table(
    "credentials",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    _seconds("stored_at"),
)

# People who have signed in to the pages. hash: of the cookie, in hex. user_id: on GitHub.
# token: with which GitHub says what they may see, encrypted.
sessions = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    *(_whole("user_id"), _text("login")),
    Column("token", LargeBinary, nullable=False),
    _seconds("expires_at"),
    Index("sessions_user", "user_id"),
    Index("sessions_expires", "expires_at"),
)

# Calendar feeds. hash: of the token in its address, in hex. repositories: the ids of those that its
# owner could see when GitHub last said so, at allowed_at.
feeds = Table(
    "feeds",
    metadata,
    Column("hash", Text, primary_key=True),
    *(_whole("user_id"), _text("login"), _text("repositories")),
    *(_seconds("made_at"), _seconds("allowed_at")),
    Index("feeds_user", "user_id"),
    Index("feeds_allowed", "allowed_at"),
)

# One row. works_from: the oldest revision of the schema whose code works on the schema as it is.
schema = Table("schema", metadata, Column("works_from", Text, primary_key=True))
