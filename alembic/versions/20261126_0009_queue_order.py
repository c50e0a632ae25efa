"""What the order of the queue is decided by: the plan, the database's clock, and leases that ran out.

All have constant defaults, so no row is rewritten. Unfinished replies keep one index, by room: of two the
planner took the wrong one as long as its statistics said that nothing waits.
"""

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "messages", sa.Column("expired_leases", sa.SmallInteger(), nullable=False, server_default="0")
    )
    op.add_column("messages", sa.Column("priority", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column(
        "messages",
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.drop_index("ix_messages_unfinished", table_name="messages")
    op.create_index("ix_deletions_due_at", "deletions", ["due_at"])


def downgrade() -> None:
    op.drop_index("ix_deletions_due_at", table_name="deletions")
    op.create_index(
        "ix_messages_unfinished",
        "messages",
        ["created_at"],
        postgresql_where=sa.text("role = 'model' AND status IN ('pending', 'generating')"),
    )
    op.drop_column("messages", "queued_at")
    op.drop_column("messages", "priority")
    op.drop_column("messages", "expired_leases")
