"""One connection to Redis on which commands follow each other without waiting for replies.

Redis answers in the order of the commands, so a queue of futures pairs replies with callers. Commands of
concurrent callers share a system call, and one timer watches the oldest command without a reply.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import hiredis
from redis._parsers import BaseParser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.kit.timeouts import Watchdog
from app.metrics import redis_answered

_MAX_UNSENT_BYTES: Final = 1024 * 1024
"""Above it, callers wait until Redis has read some of the earlier commands."""
_LARGE_BYTES: Final = 16 * 1024
_MAX_WAIT_SECONDS: Final = 15.0
"""The longest that a command waits while replies to earlier commands keep arriving."""
_INCOMPLETE: Final = object()

Argument = str | int | bytes
_pack: Final[Callable[[tuple[Argument, ...]], bytes]] = hiredis.pack_command  # type: ignore[assignment]  # its stub names one argument


class ConnectionClosedError(RedisConnectionError):
    """The connection was closed while a command on it was not answered."""


class NoReplyError(RedisTimeoutError):
    """A connection is open, but a command on it was not answered in time."""

    def __init__(self, seconds: float, *, was_idle: bool) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.was_idle = was_idle
        """Whether the connection had been idle before, so that a NAT may have dropped it."""


class Pipeline(asyncio.Protocol):
    """Sends commands and receives their replies; closed by the first command without a reply in time.

    Each reply has `reply_seconds` to arrive, counted from the command or from the last data received, so a
    large reply does not time out the commands behind it.
    """

    def __init__(self, writer: asyncio.StreamWriter, *, reply_seconds: float) -> None:
        """Take over the transport of a connection that has nothing left to be read."""
        self._loop = asyncio.get_running_loop()
        self._writer = writer  # referenced: without, asyncio closes the transport
        self._transport = writer.transport
        self._reply_seconds = reply_seconds
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=BaseParser.parse_error,
            encoding="utf-8",
            errors="strict",
            notEnoughData=_INCOMPLETE,
        )
        self._unanswered: deque[tuple[asyncio.Future[object], float]] = deque()
        self._unsent: list[bytes] = []
        self._heard_at = self._loop.time()
        self._progress = 0
        self._watchdog: Watchdog | None = None
        self._reading: asyncio.Future[None] | None = None
        self._failure: Callable[[], RedisError] | None = None
        self._transport.set_write_buffer_limits(high=_MAX_UNSENT_BYTES)
        self._transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether commands can be sent."""
        return self._failure is None

    @property
    def idle_seconds(self) -> float:
        """Seconds since the last reply; 0 while a command is unanswered."""
        return 0.0 if self._unanswered else self._loop.time() - self._heard_at

    async def execute(self, *command: Argument) -> object:
        """Send a command and return its reply.

        Raises:
            NoReplyError: it was not answered in time.
            ConnectionClosedError: the connection was closed; the command may have been executed.
            redis.exceptions.RedisError: Redis answered with an error.
        """
        while self._reading is not None:
            await asyncio.shield(self._reading)  # other callers wait for it, too
        if self._failure is not None:
            raise self._failure()
        packed = _pack(command)
        reply: asyncio.Future[object] = self._loop.create_future()
        if not self._unanswered:
            self._progress += 1
            if self._watchdog is None:
                self._watchdog = Watchdog(self._reply_seconds, self._expire, progress=lambda: self._progress)
        self._unanswered.append((reply, self._loop.time()))
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(packed)
        if len(packed) > _LARGE_BYTES:
            self._send()  # so that the next caller waits if Redis does not read it
        return await reply

    def close(self) -> None:
        """Close the connection; commands without a reply fail, and are not to be repeated."""
        self._fail(lambda: RedisConnectionError("this process closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Pass the replies on."""
        self._heard_at = self._loop.time()
        self._progress += 1
        self._reader.feed(data)
        try:
            while (reply := self._next_reply()) is not _INCOMPLETE:
                future, sent_at = self._unanswered.popleft()
                redis_answered(self._heard_at - sent_at)
                if future.done():
                    continue  # its caller was cancelled
                if isinstance(reply, Exception):
                    future.set_exception(reply)
                else:
                    future.set_result(reply)
        except (InvalidResponse, IndexError) as error:  # IndexError: a reply without a command
            reason = str(error)
            self._fail(lambda: ConnectionClosedError(f"not Redis's protocol: {reason}"))
        if self._unanswered and self._heard_at - self._unanswered[0][1] > _MAX_WAIT_SECONDS:
            self._fail(lambda: NoReplyError(_MAX_WAIT_SECONDS, was_idle=False))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the commands without a reply."""
        reason = "Redis closed the connection" if exc is None else str(exc)
        self._fail(lambda: ConnectionClosedError(reason))

    def pause_writing(self) -> None:
        """Let callers wait: Redis reads more slowly than they send."""
        self._reading = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let callers send again."""
        if self._reading is not None:
            self._reading.set_result(None)
            self._reading = None

    def _send(self) -> None:
        """Send the commands of one iteration of the event loop by one system call."""
        unsent, self._unsent = self._unsent, []
        if unsent and self._failure is None:
            self._transport.write(b"".join(unsent))

    def _next_reply(self) -> object:
        try:
            while isinstance(reply := self._reader.gets(), hiredis.PushNotification):
                pass
        except UnicodeDecodeError as error:  # of this reply alone
            return error
        return reply

    def _expire(self) -> None:
        """End the watch of an idle connection, or the connection if its oldest command is overdue."""
        self._watchdog = None
        if self._unanswered:
            was_idle = self._heard_at <= self._unanswered[0][1]
            self._fail(lambda: NoReplyError(self._reply_seconds, was_idle=was_idle))

    def _fail(self, failure: Callable[[], RedisError]) -> None:
        if self._failure is not None:
            return
        self._failure = failure
        self._transport.abort()
        if self._watchdog is not None:
            self._watchdog.cancel()
        self.resume_writing()
        for future, _ in self._unanswered:
            if not future.done():
                future.set_exception(failure())
        self._unanswered.clear()
