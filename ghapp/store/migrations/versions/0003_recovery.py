"""Failed deliveries, how far their list was read, runs in progress; only adds, as 0002 did."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PENDING = sa.text("pending_since > 0")


def upgrade() -> None:
    op.create_table(
        "failed_deliveries",
        sa.Column("guid", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("delivered_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("redelivered", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due", sa.Double(), server_default="0", nullable=False),
        sa.Column("settled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("guid"),
    )
    op.create_table(
        "readings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("read_until", sa.Double(), server_default="0", nullable=False),
        sa.Column("cursor", sa.Text(), server_default="", nullable=False),
        sa.Column("began_at", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.add_column(
        "reviews", sa.Column("pending_since", sa.Double(), server_default="0", nullable=False)
    )
    op.create_index(
        "reviews_pending",
        "reviews",
        ["pending_since"],
        sqlite_where=PENDING,
        postgresql_where=PENDING,
    )


def downgrade() -> None:
    op.drop_index("reviews_pending", "reviews")
    with op.batch_alter_table("reviews") as reviews:
        reviews.drop_column("pending_since")
    op.drop_table("readings")
    op.drop_table("failed_deliveries")
