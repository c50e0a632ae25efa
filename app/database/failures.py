"""Tells failures of the database apart, and names their reasons for the log."""

import asyncpg
import structlog
from sqlalchemy import exc

from app.errors import DatabaseFull, DatabaseReadOnly, MigrationsMissing, ServiceUnavailable

_LONGEST_REASON = 300
# Connection lost, shutting down, a statement or a pause in a transaction that took too long, out of
# resources, read-only after a failover, not let in, no such database;
# and what a retry would cure: serialization failure and deadlock.
_UNAVAILABLE = ("08", "57P", "57014", "25P03", "53", "25006", "28", "3D000", "40001", "40P01")
# A table, column or function is missing: the schema is older than the code.
_SCHEMA_MISSING = ("42P01", "42703", "42883", "3F000")
# A prepared statement is unknown or exists already: each transaction reaches another server connection.
_POOLER = ("26000", "42P05")
# A lock was not to be had within lock_timeout; a deadlock.
_LOCKED = ("55P03", "40P01")

_OF_STATE = {"53100": DatabaseFull, "25006": DatabaseReadOnly}

log = structlog.get_logger(__name__)


def is_unavailable(error: BaseException) -> bool:
    """Whether an error says that the database cannot be reached, refuses connections or is restarting."""
    if isinstance(
        error, OSError | TimeoutError | exc.TimeoutError | exc.InterfaceError | exc.OperationalError
    ):
        return True
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return True
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    return sqlstate_of(error).startswith(_UNAVAILABLE)


def is_of_a_pooler(error: BaseException) -> bool:
    """Whether an error shows a pooler in transaction mode that `DATABASE_POOLER` does not name."""
    return sqlstate_of(error) in _POOLER


def is_locked_out(error: BaseException) -> bool:
    """Whether an error says that another session holds a lock that was needed."""
    return sqlstate_of(error) in _LOCKED


def service_failure(error: BaseException) -> ServiceUnavailable | None:
    """Name the failure that makes a request impossible for now, and log its reason; None for others."""
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
    """PostgreSQL's five-character code of an error; empty when it has none."""
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    code = getattr(original, "sqlstate", None)
    return code if isinstance(code, str) else ""


def reason_of(error: BaseException) -> str:
    """PostgreSQL's or the system's own words for an error, without details that may quote a row."""
    original: BaseException | None = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(error, exc.DBAPIError) and original is not None and original.__cause__ is not None:
        original = original.__cause__  # SQLAlchemy's twin of asyncpg's error begins with a class name
    if isinstance(original, TimeoutError):
        return "no answer in time"
    words = str(original).partition("\n")[0] or type(original).__name__
    return f"{sqlstate_of(error)} {words}".strip()[:_LONGEST_REASON]
