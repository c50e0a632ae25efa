"""The pool of connections to PostgreSQL, with its admission queue."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app import metrics
from app.config import PostgresAddress
from app.database.connector import Connector
from app.database.cut_offs import CutOffs
from app.database.failures import is_read_only, is_unavailable, service_failure
from app.database.idle import IdleConnections
from app.database.pooled import PooledConnection
from app.kit.timeouts import AdmissionQueue, Watchdog, stall_timeout

POOL_WAIT_SECONDS = 1.0
# How long a request waits for a new connection; one that takes longer serves the next request.
_CONNECT_WAIT_SECONDS = 2.0
# One process uses one core, which a dozen connections keep busy; a server with 100 serves eight processes.
_CONNECTIONS = 10
_CONNECTIONS_FOR_CHECKS = 2


@dataclass(frozen=True, slots=True)
class Database:
    """The pool of connections, with its admission queue."""

    engine: AsyncEngine
    """SQLAlchemy's; a block's session uses the connection of the block. By itself it opens a connection for
    each use, which migrations do."""
    idle: IdleConnections
    connector: Connector
    admission: AdmissionQueue
    cut_offs: CutOffs
    is_pooled: bool
    """Whether a pooler in transaction mode is used: no state of a connection outlives its transaction."""
    is_for_checks: bool = False
    """Whether health checks use it, which the metrics of the pool leave out."""

    @classmethod
    def from_url(
        cls,
        address: PostgresAddress,
        *,
        connect_seconds: float = 8,
        statement_seconds: float | None = None,
        is_pooled: bool = False,
    ) -> "Database":
        """Create a pool for this address; it connects on first use.

        The server ends a statement after `statement_seconds`.
        """
        connector = Connector(
            address, seconds=connect_seconds, statement_seconds=statement_seconds, is_pooled=is_pooled
        )
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connector.connect,
            hide_parameters=True,  # the log must not contain texts of users
            poolclass=NullPool,
        )
        idle = IdleConnections(connector, engine)
        metrics.set_max_connections(_CONNECTIONS)
        cut_offs = CutOffs(connector.connect)
        return cls(engine, idle, connector, _admission(_CONNECTIONS), cut_offs, is_pooled)

    def with_reserved_connections(self) -> "Database":
        """Return the same pool, with connections reserved for health checks."""
        return replace(self, admission=_admission(_CONNECTIONS_FOR_CHECKS), is_for_checks=True)

    @asynccontextmanager
    async def connection(self, seconds: float) -> AsyncIterator[PooledConnection]:
        """Run a block with a connection for at most `seconds`, including a wait in a queue without progress.

        Connecting has its own limit. After `seconds` the connection is cut off, since a frozen server answers
        neither ROLLBACK nor a regular close. Its slot is released once the server has ended the statement.
        The same happens to a connection that is left inside a statement or a transaction.

        Raises:
            ServiceUnavailable: the database is unavailable; the log has PostgreSQL's reason.
        """
        waits_since, is_waiting = time.monotonic(), True
        try:
            async with self.admission.slot() as waited:
                connection = self.idle.take_used()
                if connection is None:
                    async with stall_timeout(max(min(seconds, _CONNECT_WAIT_SECONDS) - waited, 0)):
                        connection = await self.idle.take()
                cut_off = Watchdog(seconds - waited, lambda: self._cut_off(connection))
                is_waiting = False
                self._measure_taken(waits_since)
                try:
                    yield connection
                except Exception as error:
                    if is_read_only(error):  # later blocks may get one to a server that accepts writes
                        connection.is_broken = True
                    raise
                finally:
                    try:
                        await connection.end_block()
                    finally:
                        cut_off.cancel()
                        self._take_back(connection)
        except Exception as error:
            if is_waiting and not self.is_for_checks:
                metrics.database_waited(time.monotonic() - waits_since)
            if failure := service_failure(error):
                raise failure from error
            raise

    def _take_back(self, connection: PooledConnection) -> None:
        if connection.is_broken or connection.is_in_transaction:
            self._cut_off(connection)
        self.idle.put(connection)
        if not self.is_for_checks:
            metrics.used_connections.dec()
            metrics.idle_connections.set(len(self.idle))

    def _measure_taken(self, waits_since: float) -> None:
        if not self.is_for_checks:
            metrics.database_waited(time.monotonic() - waits_since)
            metrics.used_connections.inc()
            metrics.idle_connections.set(len(self.idle))

    def _cut_off(self, connection: PooledConnection) -> None:
        if not connection.driver.is_closed():
            self.cut_offs.cut(connection.driver, self.admission.withhold())

    async def warm_up(self, seconds: float) -> None:
        """Open the first connection within `seconds`; SQLAlchemy runs some queries on it.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError: the server is unreachable or rejects the connection.
        """
        async with stall_timeout(seconds):
            self.idle.put(await self.idle.take())

    async def aclose(self) -> None:
        """Close all connections."""
        await self.cut_offs.aclose()
        await self.connector.aclose()
        await self.idle.aclose()
        await self.engine.dispose()


def _admission(slots: int) -> AdmissionQueue:
    return AdmissionQueue(slots, seconds=POOL_WAIT_SECONDS, is_failure=is_unavailable)
