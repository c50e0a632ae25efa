"""Connections to PostgreSQL and the line before them; which failures mean "away" rather than "wrong"."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from sqlalchemy import event, exc, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from app.patience import Countdown, Line, patience

POOL_WAIT_SECONDS = 1.0
CONNECT_SECONDS = 1.0
STATEMENT_SECONDS = 30.0
# One process works on one core: a dozen connections keep it busy, and a server of 100 has room for eight.
_CONNECTIONS = 10
_CONNECTIONS_FOR_CHECKS = 2

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


@dataclass(frozen=True, slots=True)
class Database:
    """The pool of connections, and the line before it."""

    engine: AsyncEngine
    factory: async_sessionmaker[AsyncSession]
    line: Line

    @classmethod
    def at(cls, url: str) -> "Database":
        """A pool for this address; it connects when first asked."""
        engine = create_async_engine(
            async_url(url),
            pool_size=_CONNECTIONS,
            max_overflow=_CONNECTIONS_FOR_CHECKS,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_use_lifo=True,  # the connection used last has the statements prepared
            hide_parameters=True,  # an error must not carry what people wrote into the log
            connect_args={"command_timeout": STATEMENT_SECONDS},
        )
        event.listen(engine.sync_engine, "checkout", _replace_closed)
        # Objects stay readable after the commit, as plain data.
        return cls(engine, async_sessionmaker(engine, expire_on_commit=False), _line(_CONNECTIONS))

    def beside_the_line(self) -> "Database":
        """The same pool by its side entrance: whoever asks how the database is need not wait for a rush."""
        return replace(self, line=_line(_CONNECTIONS_FOR_CHECKS))

    @asynccontextmanager
    async def session(self, seconds: float, *, autocommit: bool = False) -> AsyncIterator[AsyncSession]:
        """A session's work for at most so long; waiting counts where nothing moved.

        Then its connection is cut off, as if the server were away. A polite end would wait for the server,
        too: a frozen one answers neither a rollback nor a goodbye.
        """
        options = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
        async with self.line.place() as waited, self.factory() as session:
            async with patience(CONNECT_SECONDS):
                connection = await session.connection(execution_options=options)
            driver = (await connection.get_raw_connection()).driver_connection
            cut_off = Countdown(seconds - waited, driver.terminate if driver else lambda: None)
            try:
                yield session
            finally:
                cut_off.cancel()

    async def aclose(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


def _replace_closed(
    _connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Take a new connection where the server has closed this one; costs no round trip, unlike a ping."""
    driver = record.driver_connection
    if driver is not None and driver.is_closed():
        raise exc.DisconnectionError("closed by the server")


def _line(places: int) -> Line:
    return Line(places, seconds=POOL_WAIT_SECONDS, is_failure=is_away)


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
