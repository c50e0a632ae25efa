"""The idle connections of the pool: the one used last is first, dead ones are replaced."""

import time
from typing import Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from app.database.connection import Connection
from app.database.connector import Connector
from app.database.pooled import PooledConnection
from app.kit.timeouts import Watchdog

# An idle connection may be dead unnoticed: ping it after a second, replace it after 200, since networks drop
# idle connections after four minutes or more.
_PING_AFTER_SECONDS: Final = 1.0
_PING_SECONDS: Final = 0.5
_MAX_IDLE_SECONDS: Final = 200.0
_CLOSE_SECONDS: Final = 1.0


class IdleConnections:
    """Connections that no block uses."""

    def __init__(self, connector: Connector, engine: AsyncEngine) -> None:
        self._connector = connector
        self._engine = engine
        self._idle: list[PooledConnection] = []
        self._is_dialect_initialized = False

    def __len__(self) -> int:
        """Return how many connections no block uses."""
        return len(self._idle)

    def take_used(self) -> PooledConnection | None:
        """Return a connection that was used a moment ago, which needs no ping; None if there is none."""
        connection = self._pop_open()
        if connection and time.monotonic() - connection.used_at >= _PING_AFTER_SECONDS:
            self._idle.append(connection)
            return None
        return connection

    async def take(self) -> PooledConnection:
        """Return a connection that answers, else a new one.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError: the server is unreachable or rejects the connection.
        """
        if connection := self._pop_open():
            idle_seconds = time.monotonic() - connection.used_at
            if idle_seconds <= _MAX_IDLE_SECONDS and await _answers(connection.driver):
                return connection
            connection.driver.terminate()
        return await self._open()

    def _pop_open(self) -> PooledConnection | None:
        """Return the connection used last: it has the statements prepared."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.driver.is_closed():
                return connection
        return None

    def put(self, connection: PooledConnection) -> None:
        """Keep a connection for the next block; one that is closed is dropped."""
        if not connection.driver.is_closed():
            self._idle.append(connection)

    async def aclose(self) -> None:
        """Close all connections, at most a second each."""
        while self._idle:
            driver = self._idle.pop().driver
            try:
                await driver.close(timeout=_CLOSE_SECONDS)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                driver.terminate()

    async def _open(self) -> PooledConnection:
        connection = PooledConnection(await self._connector.connect(), self._engine)
        if connection.driver.is_closed():
            raise ConnectionResetError("closed by the server at once")
        if not self._is_dialect_initialized:
            try:
                await connection.initialize_dialect()
            except BaseException:
                connection.driver.terminate()
                raise
            self._is_dialect_initialized = True
        return connection


async def _answers(driver: Connection) -> bool:
    cut_off = Watchdog(_PING_SECONDS, driver.terminate)
    try:
        await driver.execute("SELECT 1")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        return False
    except BaseException:
        driver.terminate()
        raise
    finally:
        cut_off.cancel()
    return True
