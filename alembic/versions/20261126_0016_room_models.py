"""Rooms: whether a room follows the default model, and the Idempotency-Keys that rooms were opened with.

`follows_default` is true for a room that names no model, false for one that names `model`, and NULL for a
room of an earlier version: that stored the default of its time in `model`, so its row does not tell whether
the user named a model. A migration does not know `GEMINI_MODEL`, and one statement over all rooms would hold
their locks for as long as it runs. So this one only adds the column, which rewrites no row. A worker then
decides about the rooms with NULL in batches: those that have its `GEMINI_MODEL` follow it from then on, the
others keep the model that they name.

`model` stays NOT NULL and holds the default of its time also in a room that follows it: the code before this
one, which may still run, reads it.

The keys are a table of their own: they outlive their rooms, so that a retry never makes a deleted room again,
and a unique index on `chatrooms` would have to read the whole table under a lock.
"""

import sqlalchemy as sa

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chatroom_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=False),
        sa.Column("body_digest", sa.LargeBinary(), nullable=False),
        sa.Column("chatroom_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["chatroom_id"],
            ["chatrooms.id"],
            name=op.f("fk_chatroom_keys_chatroom_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_chatroom_keys_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "key_digest", name=op.f("pk_chatroom_keys")),
    )
    op.create_index(op.f("ix_chatroom_keys_chatroom_id"), "chatroom_keys", ["chatroom_id"])
    op.add_column("chatrooms", sa.Column("follows_default", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("chatrooms", "follows_default")
    op.drop_index(op.f("ix_chatroom_keys_chatroom_id"), table_name="chatroom_keys")
    op.drop_table("chatroom_keys")
