"""A connection of the pool, for statements on the driver and for SQLAlchemy's session on top of it."""

import time
from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from app.database.connection import Connection, Record
from app.database.orm import initialize, lend
from app.database.statement import Statement


class PooledConnection:
    """An open connection; one block at a time uses it."""

    def __init__(self, driver: Connection, engine: AsyncEngine) -> None:
        self.driver = driver
        self.used_at = time.monotonic()
        self.is_broken = False
        """Whether a statement may still run, or the connection is lost: no block may use it again."""
        self._engine = engine
        self._lent: AsyncConnection | None = None
        self._session: AsyncSession | None = None

    @property
    def is_in_transaction(self) -> bool:
        """Whether the connection is open, and a transaction on it."""
        return not self.driver.is_closed() and self.driver.is_in_transaction()

    async def fetch(self, statement: Statement, values: Mapping[str, object]) -> Sequence[Record]:
        """Run a statement on the driver, after the pending changes of the session; return its rows.

        Prepared once per connection, unless a pooler is used. JSON is returned as text.

        Raises:
            asyncpg.PostgresError, asyncpg.InterfaceError, OSError: the statement or the connection failed.
        """
        if self._session is not None:
            await self.flush()
        try:
            return await self.driver.fetch(statement.text, *statement.arguments(values))
        except Exception:
            raise
        except BaseException:  # cancelled: the server may still run it
            self.is_broken = True
            raise

    async def fetch_row(self, statement: Statement, values: Mapping[str, object]) -> Record | None:
        """Run a statement as `fetch` does; return its first row, None if it has no rows."""
        rows = await self.fetch(statement, values)
        return rows[0] if rows else None

    async def run(self, command: str) -> None:
        """Run a command without parameters, such as BEGIN."""
        try:
            await self.driver.execute(command)
        except Exception:
            raise
        except BaseException:
            self.is_broken = True
            raise

    @property
    def session(self) -> AsyncSession:
        """The block's session of SQLAlchemy. Its objects stay readable after the block."""
        if self._session is None:
            if self._lent is None:
                self._lent = lend(self.driver, self._engine, at_failure=self._note_failure)
            self._session = AsyncSession(self._lent, expire_on_commit=False)
        return self._session

    async def flush(self) -> None:
        """Send the pending changes of the session, if there is one."""
        if self._session is not None:
            await self._session.flush()

    async def end_block(self) -> None:
        """Close the session, and note when the connection was used."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()
        self.used_at = time.monotonic()

    async def initialize_dialect(self) -> None:
        """Let SQLAlchemy read the server's version and settings, for all connections of its engine."""
        self._lent = lend(self.driver, self._engine, at_failure=self._note_failure)
        await initialize(self._lent)

    def _note_failure(self) -> None:
        self.is_broken = True
