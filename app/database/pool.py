"""The pool of connections to PostgreSQL, and the queue before it."""

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
# What a user waits for a new connection; one that takes longer is there for the next request.
_CONNECT_WAIT_SECONDS = 2.0
# One process works on one core: a dozen connections keep it busy, and a server of 100 has room for eight.
_CONNECTIONS = 10
_CONNECTIONS_FOR_CHECKS = 2
# An idle connection may be dead without a sign: after a second it is tried, after 200 it is replaced, since
# networks forget quiet connections after four minutes or more.
_PING_AFTER_SECONDS = 1.0
_PING_SECONDS = 0.5
_MOST_IDLE_SECONDS = 200.0


@dataclass(frozen=True, slots=True)
class Database:
    """The pool of connections, and the queue before it."""

    engine: AsyncEngine
    factory: async_sessionmaker[AsyncSession]
    connector: Connector
    admission: AdmissionQueue
    cut_offs: CutOffs
    is_pooled: bool
    """A pooler in transaction mode stands between: nothing of a connection outlives its transaction."""

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
        """A pool for this address, or single connections (`is_kept=False`); it connects when first asked.

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
            hide_parameters=True,  # an error must not carry what users wrote into the log
            **(pool_options if is_kept else {"poolclass": NullPool}),
        )
        event.listen(engine.sync_engine, "checkin", _note_use)
        event.listen(engine.sync_engine, "checkout", _replace_dead)
        # Objects stay readable after the commit, as plain data.
        factory = async_sessionmaker(engine, expire_on_commit=False)
        cut_offs = CutOffs(connector.connect)
        return cls(engine, factory, connector, _admission(_CONNECTIONS), cut_offs, is_pooled)

    def with_reserved_connections(self) -> "Database":
        """The same pool by its side entrance: whoever asks how the database is need not wait for a rush."""
        return replace(self, admission=_admission(_CONNECTIONS_FOR_CHECKS))

    @asynccontextmanager
    async def session(self, seconds: float, *, autocommit: bool = False) -> AsyncIterator[AsyncSession]:
        """A session's work for at most so long; waiting counts where nothing moved.

        Connecting has a limit of its own. Then the connection is cut off, as if the server were
        unavailable. A polite end would wait for the server, too: a frozen one answers neither a rollback nor
        a goodbye. Its place stays taken while the server is still at work for it.

        Raises:
            ServiceUnavailable: the database cannot be used for now; the log has PostgreSQL's reason.
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
        """Open the first connection within `seconds`; SQLAlchemy asks the server some questions over it.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError: the server cannot be reached or refuses.
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
    """Replace a connection that the server closed, that does not answer, or that was idle for too long."""
    driver = record.driver_connection
    if driver is None:
        return
    used_at: float | None = record.info.get("used_at")
    if driver.is_closed():
        if used_at is None:  # a new one: SQLAlchemy would call a second one an error of the program
            raise ConnectionResetError("closed by the server at once")
        raise exc.DisconnectionError("closed by the server")
    idle = 0.0 if used_at is None else time.monotonic() - used_at
    if idle < _PING_AFTER_SECONDS:
        return  # one in use costs no round trip
    if idle > _MOST_IDLE_SECONDS or not connection.run_async(_answers):
        driver.terminate()  # else SQLAlchemy says goodbye to it, and waits
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


def _admission(places: int) -> AdmissionQueue:
    return AdmissionQueue(places, seconds=POOL_WAIT_SECONDS, is_failure=is_unavailable)
