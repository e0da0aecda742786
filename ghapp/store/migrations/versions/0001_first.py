"""The first schema. Until the first release it is changed in place, together with `schema.py`."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIRTY = "generation > done_generation"
PLACE = sa.Computed("due + CASE WHEN arrived_at > 0 THEN 0 ELSE 3600 END", persisted=True)
TO_BRANCHES = "substr(\"key\", 1, 11) = 'repository:'"
ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def seconds(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), server_default="0", nullable=False)


def flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def given(name: str, type: Any = None, **more: Any) -> sa.Column[Any]:
    """A column without a default."""
    return sa.Column(name, type or sa.Text(), **{"nullable": False, **more})


def index(name: str, table: str, *columns: str, where: str = "", unique: bool = False) -> None:
    condition = sa.text(where) if where else None
    kinds: Any = {"sqlite_where": condition, "postgresql_where": condition} if where else {}
    op.create_index(name, table, [*columns], unique=unique, **kinds)


def upgrade() -> None:  # noqa: PLR0915 -- one for each table
    op.create_table(
        "deliveries",
        given("id", primary_key=True),
        *(text("event"), text("action"), seconds("received_at")),
        given("body", sa.LargeBinary()),
    )
    index("deliveries_received_at", "deliveries", "received_at")
    op.create_table(
        "messages",
        *(given("key", primary_key=True), given("id", primary_key=True)),
        *(given("message"), flag("judged")),
    )
    op.create_table(
        "keys",
        given("key", primary_key=True),
        *(text("kind"), whole("installation_id"), whole("repository_id"), text("full_name")),
        *(whole("number"), whole("generation"), whole("done_generation"), seconds("due")),
        *(
            seconds("started_at"),
            seconds("runs"),
            text("lease_token"),
            seconds("lease_until"),
            text("head_sha"),
        ),
        *(whole("policy_drops"), whole("attempts"), whole("waited"), seconds("parked_at")),
        *(text("error"), seconds("arrived_at"), sa.Column("place", sa.Double(), PLACE)),
        *(seconds("fresh_at"), flag("opened")),
        *(flag("touched"), whole("changed_files"), text("named_head"), text("named_base")),
        text("delivery"),
    )
    index("keys_head", "keys", "repository_id", "head_sha")
    index("keys_lease", "keys", "lease_token")
    index("keys_due", "keys", "due", where=DIRTY)
    index("keys_place", "keys", "place", "installation_id", "repository_id", where=DIRTY)
    index("keys_queue", "keys", "repository_id", where="kind = 'queue'")
    index("keys_number", "keys", "number", where="kind = 'pull'")
    index("keys_parked", "keys", "parked_at", where="parked_at > 0")
    op.create_table(
        "pushes",
        *(given("key", primary_key=True), given("id", primary_key=True)),
        *(text("head_sha"), text("before"), whole("user_id"), seconds("seen_at")),
        given("push"),
    )
    index("pushes_head", "pushes", "key", "head_sha")
    index("pushes_to_branches", "pushes", "seen_at", where=TO_BRANCHES)
    number = {"primary_key": True, "autoincrement": False}
    op.create_table(
        "pushed_commits",
        *(given("repository_id", sa.BigInteger(), **number), given("sha", primary_key=True)),
        *(given("user_id", sa.BigInteger(), **number), given("login", primary_key=True)),
        seconds("seen_at"),
    )
    index("pushed_commits_seen", "pushed_commits", "seen_at")
    op.create_table(
        "pull_commits",
        *(given("key", primary_key=True), given("head_sha", primary_key=True)),
        *(given("place", sa.Integer(), **number), whole("repository_id"), text("sha")),
    )
    index("pull_commits_sha", "pull_commits", "repository_id", "sha")
    op.create_table(
        "intents",
        given("row", ROW, primary_key=True),
        *(text("key"), text("effect"), text("shown"), text("head_sha")),
        seconds("intended_at"),
    )
    index("intents_key", "intents", "key")
    op.create_table(
        "ledger",
        given("row", ROW, primary_key=True),
        *(text("key"), text("id"), given("entry"), text("verb")),
    )
    index("ledger_key_id", "ledger", "key", "id", unique=True)
    index("ledger_waivers", "ledger", "row", where="verb = 'waive'")
    op.create_table(
        "incidents",
        *(given("key", primary_key=True), given("id", primary_key=True)),
        given("repository_id", sa.BigInteger()),
        *(text("item"), seconds("said_at")),
    )
    index("incidents_said_at", "incidents", "said_at")
    op.create_table(
        "reviews",
        given("key", primary_key=True),
        *(whole("installation_id"), whole("repository_id"), whole("number"), flag("is_open")),
        *(text("head_sha"), text("state"), text("turn"), text("tags")),
        *(given("verdict"), given("marks"), given("written")),
        *(seconds("updated_at"), seconds("seen_at"), seconds("pending_since")),
        *(text("base_ref"), seconds("base_since"), seconds("late_since")),
        *(seconds("state_since"), seconds("recheck_at"), text("trial"), seconds("trial_until")),
        *(text("overview"), seconds("unsigned_at"), text("steps"), flag("to_count")),
        *(given("runs", server_default="[]"), seconds("flagged_since")),
        *(text("release_on"), text("urgency")),
        *(text("membership"), text("project"), whole("milestone")),
    )
    index("reviews_seen", "reviews", "repository_id", "number", "seen_at")
    index("reviews_head", "reviews", "repository_id", "head_sha")
    index("reviews_open", "reviews", "installation_id", "seen_at", where="is_open")
    for name, columns, where in (
        ("recheck", ("recheck_at",), "recheck_at > 0"),
        ("trial", ("trial_until",), "trial_until > 0"),
        ("to_count", ("key",), "to_count"),
        ("unsigned", ("unsigned_at", "repository_id"), "unsigned_at > 0"),
        (
            "turn",
            ("turn", "urgency", "state_since", "key", "repository_id", "tags"),
            "turn != ''",
        ),
        ("waiting", ("repository_id", "key"), "turn != ''"),
        ("new", ("flagged_since",), "turn != ''"),
        ("waived", ("state_since",), "state = 'waived'"),
        ("release", ("release_on", "repository_id", "state", "key"), "release_on != ''"),
    ):
        index(f"reviews_{name}", "reviews", *columns, where=where)
    index("reviews_project", "reviews", "project", "number", where="project != ''")
    index(
        *("reviews_milestone", "reviews", "repository_id", "milestone", "number"),
        where="milestone > 0",
    )
    _roll_ups()
    op.create_table(
        "shown",
        given("row", ROW, primary_key=True),
        *(text("key"), text("head_sha"), given("shown")),
    )
    index("shown_key", "shown", "key")
    op.create_table(
        "policies",
        given("repository_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        *(given("text", nullable=True), given("good", nullable=True)),
        *(given("packs", server_default="[]"), given("good_packs", nullable=True)),
        *(text("calendar"), text("etag"), seconds("read_at"), whole("drops"), whole("read_drops")),
        flag("is_broken"),
    )
    op.create_table(
        "previews",
        given("key", primary_key=True),
        *(text("basis"), text("content"), text("replay"), seconds("written_at")),
    )
    index("previews_written_at", "previews", "written_at")
    op.create_table(
        "organisations",
        given("owner", primary_key=True),
        *(given("text", nullable=True), given("good", nullable=True)),
        *(given("packs", server_default="[]"), given("good_packs", nullable=True)),
        *(text("calendar"), text("etag"), seconds("read_at"), whole("drops"), whole("read_drops")),
        *(flag("is_broken"), seconds("changed_at")),
    )
    op.create_table(
        "follow_ups",
        *(given("key", primary_key=True), given("item", primary_key=True)),
        *(whole("repository_id"), text("area"), text("due"), flag("is_open")),
        given("follow_up"),
        *(text("owner"), seconds("closed_at")),
    )
    index("follow_ups_closed", "follow_ups", "closed_at", where="closed_at > 0")
    index("follow_ups_open", "follow_ups", "repository_id", "due", where="is_open")
    index(
        *("follow_ups_due", "follow_ups", "due", "key", "item", "repository_id", "area"),
        where="is_open",
    )
    op.create_table(
        "issues",
        *(given("reference", primary_key=True), given("issue"), seconds("read_at")),
    )
    index("issues_read_at", "issues", "read_at")
    op.create_table(
        "pull_issues",
        *(given("reference", primary_key=True), given("key", primary_key=True)),
    )
    index("pull_issues_key", "pull_issues", "key")
    op.create_table(
        "projects",
        given("ledger", primary_key=True),
        *(text("key"), whole("installation_id"), whole("repository_id"), text("full_name")),
        *(whole("number"), text("node_id"), text("title"), text("url"), flag("is_open")),
        *(given("marks"), given("written"), text("touched"), text("consultation")),
        *(seconds("asked_at"), seconds("updated_at")),
        given("areas", server_default="[]"),
    )
    index("projects_key", "projects", "key")
    index("projects_node", "projects", "node_id")
    index("projects_asked", "projects", "asked_at", where="asked_at > 0")
    op.create_table(
        "configurations",
        given("repository_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        *(whole("installation_id"), text("full_name"), seconds("wanted_at")),
        *(seconds("searched_at"), seconds("before_at"), seconds("next_at")),
        *(whole("files"), whole("read"), flag("is_partial"), whole("issue"), text("written")),
        given("unread", server_default="[]"),
        given("legend", server_default="{}"),
    )
    op.create_table(
        "configuration_blobs",
        given("repository_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        *(given("sha", primary_key=True), given("reading", primary_key=True)),
        given("spots", nullable=True),
    )
    op.create_table(
        "configuration_findings",
        given("repository_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        *(given("path", primary_key=True), given("hazard", primary_key=True)),
        given("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        *(whole("line"), text("severity"), text("area"), text("accepted")),
        *(seconds("first_seen"), seconds("last_seen"), seconds("gone_at")),
    )
    op.create_table(
        "configuration_weeks",
        given("repository_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        given("week", primary_key=True),
        *(whole("must"), whole("should"), whole("could"), whole("accepted")),
    )
    op.create_table("turns", given("name", primary_key=True), seconds("taken_at"))
    op.create_table(
        "posts",
        *(given("target", primary_key=True), given("id", primary_key=True)),
        *(whole("sends"), seconds("lease_until"), seconds("done_at"), text("outcome")),
    )
    op.create_table(
        "failed_deliveries",
        given("guid", primary_key=True),
        *(whole("attempt_id"), seconds("delivered_at"), whole("redelivered"), seconds("due")),
        flag("settled"),
    )
    op.create_table(
        "readings",
        given("name", primary_key=True),
        *(seconds("read_until"), text("cursor"), seconds("began_at")),
    )
    op.create_table(
        "credentials",
        given("number", sa.Integer(), primary_key=True, autoincrement=False),
        *(given("sealed", sa.LargeBinary()), seconds("stored_at")),
    )
    _people()
    op.create_table("schema", given("works_from", primary_key=True))
    op.execute("INSERT INTO schema (works_from) VALUES ('0001')")


def _people() -> None:
    op.create_table(
        "sessions",
        given("hash", primary_key=True),
        *(whole("user_id"), text("login")),
        *(given("token", sa.LargeBinary()), seconds("expires_at")),
    )
    index("sessions_user", "sessions", "user_id")
    index("sessions_expires", "sessions", "expires_at")
    op.create_table(
        "feeds",
        given("hash", primary_key=True),
        *(whole("user_id"), text("login"), text("repositories")),
        *(seconds("made_at"), seconds("allowed_at")),
    )
    index("feeds_user", "feeds", "user_id")
    index("feeds_allowed", "feeds", "allowed_at")


def _roll_ups() -> None:
    op.create_table(
        "counted",
        given("key", primary_key=True),
        *(whole("repository_id"), seconds("counted_at"), given("counted")),
    )
    index("counted_at", "counted", "counted_at")
    _rollup(
        "area_days",
        ("area",),
        *map(whole, ("flagged", "signed_off", "waived", "unsigned", "closed")),
        *map(whole, ("deferred", "resolved", "kept", "stale")),
    )
    _rollup(
        "question_days",
        ("area", "item"),
        *map(whole, ("asked", "answered", "not_applicable", "deferred", "in_bulk", "concerns")),
        *map(whole, ("findings", "worded", "within_5", "within_15", "within_60", "within_240")),
        *(whole("within_540"), whole("later")),
        *(given(one, sa.BigInteger(), nullable=True) for one in ("least_words", "most_words")),
    )
    _rollup("timings", ("area", "kind"), text("amounts"))


def _rollup(name: str, of: tuple[str, ...], *sums: sa.Column[Any]) -> None:
    """A table of sums by day and repository."""
    number = {"primary_key": True, "autoincrement": False}
    op.create_table(
        name,
        *(given(one, primary_key=True) for one in of),
        *(given("day", sa.Integer(), **number), given("repository_id", sa.BigInteger(), **number)),
        *sums,
        sqlite_with_rowid=False,
    )
    index(f"{name}_day", name, "day")


def downgrade() -> None:
    raise NotImplementedError("there is no schema before the first")
