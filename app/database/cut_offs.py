"""Cut connections off, and detect when the server has ended their statements."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast

import asyncpg
import structlog

from app.database.connection import Connection
from app.database.failures import reason_of
from app.kit.timeouts import stall_timeout

_POLL_SECONDS: Final = 1.0
_QUERY_SECONDS: Final = 2.0
# A server that does not answer this query accepts no new connections either.
_UNKNOWN_SECONDS: Final = 4.0
# After that the server may have reused the process number for another backend.
_MAX_SECONDS: Final = 300.0
_ACTIVE: Final = (
    "SELECT array_agg(pid) FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend'"
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _CutOff:
    pid: int
    tcp: socket.socket
    at: float
    at_end: Callable[[], None]


class CutOffs:
    """Connections that were cut off while the server may still run a statement for them.

    Only the sending direction of the socket is closed: the server treats it as a disconnect, and its own
    close shows that the backend has ended. For the running loop's thread only.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._connect = connect
        self._open: set[_CutOff] = set()
        self._watching: asyncio.Task[None] | None = None

    def cut(self, connection: Connection, at_end: Callable[[], None]) -> None:
        """Close a connection, and call back once no backend runs a statement for it.

        Also call back if this is unknown because the server has not answered for some seconds.
        """
        pid, tcp = connection.get_server_pid(), _closed_for_writing(connection)
        connection.terminate()
        if tcp is None:
            at_end()
            return
        loop = asyncio.get_running_loop()
        cut_off = _CutOff(pid, tcp, loop.time(), at_end)
        self._open.add(cut_off)
        loop.add_reader(tcp.fileno(), self._read, cut_off)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())

    async def aclose(self) -> None:
        """Stop waiting for the backends, and call back for all connections."""
        if self._watching is not None:
            self._watching.cancel()
        for cut_off in tuple(self._open):
            self._end(cut_off)

    def _read(self, cut_off: _CutOff) -> None:
        try:
            is_closed = not cut_off.tcp.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            is_closed = True
        if is_closed:
            self._end(cut_off)

    def _end(self, cut_off: _CutOff) -> None:
        if cut_off in self._open:
            self._open.remove(cut_off)
            asyncio.get_running_loop().remove_reader(cut_off.tcp.fileno())
            cut_off.tcp.close()
            cut_off.at_end()

    async def _watch(self) -> None:
        """Query the server for backends whose close was not received: the network may have lost it."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(_POLL_SECONDS)
        while open_cut_offs := tuple(self._open):
            active = await self._active()
            for cut_off in open_cut_offs:
                seconds = loop.time() - cut_off.at
                is_over = seconds > _UNKNOWN_SECONDS if active is None else cut_off.pid not in active
                if is_over or seconds > _MAX_SECONDS:
                    self._end(cut_off)
            await asyncio.sleep(_POLL_SECONDS)

    async def _active(self) -> frozenset[int] | None:
        """Return the backends that run a statement; None if the server does not answer."""
        try:
            async with stall_timeout(_QUERY_SECONDS):
                connection = await self._connect()
                try:
                    found = cast("list[int] | None", await connection.fetchval(_ACTIVE))
                    await connection.close(timeout=_QUERY_SECONDS)
                finally:
                    connection.terminate()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            log.warning("database_unavailable", reason=reason_of(error))
            return None
        return frozenset(found or ())


def _closed_for_writing(connection: Connection) -> socket.socket | None:
    """Close the sending direction and return a duplicate of the socket; None if it is closed already."""
    # asyncpg shows the socket nowhere else.
    shared = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # noqa: SLF001
    try:
        tcp = socket.socket(fileno=os.dup(shared.fileno()))
    except (OSError, AttributeError):
        return None
    tcp.setblocking(False)
    try:
        tcp.shutdown(socket.SHUT_WR)
    except OSError:
        tcp.close()
        return None
    return tcp
