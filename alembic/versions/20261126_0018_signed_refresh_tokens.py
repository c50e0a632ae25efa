"""Sessions: the last refresh token of the chained form that a signed one replaced, and its number.

Both columns are empty at first, so no row is rewritten, and the code before this one, which names neither,
goes on.
"""

import sqlalchemy as sa

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("chain_hash", sa.LargeBinary(), nullable=True))
    op.add_column("sessions", sa.Column("chain_count", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("sessions", "chain_count")
    op.drop_column("sessions", "chain_hash")
