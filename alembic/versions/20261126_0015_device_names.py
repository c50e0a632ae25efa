"""Sessions: the name that the user gave the device. The column is empty at first, so no row is rewritten."""

import sqlalchemy as sa

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("device_name", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("sessions", "device_name")
