"""Connections to PostgreSQL, and the guard against external calls inside a transaction."""

from app.database.connection import Record
from app.database.failures import is_locked_out, is_of_a_pooler, is_unavailable, reason_of
from app.database.guard import OutsideCallInTransactionError, forbid_in_transaction, in_transaction
from app.database.pool import Database
from app.database.pooled import PooledConnection
from app.database.pooler import loses_statements
from app.database.statement import Statement

__all__ = [
    "Database",
    "OutsideCallInTransactionError",
    "PooledConnection",
    "Record",
    "Statement",
    "forbid_in_transaction",
    "in_transaction",
    "is_locked_out",
    "is_of_a_pooler",
    "is_unavailable",
    "loses_statements",
    "reason_of",
]
