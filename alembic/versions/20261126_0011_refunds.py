"""Refunds: how many a day has given, whether a reply has generated anything, and tokens not yet counted.

All columns have a constant default, so no row is rewritten, and the code before this one, which names none of
them, goes on.
"""

import sqlalchemy as sa

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TOKENS = ("uncounted_input_tokens", "uncounted_output_tokens")


def upgrade() -> None:
    for table in ("daily_usage", "carried_usage"):
        op.add_column(table, sa.Column("refunds", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(
        "messages", sa.Column("has_output", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    for name in _TOKENS:
        op.add_column("messages", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    for name in (*_TOKENS, "has_output"):
        op.drop_column("messages", name)
    for table in ("carried_usage", "daily_usage"):
        op.drop_column(table, "refunds")
