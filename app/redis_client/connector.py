"""The process's connection to Redis, made and checked in the background, outside the requests that need it.

redis-py connects within a command. The command's limit would end every connect to a distant server, and the
next request would start over; here a connect continues after its request has given up.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.config import RedisAddress
from app.kit.background import TaskSet
from app.kit.timeouts import stall_timeout
from app.redis_client.pipeline import Pipeline
from app.redis_client.wire import FAILURES, open_stream

WAIT_SECONDS: Final = 1.0
"""The longest that a request waits for a connection."""
_RECHECK_IDLE_SECONDS: Final = 15.0
"""A connection that was idle for longer is checked by a PING before it is used: a NAT may have dropped it."""
_SECOND_TRY_SECONDS: Final = 0.05
_CLOSE_SECONDS: Final = 1.0


class Connector:
    """Keeps one connection for all requests; replaces it when it is lost.

    A background task makes each connection within `connect_seconds`. A request takes the one that is open,
    the first that is made, or one that answers a PING after being idle.
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
        self._address = address
        self._connect_seconds = connect_seconds
        self._command_seconds = command_seconds
        self._on_connected = on_connected
        self._recheck_idle_seconds = recheck_idle_seconds
        self._current: Pipeline | None = None
        self._arrival: asyncio.Future[Pipeline] | None = None
        self._rechecking: set[Pipeline] = set()
        self._connecting: dict[asyncio.Task[None], float] = {}
        self._tasks = TaskSet("redis-connector")

    def warm_up(self) -> None:
        """Start the first connect, on the running loop."""
        self._start_connecting()

    def ready(self) -> Pipeline | None:
        """Return the connection if it can be used at once."""
        current = self._current
        if current is not None and current.is_open and current.idle_seconds < self._recheck_idle_seconds:
            return current
        return None

    async def wait(self) -> Pipeline:
        """Return the first connection that is made or rechecked.

        Raises:
            redis.exceptions.TimeoutError: there was none within a second; the connect continues.
            redis.exceptions.RedisError: the server could not be reached or rejected the connection.
        """
        loop = asyncio.get_running_loop()
        if self._arrival is None:
            self._arrival = loop.create_future()
        arrival = self._arrival
        self._start_rechecking()
        delay = _SECOND_TRY_SECONDS if self._rechecking else 0
        second_try = loop.call_later(delay, self._connect_for, arrival)
        try:
            async with stall_timeout(WAIT_SECONDS):
                return await asyncio.shield(arrival)  # others wait for it, too
        except TimeoutError:
            raise RedisTimeoutError(f"no connection within {WAIT_SECONDS:g} s, connecting goes on") from None
        finally:
            second_try.cancel()

    async def aclose(self) -> None:
        """Close the connection, and cancel the connects under way."""
        await self._tasks.close(_CLOSE_SECONDS)
        for connection in (self._current, *self._rechecking):
            if connection is not None:
                connection.close()

    def _start_rechecking(self) -> None:
        idle, self._current = self._current, None
        if idle is not None and idle.is_open:
            self._rechecking.add(idle)
            self._tasks.start(self._recheck(idle))

    async def _recheck(self, connection: Pipeline) -> None:
        """Send PING on a connection that was idle; connect again when no answer comes."""
        try:
            await connection.execute("PING")
        except FAILURES:
            self._rechecking.discard(connection)
            if self._arrival is not None:
                self._connect_for(self._arrival)
        else:
            self._rechecking.discard(connection)
            self._adopt(connection)

    def _connect_for(self, arrival: "asyncio.Future[Pipeline]") -> None:
        """Start a connect for requests that still wait, unless one was started recently."""
        if not arrival.done() and not self._is_connect_expected():
            self._start_connecting()

    def _is_connect_expected(self) -> bool:
        """Whether a connect can be expected to end; one that takes longer than a wait may hang."""
        since = time.monotonic() - WAIT_SECONDS
        return any(began > since for began in self._connecting.values())

    def _start_connecting(self) -> None:
        task = self._tasks.start(self._connect())
        self._connecting[task] = time.monotonic()
        task.add_done_callback(lambda done: self._connecting.pop(done, None))

    async def _connect(self) -> None:
        try:
            stream = await open_stream(self._address, connect_seconds=self._connect_seconds)
        except RedisError as error:
            self._fail(error)
        else:
            self._on_connected()
            self._adopt(Pipeline(stream, reply_seconds=self._command_seconds))

    def _adopt(self, connection: Pipeline) -> None:
        """Use a connection, unless another one came first."""
        if self._current is None or not self._current.is_open:
            self._current = connection
        else:
            connection.close()
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.set_result(self._current)

    def _fail(self, error: RedisError) -> None:
        """Fail the waiting requests, unless another connection can be expected."""
        if task := asyncio.current_task():
            self._connecting.pop(task, None)
        if self._is_connect_expected() or self._rechecking:
            return
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.set_exception(error)
