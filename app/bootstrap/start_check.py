"""Check once, when the database is first reachable, for a pooler before it and for its schema."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

import asyncpg
import structlog
from sqlalchemy.exc import DBAPIError

from app.bootstrap.refusal import StartRefusedError, end_process
from app.config import Settings
from app.database import is_of_a_pooler, is_unavailable, loses_statements, reason_of
from app.errors import ServiceUnavailable
from app.kit.background import TaskSet
from app.migrations import MigrationFailedError, Revisions, migrate
from app.unit_of_work import UnitOfWork

_RETRY_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 1.0
_POOLER = (
    "DATABASE_URL leads to a pooler in transaction mode, such as PgBouncer: set DATABASE_POOLER=transaction."
)
_NEVER_MIGRATED = (
    "The database has no tables of this service: run `alembic upgrade head`, or set MIGRATE_ON_START=true."
)
_OLDER = (
    "The database's schema is at revision {found}, and this version needs {needed}:"
    " run `alembic upgrade head`, or set MIGRATE_ON_START=true."
)

log = structlog.get_logger(__name__)


class StartCheck:
    """The start check of one process."""

    def __init__(self, settings: Settings, uow: UnitOfWork, revisions: Revisions) -> None:
        self._settings = settings
        self._uow = uow
        self._revisions = revisions
        self._last_reason = ""

    async def begin(self, stack: AsyncExitStack) -> None:
        """Check now; if the database is unreachable, check again in the background until it is reachable.

        Raises:
            StartRefusedError: this process cannot use this database.
        """
        if not await self._is_done():
            background = TaskSet("start-check")
            stack.push_async_callback(background.close, _CLOSE_SECONDS)
            background.start(self._repeat())

    async def require(self) -> None:
        """Check once, for a command that cannot wait for the database.

        Raises:
            StartRefusedError: the database is unreachable, or this process cannot use it.
        """
        if not await self._is_done():
            reason = self._last_reason or "see the log"
            raise StartRefusedError(f"The database is unavailable: {reason}.")

    async def _repeat(self) -> None:
        try:
            while True:
                await asyncio.sleep(_RETRY_SECONDS)
                if await self._is_done():
                    return
        except StartRefusedError as refused:
            end_process(refused)

    async def _is_done(self) -> bool:
        """Run the check; False if the database is unreachable."""
        try:
            return await self._check()
        except ServiceUnavailable:
            return False  # logged already
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError) as error:
            reason = reason_of(error)
            if is_of_a_pooler(error):
                raise StartRefusedError(_POOLER) from error
            if not is_unavailable(error):
                raise StartRefusedError(f"The database cannot be used: {reason}.") from error
            if reason != self._last_reason:  # the check runs every second
                self._last_reason = reason
                log.warning("database_unavailable", reason=reason)
            return False

    async def _check(self) -> bool:
        database = self._uow.database
        await database.warm_up(self._settings.database_connect_seconds)
        if not database.is_pooled and await loses_statements(database.connector.connect):
            raise StartRefusedError(_POOLER)
        revision = await self._revision()
        if not self._revisions.is_fit(revision) and self._settings.migrates_on_start:
            log.info("migration_started", found=revision, needed=self._revisions.head)
            try:
                await migrate(self._settings)
            except MigrationFailedError as error:
                raise StartRefusedError(f"The database cannot be migrated: {error}.") from error
            revision = await self._revision()
        if revision is None:
            raise StartRefusedError(_NEVER_MIGRATED)
        if not self._revisions.is_fit(revision):
            raise StartRefusedError(_OLDER.format(found=revision, needed=self._revisions.head))
        return True

    async def _revision(self) -> str | None:
        async with self._uow.autocommit() as tx:
            return await tx.schema.revision() if await tx.schema.is_migrated() else None
