"""Old pushes to branches are found by an index; only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
works_from = "0001"

TO_BRANCHES = sa.text("substr(key, 1, 11) = 'repository:'")


def upgrade() -> None:
    op.create_index(
        "pushes_to_branches",
        "pushes",
        ["seen_at"],
        sqlite_where=TO_BRANCHES,
        postgresql_where=TO_BRANCHES,
    )


def downgrade() -> None:
    op.drop_index("pushes_to_branches", "pushes")
