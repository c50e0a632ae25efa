"""Checks the database once, when the process first reaches it: the pooler before it, and its schema."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import asyncpg
import structlog
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from app.bootstrap.refusal import StartRefusedError, end_process
from app.config import Settings
from app.database import is_away, loses_statements, reason_of
from app.errors import ServiceUnavailable
from app.migrations import Revisions, migrate
from app.unit_of_work import UnitOfWork

_RETRY_SECONDS: Final = 1.0
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


@dataclass(frozen=True, slots=True)
class StartCheck:
    """The check of one process."""

    settings: Settings
    uow: UnitOfWork
    revisions: Revisions

    async def begin(self, stack: AsyncExitStack) -> None:
        """Check now; while the database cannot be reached, again in the background until it can.

        Raises:
            StartRefusedError: this process cannot work with this database.
        """
        if not await self._is_done():
            checking = asyncio.create_task(self._repeat())
            stack.callback(checking.cancel)

    async def _repeat(self) -> None:
        try:
            while True:
                await asyncio.sleep(_RETRY_SECONDS)
                if await self._is_done():
                    return
        except StartRefusedError as refused:
            end_process(refused)

    async def _is_done(self) -> bool:
        """Check; False when the database cannot be reached."""
        try:
            return await self._check()
        except ServiceUnavailable:
            return False  # logged by the unit of work
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError) as error:
            if is_away(error):
                log.warning("database_away", reason=reason_of(error))
                return False
            raise StartRefusedError(f"The database cannot be used: {reason_of(error)}.") from error

    async def _check(self) -> bool:
        if not self.settings.has_transaction_pooler and await loses_statements(
            self.uow.database.connector.connect
        ):
            raise StartRefusedError(_POOLER)
        revision = await self._revision()
        if not self.revisions.is_fit(revision) and self.settings.migrates_on_start:
            log.info("migrating", found=revision, needed=self.revisions.head)
            try:
                await migrate(self.settings)
            except CommandError as error:
                raise StartRefusedError(f"The database cannot be migrated: {error}.") from error
            revision = await self._revision()
        if revision is None:
            raise StartRefusedError(_NEVER_MIGRATED)
        if not self.revisions.is_fit(revision):
            raise StartRefusedError(_OLDER.format(found=revision, needed=self.revisions.head))
        return True

    async def _revision(self) -> str | None:
        async with self.uow.single() as tx:
            return await tx.schema.revision()
