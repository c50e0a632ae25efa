"""Detect a pooler in transaction mode, such as PgBouncer, between this process and PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from app.database.connection import Connection
from app.database.failures import is_of_a_pooler

_SECONDS = 3.0
_TRIES = 5  # other clients of the pooler may be assigned the server connection in between


async def loses_statements(connect: Callable[[], Awaitable[Connection]]) -> bool:
    """Test whether a statement that was prepared in one transaction is missing in the next.

    Behind a pooler in transaction mode it may be, unless the pooler tracks prepared statements. The test
    makes two connections swap server connections.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: the server is unreachable or rejects the connection.
    """
    try:
        return await _is_lost(connect)
    except asyncpg.PostgresError as error:
        if is_of_a_pooler(error):
            return True
        raise


async def _is_lost(connect: Callable[[], Awaitable[Connection]]) -> bool:
    async with _opened(connect) as first:
        if await first.fetchval("SELECT pg_backend_pid()") == first.get_server_pid():
            return False  # a pooler sends its clients process numbers of its own
        with contextlib.suppress(TimeoutError):  # a single server connection: undetectable
            for _ in range(_TRIES):
                async with _opened(connect) as second, asyncio.timeout(_SECONDS):
                    # The first connection releases its server connection last, so it is assigned next.
                    async with first.transaction(), second.transaction():
                        statement = await second.prepare("SELECT 1")
                    await statement.fetchval()  # fails if it is lost
        return False


@asynccontextmanager
async def _opened(connect: Callable[[], Awaitable[Connection]]) -> AsyncIterator[Connection]:
    connection = await connect()
    try:
        yield connection
    finally:
        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=1)
