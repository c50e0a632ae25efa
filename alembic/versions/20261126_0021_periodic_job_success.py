"""Periodic tasks: when a run last succeeded.

The column is empty at first, so no row is rewritten, and the code before this one, which does not name it,
goes on.
"""

import sqlalchemy as sa

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("periodic_jobs", sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("periodic_jobs", "last_success_at")
