"""Administration: the audit log, keys of the admin API, and what an operator may set on an account.

The new columns are empty at first, so no row is rewritten, and the code before this one, which names none of
them, goes on. It ignores them: an account that is banned or granted Pro is neither for it.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_USER_COLUMNS = (
    ("banned_at", sa.DateTime(timezone=True)),
    ("pro_until", sa.DateTime(timezone=True)),
    ("messages_per_day", sa.Integer()),
)

# A statement trigger also fires for statements that match no row, and ALWAYS also while
# session_replication_role is `replica`. A dump is restored by COPY, which only inserts.
_REFUSE_CHANGE = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'Record a correction as another row.';
END
$body$
"""
_APPEND_ONLY = """
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
"""


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("details", JSONB(), nullable=False, server_default="{}"),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_at", "audit_log", [sa.text("at DESC"), sa.text("id DESC")])
    op.create_index("ix_audit_log_of_user", "audit_log", ["user_id", sa.text("at DESC"), sa.text("id DESC")])
    op.execute(_REFUSE_CHANGE)
    op.execute(_APPEND_ONLY)
    op.execute("ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_append_only")
    op.create_table(
        "admin_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_admin_keys"),
        sa.UniqueConstraint("key_hash", name="uq_admin_keys_key_hash"),
    )
    op.create_index(
        "uq_admin_keys_open_name",
        "admin_keys",
        ["name"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    for name, kind in _USER_COLUMNS:
        op.add_column("users", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    """Remove all of it, the audit log with it."""
    for name, _ in reversed(_USER_COLUMNS):
        op.drop_column("users", name)
    op.drop_table("admin_keys")
    op.drop_table("audit_log")
    op.execute("DROP FUNCTION refuse_audit_change()")
