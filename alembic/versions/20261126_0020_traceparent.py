"""Replies: where the request that stored them is in its trace.

The column is empty at first, so no row is rewritten, and the code before this one, which does not name it,
goes on.
"""

import sqlalchemy as sa

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("traceparent", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "traceparent")
