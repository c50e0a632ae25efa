"""Subscriptions: which period a pause of collection voids, and the product that was seen to be Pro's.

Both columns are empty at first, so no row is rewritten, and the code before this one, which names neither,
goes on.
"""

import sqlalchemy as sa

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_COLUMNS = ("voided_period", "product_id")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("subscriptions", sa.Column(name, sa.Text(), nullable=True))


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("subscriptions", name)
