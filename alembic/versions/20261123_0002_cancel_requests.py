"""Cancel requests: what a person no longer wants, for the worker that holds it."""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_messages_cancel_requested",
        "messages",
        ["lease_token"],
        postgresql_where=sa.text("cancel_requested_at IS NOT NULL AND status = 'generating'"),
    )


def downgrade() -> None:
    op.drop_index("ix_messages_cancel_requested", table_name="messages")
    op.drop_column("messages", "cancel_requested_at")
