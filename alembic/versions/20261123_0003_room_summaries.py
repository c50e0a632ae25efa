"""Room summaries: what a long room's older exchanges were about, and up to where."""

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("chatrooms", sa.Column("summary", sa.Text(), nullable=True))
    # The default stays: the old code, which runs on during the update, does not name the column.
    op.add_column("chatrooms", sa.Column("summary_upto", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("chatrooms", "summary_upto")
    op.drop_column("chatrooms", "summary")
