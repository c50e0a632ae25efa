"""Open connections to PostgreSQL; one that outlasts its caller's timeout serves the next caller."""

import asyncio
import socket
import ssl
from collections import deque

import asyncpg
import structlog

from app.config import PostgresAddress
from app.database.connection import Connection
from app.database.failures import reason_of

STATEMENT_SECONDS = 30.0
_KEEP_SECONDS = 60.0
_MOST_KEPT = 10
_SET_LIMITS = (
    "SELECT set_config(name, CASE name {cases} END, false) FROM pg_settings"
    " WHERE name IN ({names}) AND pg_backend_pid() = {pid}"
)
_CHECK = "client_connection_check_interval"
# How often the server checks that the client of a running statement is connected (PostgreSQL 14 and later).
_CHECK_SECONDS = 0.5
# Networks that drop idle connections do so after four minutes or more.
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}

log = structlog.get_logger(__name__)


class Connector:
    """Connects to one address on the running loop; each connection attempt has `seconds`."""

    def __init__(
        self,
        address: PostgresAddress,
        *,
        seconds: float,
        is_pooled: bool,
        statement_seconds: float | None = None,
    ) -> None:
        self._dsn = address.dsn
        self._seconds = address.connect_seconds or seconds
        self._tls = ssl.create_default_context() if address.trusts_system else None
        # Without a cache asyncpg prepares each statement unnamed, in the message that runs it.
        self._statement_cache_size = 0 if is_pooled else 100
        self._statement_seconds = statement_seconds
        self._is_pooled = is_pooled
        self._kept: deque[asyncio.Task[Connection]] = deque()

    async def connect(self) -> Connection:
        """Return a new connection. A cancelled caller leaves its attempt to the next callers.

        Each caller also starts its own attempt: an earlier one may hang on a server that has failed.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError: the server is unreachable or rejects the connection.
        """
        own = asyncio.create_task(self._open())
        try:
            while not own.done():
                await asyncio.wait({own, *self._kept}, return_when=asyncio.FIRST_COMPLETED)
                if opened := self._take_opened():
                    self._keep(own)
                    return opened
        except asyncio.CancelledError:
            self._keep(own)
            raise
        return own.result()

    async def aclose(self) -> None:
        """Cancel the attempts that no caller waits for."""
        while self._kept:
            self._discard(self._kept[0])

    def _take_opened(self) -> Connection | None:
        for opening in tuple(self._kept):
            if opening.done():
                self._kept.remove(opening)
                if _is_usable(opening):
                    return opening.result()
        return None

    def _keep(self, opening: asyncio.Task[Connection]) -> None:
        while len(self._kept) >= _MOST_KEPT:
            self._discard(self._kept[0])
        self._kept.append(opening)
        opening.add_done_callback(self._report)
        asyncio.get_running_loop().call_later(_KEEP_SECONDS, self._discard, opening)

    def _report(self, opening: asyncio.Task[Connection]) -> None:
        """Log the failure of an attempt that no caller waits for, and remove it."""
        if opening in self._kept and not _is_usable(opening):
            self._kept.remove(opening)
            if not opening.cancelled() and (error := opening.exception()):
                log.warning("database_unavailable", reason=reason_of(error))

    def _discard(self, opening: asyncio.Task[Connection]) -> None:
        if opening in self._kept:
            self._kept.remove(opening)
            if _is_usable(opening):
                opening.result().terminate()
            else:
                opening.cancel()

    async def _open(self) -> Connection:
        options = {"ssl": self._tls} if self._tls else {}
        connection: Connection = await asyncpg.connect(
            self._dsn,
            timeout=self._seconds,
            command_timeout=STATEMENT_SECONDS,
            statement_cache_size=self._statement_cache_size,
            **options,
        )
        # asyncpg has no option for it, and shows the socket nowhere else.
        _keep_alive(connection._transport.get_extra_info("socket"))  # type: ignore[attr-defined]  # noqa: SLF001
        try:
            async with asyncio.timeout(self._seconds):
                await self._set_limits(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _set_limits(self, connection: Connection) -> None:
        """Have the server end statements and transactions whose client has timed out."""
        if self._is_pooled:
            return
        limits = {}
        if self._statement_seconds is not None:
            # A process that freezes inside a transaction must not keep its rows locked.
            of_a_transaction = ("statement_timeout", "idle_in_transaction_session_timeout")
            limits = dict.fromkeys(of_a_transaction, self._statement_seconds)
        try:
            await connection.execute(_setting(limits | {_CHECK: _CHECK_SECONDS}, connection))
        except asyncpg.InvalidParameterValueError:  # not on this server's operating system
            if limits:
                await connection.execute(_setting(limits, connection))


def _setting(limits: dict[str, float], connection: Connection) -> str:
    """Return a statement that sets these limits, in seconds, and skips settings unknown to the server.

    Behind a pooler, which sends its clients process numbers of its own, it sets nothing: the limits would
    apply to the next client of the server connection. Poolers may reject them as connection options.
    """
    cases = " ".join(f"WHEN '{name}' THEN '{round(seconds * 1000)}ms'" for name, seconds in limits.items())
    names = ", ".join(f"'{name}'" for name in limits)
    return _SET_LIMITS.format(cases=cases, names=names, pid=connection.get_server_pid())


def _is_usable(opening: asyncio.Task[Connection]) -> bool:
    return (
        opening.done()
        and not opening.cancelled()
        and opening.exception() is None
        and not opening.result().is_closed()
    )


def _keep_alive(tcp: socket.socket | None) -> None:
    """Have the system probe the idle connection, and close it when the peer does not respond."""
    if tcp is None or tcp.family not in (socket.AF_INET, socket.AF_INET6):
        return
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if (option := getattr(socket, name, None)) is not None:  # macOS lacks the first one
            tcp.setsockopt(socket.IPPROTO_TCP, option, value)
