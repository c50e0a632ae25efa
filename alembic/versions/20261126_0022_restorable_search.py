"""Search: message_words() names the schema of the functions that it calls.

pg_restore empties the search path, and the words of each message are a generated column: without the schema
the functions were not found, so a dump could not be restored. The function makes the same words as before,
and no row is rewritten.
"""

import sqlalchemy as sa

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_CALLED = ("search_words", "search_folded", "search_stripped")


def upgrade() -> None:
    schema, definition = _definition()
    for name in _CALLED:
        definition = definition.replace(f" {name}(", f" {schema}.{name}(")
    op.get_bind().exec_driver_sql(definition)
    # Set by an operator who restored an earlier dump; it would cost time in each call.
    op.execute("ALTER FUNCTION message_words(uuid, text) RESET search_path")


def downgrade() -> None:
    schema, definition = _definition()
    for name in _CALLED:
        definition = definition.replace(f"{schema}.{name}(", f"{name}(")
    op.get_bind().exec_driver_sql(definition)


def _definition() -> tuple[str, str]:
    """Return the function's schema, quoted if necessary, and its definition."""
    found = op.get_bind().execute(
        sa.text(
            "SELECT quote_ident(nspname), pg_get_functiondef(pg_proc.oid)"
            " FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace"
            " WHERE pg_proc.oid = 'message_words(uuid, text)'::regprocedure"
        )
    )
    schema, definition = found.one()
    return schema, definition
