"""Sessions: from where each was last used; and an index of the sign-ups that nobody proved, for the purge."""

import sqlalchemy as sa

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_UNPROVED = sa.text("verified_at IS NULL")


def upgrade() -> None:
    op.add_column("sessions", sa.Column("last_used_ip", sa.Text(), nullable=True))
    op.create_index("ix_users_unproved", "users", ["created_at"], postgresql_where=_UNPROVED)


def downgrade() -> None:
    op.drop_index("ix_users_unproved", table_name="users", postgresql_where=_UNPROVED)
    op.drop_column("sessions", "last_used_ip")
