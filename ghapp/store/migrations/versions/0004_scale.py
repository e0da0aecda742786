"""Who waits and whose turn it is, and with which ghapp the schema works; only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
works_from = "0001"

WAITS = "generation > done_generation AND parked_at = 0 AND "
INDEXES = {"keys_asked": "arrived_at > 0", "keys_unasked": "arrived_at = 0"}


def upgrade() -> None:
    op.add_column("keys", sa.Column("arrived_at", sa.Double(), server_default="0", nullable=False))
    op.add_column("intents", sa.Column("shown", sa.Text(), server_default="", nullable=False))
    for name, condition in INDEXES.items():
        where = sa.text(WAITS + condition)
        op.create_index(
            name,
            "keys",
            ["installation_id", "due"],
            sqlite_where=where,
            postgresql_where=where,
        )
    queued = sa.text("kind = 'queue'")
    op.create_index(
        "keys_queue", "keys", ["repository_id"], sqlite_where=queued, postgresql_where=queued
    )
    op.create_table(
        "schema",
        sa.Column("works_from", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("works_from"),
    )
    op.execute("INSERT INTO schema (works_from) VALUES ('')")


def downgrade() -> None:
    op.drop_table("schema")
    for name in (*INDEXES, "keys_queue"):
        op.drop_index(name, "keys")
    with op.batch_alter_table("intents") as intents:
        intents.drop_column("shown")
    with op.batch_alter_table("keys") as keys:
        keys.drop_column("arrived_at")
