"""Accounts: refresh chains, deletions, the day's count that outlives them, and periodic work."""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The default stays: the old code, which runs on during the update, does not name the column.
    op.add_column("sessions", sa.Column("refresh_count", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("users", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "deletions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deletions"),
        sa.UniqueConstraint("user_id", name="uq_deletions_user_id"),
    )
    op.create_table(
        "carried_usage",
        sa.Column("number_digest", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number_digest", "day", name="pk_carried_usage"),
    )
    op.create_table(
        "periodic_jobs",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tally", sa.BigInteger(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("name", name="pk_periodic_jobs"),
    )


def downgrade() -> None:
    op.drop_table("periodic_jobs")
    op.drop_table("carried_usage")
    op.drop_table("deletions")
    op.drop_column("users", "deleted_at")
    op.drop_column("sessions", "refresh_count")
