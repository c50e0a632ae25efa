"""The engine and its sessions, and which database failures mean "away" rather than "wrong"."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from sqlalchemy import event, exc, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

POOL_WAIT_SECONDS = 1.0
CONNECT_SECONDS = 1.0
STATEMENT_SECONDS = 30.0

# Connection lost, shutting down, out of resources, read-only after a failover; and what a repeat would cure:
# serialization failure and deadlock.
_AWAY_SQLSTATES = ("08", "57P", "53", "25006", "40001", "40P01")

in_transaction: ContextVar[bool] = ContextVar("in_transaction", default=False)


class OutsideCallInTransactionError(RuntimeError):
    """A programming error: something outside was to be awaited while row locks are held."""


def forbid_in_transaction() -> None:
    """Guard of every call to the outside: transactions are short, so nothing slow is awaited inside one."""
    if in_transaction.get():
        raise OutsideCallInTransactionError


def async_url(url: str) -> str:
    """The client's plain `postgresql://` (or any driver) as asyncpg's address."""
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql") or parsed.drivername.startswith("postgresql+"):
        parsed = parsed.set(drivername="postgresql+asyncpg")
    return parsed.render_as_string(hide_password=False)


def create_engine(url: str, *, pool_size: int = 10, max_overflow: int = 10) -> AsyncEngine:
    """An engine that waits at most `POOL_WAIT_SECONDS` + `CONNECT_SECONDS` for a connection."""
    engine = create_async_engine(
        async_url(url),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=POOL_WAIT_SECONDS,
        pool_use_lifo=True,  # the connection used last has the statements prepared
        hide_parameters=True,  # an error must not carry what people wrote into the log
        connect_args={"timeout": CONNECT_SECONDS, "command_timeout": STATEMENT_SECONDS},
    )
    event.listen(engine.sync_engine, "checkout", _replace_closed)
    return engine


def _replace_closed(
    _connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Take a new connection where the server has closed this one; costs no round trip, unlike a ping."""
    driver = record.driver_connection
    if driver is not None and driver.is_closed():
        raise exc.DisconnectionError("closed by the server")


def create_session_factory(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Sessions whose objects stay readable after commit, as plain data."""
    return async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def bounded(session: AsyncSession, seconds: float, *, autocommit: bool = False) -> AsyncIterator[None]:
    """A session's work, the wait for its connection included, for at most so long.

    Then the connection is cut off, as if the server were away. A polite end would wait for the server,
    too: a frozen one answers neither a rollback nor a goodbye.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    options = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
    connection = await session.connection(execution_options=options)
    driver = (await connection.get_raw_connection()).driver_connection
    cut_off = loop.call_at(until, driver.terminate if driver else lambda: None)
    try:
        yield
    finally:
        cut_off.cancel()


def is_away(error: BaseException) -> bool:
    """Whether an error says that the database cannot be reached or is restarting."""
    if isinstance(
        error, OSError | TimeoutError | exc.TimeoutError | exc.InterfaceError | exc.OperationalError
    ):
        return True
    if isinstance(error, exc.DBAPIError):
        sqlstate = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or sqlstate.startswith(_AWAY_SQLSTATES)
    sqlstate = getattr(error, "sqlstate", None) or ""  # asyncpg's own, raised while connecting
    return isinstance(sqlstate, str) and sqlstate.startswith(_AWAY_SQLSTATES)
