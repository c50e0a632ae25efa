"""The pool of connections to PostgreSQL, with its admission queue."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import asyncpg
from sqlalchemy import event, exc
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection

from app.config import PostgresAddress
from app.database.connection import Connection
from app.database.connector import Connector
from app.database.cut_offs import CutOffs
from app.database.failures import is_unavailable, service_failure
from app.kit.timeouts import AdmissionQueue, Watchdog, stall_timeout

POOL_WAIT_SECONDS = 1.0
# How long a request waits for a new connection; one that takes longer serves the next request.
_CONNECT_WAIT_SECONDS = 2.0
# One process uses one core, which a dozen connections keep busy; a server with 100 serves eight processes.
_CONNECTIONS = 10
_CONNECTIONS_FOR_CHECKS = 2
# An idle connection may be dead unnoticed: ping it after a second, replace it after 200, since networks drop
# idle connections after four minutes or more.
_PING_AFTER_SECONDS = 1.0
_PING_SECONDS = 0.5
_MAX_IDLE_SECONDS = 200.0


@dataclass(frozen=True, slots=True)
class Database:
    """The pool of connections, with its admission queue."""

    engine: AsyncEngine
    factory: async_sessionmaker[AsyncSession]
    connector: Connector
    admission: AdmissionQueue
    cut_offs: CutOffs
    is_pooled: bool
    """Whether a pooler in transaction mode is used: no state of a connection outlives its transaction."""

    @classmethod
    def from_url(
        cls,
        address: PostgresAddress,
        *,
        connect_seconds: float = 8,
        statement_seconds: float | None = None,
        is_pooled: bool = False,
        is_kept: bool = True,
    ) -> "Database":
        """Create a pool for this address, or single connections (`is_kept=False`); it connects on first use.

        The server ends a statement after `statement_seconds`.
        """
        connector = Connector(
            address, seconds=connect_seconds, statement_seconds=statement_seconds, is_pooled=is_pooled
        )
        pool_options = {
            "pool_size": _CONNECTIONS,
            "max_overflow": _CONNECTIONS_FOR_CHECKS,
            "pool_timeout": POOL_WAIT_SECONDS,
            "pool_use_lifo": True,  # the connection used last has the statements prepared
        }
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connector.connect,
            hide_parameters=True,  # the log must not contain texts of users
            **(pool_options if is_kept else {"poolclass": NullPool}),
        )
        event.listen(engine.sync_engine, "checkin", _note_use)
        event.listen(engine.sync_engine, "checkout", _replace_dead)
        # Objects stay readable after the commit.
        factory = async_sessionmaker(engine, expire_on_commit=False)
        cut_offs = CutOffs(connector.connect)
        return cls(engine, factory, connector, _admission(_CONNECTIONS), cut_offs, is_pooled)

    def with_reserved_connections(self) -> "Database":
        """Return the same pool, with connections reserved for health checks."""
        return replace(self, admission=_admission(_CONNECTIONS_FOR_CHECKS))

    @asynccontextmanager
    async def session(self, seconds: float, *, autocommit: bool = False) -> AsyncIterator[AsyncSession]:
        """Run a block with a session for at most `seconds`, including a wait without progress in the queue.

        Connecting has its own limit. After `seconds` the connection is cut off, since a frozen server answers
        neither ROLLBACK nor a regular close. Its slot is released once the server has ended the statement.

        Raises:
            ServiceUnavailable: the database is unavailable; the log has PostgreSQL's reason.
        """
        options = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
        try:
            async with self.admission.slot() as waited, self.factory() as session:
                async with stall_timeout(max(min(seconds, _CONNECT_WAIT_SECONDS) - waited, 0)):
                    connection = await session.connection(execution_options=options)
                driver = (await connection.get_raw_connection()).driver_connection
                cut_off = Watchdog(seconds - waited, lambda: self._cut_off(driver))
                try:
                    yield session
                finally:
                    cut_off.cancel()
        except Exception as error:
            if failure := service_failure(error):
                raise failure from error
            raise

    def _cut_off(self, driver: Connection | None) -> None:
        if driver is not None and not driver.is_closed():
            self.cut_offs.cut(driver, self.admission.withhold())

    async def warm_up(self, seconds: float) -> None:
        """Open the first connection within `seconds`; SQLAlchemy runs some queries on it.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError: the server is unreachable or rejects the connection.
        """
        async with stall_timeout(seconds), self.engine.connect():
            pass

    async def aclose(self) -> None:
        """Close all connections."""
        await self.cut_offs.aclose()
        await self.connector.aclose()
        await self.engine.dispose()


def _note_use(_connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _replace_dead(
    connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Replace a connection that the server closed, that does not respond, or that was idle for too long."""
    driver = record.driver_connection
    if driver is None:
        return
    used_at: float | None = record.info.get("used_at")
    if driver.is_closed():
        if used_at is None:  # a new one: SQLAlchemy treats a second one as a programming error
            raise ConnectionResetError("closed by the server at once")
        raise exc.DisconnectionError("closed by the server")
    idle = 0.0 if used_at is None else time.monotonic() - used_at
    if idle < _PING_AFTER_SECONDS:
        return  # no ping, and no round trip, for a connection in use
    if idle > _MAX_IDLE_SECONDS or not connection.run_async(_answers):
        driver.terminate()  # else SQLAlchemy closes it regularly, and waits
        raise exc.DisconnectionError("does not answer")


async def _answers(connection: Connection) -> bool:
    cut_off = Watchdog(_PING_SECONDS, connection.terminate)
    try:
        await connection.execute("SELECT 1")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        return False
    finally:
        cut_off.cancel()
    return True


def _admission(slots: int) -> AdmissionQueue:
    return AdmissionQueue(slots, seconds=POOL_WAIT_SECONDS, is_failure=is_unavailable)
