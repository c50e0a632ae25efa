"""Room deletion: a deleted room is out of sight at once, and erased by a worker when this is due."""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("chatrooms", sa.Column("erase_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_chatrooms_erase_at",
        "chatrooms",
        ["erase_at"],
        postgresql_where=sa.text("erase_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("DELETE FROM chatrooms WHERE erase_at IS NOT NULL")  # nobody is to see them again
    op.drop_index("ix_chatrooms_erase_at", table_name="chatrooms")
    op.drop_column("chatrooms", "erase_at")
