"""Check the database: reachable, recent, writable, migrated, and without an unnamed pooler."""

import time
from dataclasses import dataclass
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError

from app.config import Settings
from app.database import Database, is_of_a_pooler, loses_statements, reason_of
from app.errors import ServiceUnavailable
from app.migrations import Revisions
from app.repositories.inspection import ServerState
from app.services.operations.checks.report import CheckResult, Fact, clock_problem
from app.unit_of_work import UnitOfWork

NAME: Final = "database"
_OLDEST_VERSION: Final = 150_000
_FAILURES: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    DBAPIError,
    ServiceUnavailable,
)
_POOLER: Final = (
    "DATABASE_URL leads to a pooler in transaction mode, such as PgBouncer: set DATABASE_POOLER=transaction."
)


@dataclass(frozen=True, slots=True)
class DatabaseCheck:
    """Inspects the database without changing it."""

    settings: Settings
    uow: UnitOfWork
    revisions: Revisions

    async def run(self, seconds: float) -> CheckResult:
        """Check the database; connecting has `seconds`."""
        facts: dict[str, Fact] = {}
        problems: list[str] = []
        started = time.monotonic()
        try:
            await self.uow.database.warm_up(seconds)
            facts["connect_ms"] = round((time.monotonic() - started) * 1000, 1)
            async with self.uow.autocommit() as tx:
                asked_at = time.time()
                server = await tx.inspection.server()
                ahead = server.clock - (asked_at + time.time()) / 2
                is_migrated = await tx.schema.is_migrated()
            async with self.uow.autocommit() as tx:
                revision = await tx.schema.revision() if is_migrated else None
            is_lossy = not self._database.is_pooled and await loses_statements(
                self._database.connector.connect
            )
        except _FAILURES as error:
            cause = error.__cause__ if isinstance(error, ServiceUnavailable) and error.__cause__ else error
            if is_of_a_pooler(cause):
                return CheckResult(NAME, facts, (_POOLER,))
            sentence = (
                f"The database cannot be used ({reason_of(cause)}): check DATABASE_URL, that the server runs,"
                " and that this machine may connect to it."
            )
            return CheckResult(NAME, facts, (sentence,))
        facts |= {
            "version": server.version,
            "is_read_only": server.is_read_only,
            "max_connections": server.max_connections,
            "revision": revision,
            "needed_revision": self.revisions.head,
            "clock_ahead_seconds": round(ahead, 3),
            "pooler": "transaction" if self._database.is_pooled or is_lossy else None,
        }
        problems += _server_problems(server)
        problems += self._revision_problems(revision)
        problems += clock_problem("the database", ahead)
        problems += [_POOLER] if is_lossy else []
        return CheckResult(NAME, facts, tuple(problems))

    @property
    def _database(self) -> Database:
        return self.uow.database

    def _revision_problems(self, revision: str | None) -> list[str]:
        if self.revisions.is_fit(revision):
            return []
        state = (
            "has no tables of this service"
            if revision is None
            else f"is at revision {revision}, and this version needs {self.revisions.head}"
        )
        return [f"The database {state}: run `python -m app migrate`."]


def _server_problems(server: ServerState) -> list[str]:
    problems = []
    if server.version_number < _OLDEST_VERSION:
        problems.append(f"The database is PostgreSQL {server.version}: upgrade it to version 15 or newer.")
    if server.is_read_only:
        problems.append(
            "The database is read-only: connect to the primary server, and free disk space or unset"
            " default_transaction_read_only if it is the primary."
        )
    return problems
