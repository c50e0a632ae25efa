"""Billing evidence: installation id, tombstones of deleted accounts, unresolved subscriptions, sync times."""

import sqlalchemy as sa

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("is_only", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("id", sa.Uuid(), nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.CheckConstraint("is_only", name="ck_installation_is_only"),
        sa.PrimaryKeyConstraint("is_only", name="pk_installation"),
    )
    op.execute("INSERT INTO installation DEFAULT VALUES")
    op.create_table(
        "deleted_accounts",
        sa.Column("user_digest", sa.LargeBinary(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_digest", name="pk_deleted_accounts"),
    )
    op.execute("INSERT INTO deleted_accounts SELECT sha256(uuid_send(user_id)), now() FROM deletions")
    op.create_table(
        "unresolved_subscriptions",
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("found", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reason", name="pk_unresolved_subscriptions"),
    )
    # The default is computed once and no row is written, so the lock is short.
    op.add_column(
        "subscription_syncs",
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )


def downgrade() -> None:
    """Remove all of it; a later upgrade makes another installation id than subscriptions name by then."""
    op.drop_column("subscription_syncs", "synced_at")
    op.drop_table("unresolved_subscriptions")
    op.drop_table("deleted_accounts")
    op.drop_table("installation")
