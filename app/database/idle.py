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

    def take_used(self) -> PooledConnection | None:
        """Return a connection that was used a moment ago, which needs no ping; None if there is none."""
        while self._idle:
            last = self._idle[-1]
            if last.driver.is_closed():
                self._idle.pop()
            elif time.monotonic() - last.used_at < _PING_AFTER_SECONDS:
                # The connection used last has the statements prepared.
                return self._idle.pop()
            else:
                break
        return None

    async def take(self) -> PooledConnection:
        """Return a connection that answers, else a new one.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError: the server is unreachable or rejects the connection.
        """
        while self._idle:
            connection = self._idle.pop()
            driver, idle_seconds = connection.driver, time.monotonic() - connection.used_at
            if driver.is_closed():
                continue
            if idle_seconds <= _MAX_IDLE_SECONDS and await _answers(driver):
                return connection
            driver.terminate()
        return await self._open()

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
