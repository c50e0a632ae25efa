"""Connections to Redis that are made and checked in the background, outside the requests that need them.

redis-py connects within a command. The command's limit would end every connect to a distant server, and the
next request would start over; here a connect continues after its request has given up.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial

import redis.asyncio as redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.config import RedisAddress
from app.kit.background import TaskSet
from app.kit.timeouts import stall_timeout
from app.redis_client.wire import FAILURES, LimitedConnection, LimitedTlsConnection, connection_options

Limited = LimitedConnection | LimitedTlsConnection

MAX_CONNECTIONS = 50
WAIT_SECONDS = 1.0
"""The longest that a request waits for a connection while none is returned and none is made."""
_RECHECK_IDLE_SECONDS = 15.0
"""A connection that was idle for longer is checked by a PING before it is used: a NAT may have dropped it."""
# NAT gateways and load balancers of cloud providers drop a flow after 4 to 6 idle minutes.
_MAX_IDLE_SECONDS = 180.0
_SECOND_TRY_SECONDS = 0.05
_MAX_WAIT_SECONDS = 15.0
_CLOSE_SECONDS = 1.0


class BackgroundPool(redis.ConnectionPool):
    """A pool whose connections are made by background tasks, each within `connect_seconds`.

    A request gets the first connection that is returned, is made, or answers a PING after being idle. Each
    reply to a command then has `command_seconds` to arrive.
    """

    def __init__(
        self,
        address: RedisAddress,
        *,
        connect_seconds: float,
        command_seconds: float,
        on_connected: Callable[[], None],
        recheck_idle_seconds: float = _RECHECK_IDLE_SECONDS,
    ) -> None:
        options = connection_options(address, connect_seconds=connect_seconds)
        connection_class = LimitedConnection if address.tls is None else LimitedTlsConnection
        super().__init__(connection_class=connection_class, max_connections=MAX_CONNECTIONS, **options)
        self._new_connection: Callable[[], Limited] = partial(connection_class, **options)
        self._connect_seconds = connect_seconds
        self._command_seconds = command_seconds
        self._on_connected = on_connected
        self._recheck_idle_seconds = recheck_idle_seconds
        self._idle: deque[tuple[Limited, float]] = deque()
        self._used: set[Limited] = set()
        self._waiting: deque[asyncio.Future[Limited]] = deque()
        self._connecting: dict[asyncio.Task[None], float] = {}
        self._tasks = TaskSet("redis-pool")
        self._arrivals = 0
        self._trusted_since = 0.0

    def warm_up(self) -> None:
        """Start the first connect, on the running loop."""
        self._start_connecting()

    def distrust_idle(self) -> None:
        """Check every idle connection before its next use: one of them was dropped silently."""
        self._trusted_since = time.monotonic()

    async def get_connection(self, command_name: object = None, *keys: object, **options: object) -> Limited:
        """Take a connection.

        Raises:
            redis.exceptions.TimeoutError: none was returned or made in time; the connect continues.
            redis.exceptions.ConnectionError: the server rejected the connection.
        """
        del command_name, keys, options  # redis-py's older callers name their command
        while self._idle:
            connection, since = self._idle.pop()
            connection.was_idle = True
            if not await _is_clean(connection):
                await connection.disconnect(nowait=True)
            elif since < max(self._trusted_since, time.monotonic() - self._recheck_idle_seconds):
                self._tasks.start(self._recheck(connection))
                return await self._wait(second_try_seconds=_SECOND_TRY_SECONDS)
            else:
                self._used.add(connection)
                return connection
        return await self._wait(second_try_seconds=0)

    async def release(self, connection: AbstractConnection) -> None:
        """Return a connection to the pool; one that failed is closed already."""
        if not isinstance(connection, Limited):
            raise TypeError("a connection of another pool")
        self._used.discard(connection)
        if connection.is_connected:
            self._hand_on(connection)

    async def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002  # redis-py's
        """Close every connection, and cancel the connects under way."""
        del inuse_connections
        await self._tasks.close(_CLOSE_SECONDS)
        for connection in (*self._used, *(connection for connection, _ in self._idle)):
            await connection.disconnect(nowait=True)
        self._idle.clear()

    async def _wait(self, *, second_try_seconds: float) -> Limited:
        loop = asyncio.get_running_loop()
        arrival: asyncio.Future[Limited] = loop.create_future()
        self._waiting.append(arrival)
        second_try = loop.call_later(second_try_seconds, self._connect_for, arrival)
        try:
            async with (
                asyncio.timeout(_MAX_WAIT_SECONDS),
                stall_timeout(WAIT_SECONDS, progress=lambda: self._arrivals),
            ):
                connection = await arrival
        except TimeoutError:
            self._take_back(arrival)
            raise RedisTimeoutError(f"no connection within {WAIT_SECONDS:g} s, connecting goes on") from None
        except asyncio.CancelledError:
            self._take_back(arrival)
            raise
        finally:
            second_try.cancel()
        self._used.add(connection)
        return connection

    def _take_back(self, arrival: "asyncio.Future[Limited]") -> None:
        """Stop waiting; pass on a connection that arrived at the last moment."""
        if arrival in self._waiting:
            self._waiting.remove(arrival)
        if arrival.done() and not arrival.cancelled() and arrival.exception() is None:
            self._hand_on(arrival.result())

    def _connect_for(self, arrival: "asyncio.Future[Limited]") -> None:
        """Start a connect for a request that still waits, unless enough have been started recently."""
        is_room = len(self._used) + len(self._connecting) < MAX_CONNECTIONS
        if not arrival.done() and self._recent_connects() < len(self._waiting) and is_room:
            self._start_connecting()

    def _recent_connects(self) -> int:
        """Count the connects that can be expected to end; one that takes longer than a wait may hang."""
        since = time.monotonic() - WAIT_SECONDS
        return sum(began > since for began in self._connecting.values())

    def _start_connecting(self) -> None:
        task = self._tasks.start(self._connect())
        self._connecting[task] = time.monotonic()
        task.add_done_callback(lambda done: self._connecting.pop(done, None))

    async def _connect(self) -> None:
        connection = self._new_connection()
        try:
            async with asyncio.timeout(self._connect_seconds):
                await connection.connect()  # type: ignore[no-untyped-call]  # redis-py's
        except TimeoutError:
            await connection.disconnect(nowait=True)
            self._fail_one(RedisTimeoutError(f"no connection within {self._connect_seconds:g} s"))
        except RedisError as error:
            self._fail_one(error)
        except Exception as error:  # noqa: BLE001  # a server other than Redis causes errors of any class
            await connection.disconnect(nowait=True)
            self._fail_one(RedisConnectionError(f"no Redis answers: {type(error).__name__}"))
        else:
            self._put_to_use(connection)

    def _put_to_use(self, connection: Limited) -> None:
        connection.reply_seconds = self._command_seconds
        self._on_connected()
        self._hand_on(connection)

    async def _recheck(self, connection: Limited) -> None:
        """Send PING on a connection that was idle; close it when no answer comes."""
        try:
            await connection.send_command("PING", check_health=False)
            await connection.read_response()
        except FAILURES:
            await connection.disconnect(nowait=True)
        else:
            self._hand_on(connection)

    def _hand_on(self, connection: Limited) -> None:
        """Give a connection to the first waiting request, or keep it idle."""
        self._arrivals += 1
        while self._waiting:
            arrival = self._waiting.popleft()
            if not arrival.done():
                arrival.set_result(connection)
                return
        now = time.monotonic()
        self._idle.append((connection, now))
        while now - self._idle[0][1] > _MAX_IDLE_SECONDS or len(self._idle) > MAX_CONNECTIONS:
            old, _ = self._idle.popleft()
            self._tasks.start(old.disconnect(nowait=True))

    def _fail_one(self, error: RedisError) -> None:
        """Fail the first waiting request, unless a recent connect is under way for each of them."""
        if task := asyncio.current_task():
            self._connecting.pop(task, None)
        while self._waiting and self._recent_connects() < len(self._waiting):
            arrival = self._waiting.popleft()
            if not arrival.done():
                arrival.set_exception(error)
                return


async def _is_clean(connection: Limited) -> bool:
    """Whether a connection is open and has nothing left to be read."""
    try:
        return connection.is_connected and not await connection.can_read()
    except FAILURES:
        return False
