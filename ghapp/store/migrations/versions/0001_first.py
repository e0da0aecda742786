"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DIRTY = sa.text("generation > done_generation")


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), server_default="", nullable=False),
        sa.Column("action", sa.Text(), server_default="", nullable=False),
        sa.Column("received_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("deliveries_received_at", "deliveries", ["received_at"])
    op.create_table(
        "intents",
        sa.Column("row", ROW, nullable=False),
        sa.Column("key", sa.Text(), server_default="", nullable=False),
        sa.Column("effect", sa.Text(), server_default="", nullable=False),
        sa.Column("intended_at", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("row"),
    )
    op.create_index("intents_key", "intents", ["key"])
    op.create_table(
        "keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("installation_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("repository_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("full_name", sa.Text(), server_default="", nullable=False),
        sa.Column("number", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("done_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due", sa.Double(), server_default="0", nullable=False),
        sa.Column("started_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("lease_token", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", sa.Double(), server_default="0", nullable=False),
        sa.Column("head_sha", sa.Text(), server_default="", nullable=False),
        sa.Column("policy_drops", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("waited", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("parked_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("fresh_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("opened", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("touched", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("changed_files", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("keys_dirty", "keys", ["due"], sqlite_where=DIRTY, postgresql_where=DIRTY)
    op.create_index("keys_head", "keys", ["repository_id", "head_sha"])
    op.create_index("keys_lease", "keys", ["lease_token"])
    op.create_table(
        "ledger",
        sa.Column("row", ROW, nullable=False),
        sa.Column("key", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.Text(), server_default="", nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row"),
    )
    op.create_index("ledger_key_id", "ledger", ["key", "id"], unique=True)
    op.create_table(
        "policies",
        sa.Column("repository_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("good", sa.Text(), nullable=True),
        sa.Column("packs", sa.Text(), server_default="[]", nullable=False),
        sa.Column("good_packs", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), server_default="", nullable=False),
        sa.Column("read_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("drops", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("read_drops", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("repository_id"),
    )
    op.create_table(
        "pushes",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("head_sha", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key", "head_sha", "login"),
    )
    op.create_table(
        "reviews",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("number", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("head_sha", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "shown",
        sa.Column("row", ROW, nullable=False),
        sa.Column("key", sa.Text(), server_default="", nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row"),
    )
    op.create_index("shown_key", "shown", ["key"])
    op.create_table(
        "utterances",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), server_default="", nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("judged", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("key", "id"),
    )
    op.create_index("utterances_delivery_id", "utterances", ["delivery_id"])
    op.create_table(
        "verdicts",
        sa.Column("repository_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("head_sha", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "head_sha", "number"),
    )
    op.create_index("verdicts_number", "verdicts", ["repository_id", "number"])


def downgrade() -> None:
    for table in (
        "verdicts",
        "utterances",
        "shown",
        "reviews",
        "pushes",
        "policies",
        "ledger",
        "keys",
        "intents",
        "deliveries",
    ):
        op.drop_table(table)
