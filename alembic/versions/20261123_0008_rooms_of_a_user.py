"""Rooms of a person in the order of their making: an export reads them page by page."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_chatrooms_of_user", "chatrooms", ["user_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_chatrooms_of_user", table_name="chatrooms")
