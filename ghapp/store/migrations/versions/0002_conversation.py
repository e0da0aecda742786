"""Follow-ups, turns, and what was last seen of a pull; only adds, so that 0001 works beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OPEN = sa.text("is_open")


def upgrade() -> None:
    op.create_table(
        "follow_ups",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("repository_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("area", sa.Text(), server_default="", nullable=False),
        sa.Column("due", sa.Text(), server_default="", nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("follow_up", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", "item"),
    )
    op.create_index(
        "follow_ups_open",
        "follow_ups",
        ["repository_id", "due"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_table(
        "turns",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.add_column("reviews", sa.Column("seen_at", sa.Double(), server_default="0", nullable=False))
    op.create_index("reviews_seen", "reviews", ["repository_id", "number", "seen_at"])


def downgrade() -> None:
    op.drop_index("reviews_seen", "reviews")
    with op.batch_alter_table("reviews") as reviews:
        reviews.drop_column("seen_at")
    op.drop_table("turns")
    op.drop_table("follow_ups")
