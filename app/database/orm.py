"""SQLAlchemy on a connection of the pool: it sends statements, but neither begins nor ends a transaction."""

from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import Connection as SyncConnection
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection

from app.database.connection import Connection


class _Lent(PoolProxiedConnection):
    """A connection that SQLAlchemy may use and report as broken, but never opens, resets or closes."""

    def __init__(self, adapter: DBAPIConnection, at_failure: Callable[[], None]) -> None:
        self._adapter = adapter
        self.driver_connection = adapter.driver_connection
        self._at_failure = at_failure
        self._is_valid = True

    @property
    def dbapi_connection(self) -> DBAPIConnection:  # type: ignore[override]  # read-only here
        """The adapter of asyncpg's connection."""
        return self._adapter

    @property
    def is_valid(self) -> bool:
        """Whether no failure was reported."""
        return self._is_valid

    @property
    def is_detached(self) -> bool:
        """It belongs to the pool."""
        return False

    def invalidate(self, e: BaseException | None = None, soft: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  # SQLAlchemy's signature
        """Report that the connection must not be used again."""
        self._is_valid = False
        self._at_failure()

    def close(self) -> None:
        """Leave the connection open: it is the pool's."""

    def cursor(self, *arguments: Any, **options: Any) -> DBAPICursor:  # noqa: ANN401  # SQLAlchemy's signature
        """Return a cursor of the adapter."""
        return self._adapter.cursor(*arguments, **options)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # the adapter's attributes
        return getattr(self._adapter, name)


def lend(driver: Connection, engine: AsyncEngine, *, at_failure: Callable[[], None]) -> AsyncConnection:
    """Return SQLAlchemy's connection on top of the driver's, without a round trip; made once per connection.

    It has no codecs for JSON, which asyncpg returns as text.
    """
    adapter = AsyncAdapt_asyncpg_connection(engine.dialect.loaded_dbapi, driver)  # type: ignore[no-untyped-call]  # SQLAlchemy's
    adapter.autocommit = True
    lent = _Lent(cast("DBAPIConnection", adapter), at_failure)
    return AsyncConnection(engine, sync_connection=SyncConnection(engine.sync_engine, connection=lent))


async def initialize(connection: AsyncConnection) -> None:
    """Let the engine's dialect read the server's version and settings; once per engine."""
    await connection.run_sync(lambda sync: sync.dialect.initialize(sync))
