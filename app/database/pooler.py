"""Recognises a pooler in transaction mode, such as PgBouncer, between this process and PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from app.database.connection import Connection

_SECONDS = 3.0
_OF_ANOTHER_SERVER_CONNECTION = (
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)


async def loses_statements(connect: Callable[[], Awaitable[Connection]]) -> bool:
    """Try whether a statement that was prepared in one transaction is gone in the next.

    Behind a pooler in transaction mode it may be, unless the pooler follows prepared statements itself. One
    connection is given a server connection that the other one has just left.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: the server cannot be reached or refuses.
    """
    async with _opened(connect) as first:
        try:
            pid = await first.fetchval("SELECT pg_backend_pid()")
        except _OF_ANOTHER_SERVER_CONNECTION:
            return True
        if pid == first.get_server_pid():
            return False  # a pooler tells its clients numbers of its own
        async with _opened(connect) as second:
            try:
                async with asyncio.timeout(_SECONDS):
                    return await _is_gone(first, second)
            except TimeoutError:
                return False  # one server connection for all: it cannot be seen


async def _is_gone(first: Connection, second: Connection) -> bool:
    try:
        # The first holds its server connection meanwhile and leaves it last: it is the next to be given out.
        async with first.transaction(), second.transaction():
            statement = await second.prepare("SELECT 1")
        await statement.fetchval()
    except _OF_ANOTHER_SERVER_CONNECTION:
        return True
    return False


@asynccontextmanager
async def _opened(connect: Callable[[], Awaitable[Connection]]) -> AsyncIterator[Connection]:
    connection = await connect()
    try:
        yield connection
    finally:
        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=1)
