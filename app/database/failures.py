"""Classify errors of the database, and extract their reasons for the log."""

import asyncpg
import structlog
from sqlalchemy import exc

from app.errors import DatabaseFull, DatabaseReadOnly, MigrationsMissing, ServiceUnavailable

_REASON_LENGTH = 300
# Connection lost, shutting down, statement or idle-in-transaction timeout, out of resources, read-only after
# a failover, authentication failed, no such database; and errors that a retry solves: serialization failure,
# deadlock.
_UNAVAILABLE = ("08", "57P", "57014", "25P03", "53", "25006", "28", "3D000", "40001", "40P01")
# A table, column or function is missing: the schema is older than the code.
_SCHEMA_MISSING = ("42P01", "42703", "42883", "3F000")
# A prepared statement is unknown or exists already: transactions run on different server connections.
_POOLER = ("26000", "42P05")
# Lock timeout; deadlock.
_LOCKED = ("55P03", "40P01")

_READ_ONLY = "25006"

_OF_STATE = {"53100": DatabaseFull, _READ_ONLY: DatabaseReadOnly}

log = structlog.get_logger(__name__)


def is_unavailable(error: BaseException) -> bool:
    """Whether an error means that the database is unreachable, rejects connections or is restarting."""
    if isinstance(
        error, OSError | TimeoutError | exc.TimeoutError | exc.InterfaceError | exc.OperationalError
    ):
        return True
    if isinstance(
        error, asyncpg.InterfaceError | asyncpg.InternalClientError | asyncpg.InvalidCachedStatementError
    ):  # the last: a migration changed a type; the driver prepares it again for the retry
        return True
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    return sqlstate_of(error).startswith(_UNAVAILABLE)


def is_read_only(error: BaseException) -> bool:
    """Whether an error means that this connection rejects writes, as after a failover."""
    return isinstance(error, DatabaseReadOnly) or sqlstate_of(error) == _READ_ONLY


def is_of_a_pooler(error: BaseException) -> bool:
    """Whether an error shows a pooler in transaction mode that `DATABASE_POOLER` does not name."""
    return sqlstate_of(error) in _POOLER


def is_locked_out(error: BaseException) -> bool:
    """Whether an error means that another session holds a required lock."""
    return sqlstate_of(error) in _LOCKED


def service_failure(error: BaseException) -> ServiceUnavailable | None:
    """Return the expected error for a failure of the database, and log its reason; None for other errors."""
    reason, state = reason_of(error), sqlstate_of(error)
    if state in _SCHEMA_MISSING:
        log.error("database_schema_missing", reason=reason, remedy="run `alembic upgrade head`")
        return MigrationsMissing()
    if is_of_a_pooler(error):
        log.error("database_pooler_not_named", reason=reason, remedy="set DATABASE_POOLER=transaction")
        return ServiceUnavailable()
    if is_unavailable(error):
        log.warning("database_unavailable", reason=reason)
        return _OF_STATE.get(state, ServiceUnavailable)()
    return None


def sqlstate_of(error: BaseException) -> str:
    """Return PostgreSQL's five-character code of an error; empty if it has none."""
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    code = getattr(original, "sqlstate", None)
    return code if isinstance(code, str) else ""


def reason_of(error: BaseException) -> str:
    """Return the message of PostgreSQL or the system, without details that may quote a row."""
    original: BaseException | None = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(error, exc.DBAPIError) and original is not None and original.__cause__ is not None:
        original = original.__cause__  # SQLAlchemy's copy of asyncpg's error begins with a class name
    if isinstance(original, TimeoutError):
        return "no answer in time"
    message = str(original).partition("\n")[0] or type(original).__name__
    return f"{sqlstate_of(error)} {message}".strip()[:_REASON_LENGTH]
