"""A connection to Redis that subscribes to channels and receives what is published there."""

import asyncio
from typing import Final, Self

import hiredis
import redis.asyncio as redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ResponseError

from app.config import RedisAddress
from app.redis_client.wire import connection_options

_READ_BYTES: Final = 64 * 1024
_STEP_SECONDS: Final = 5.0
"""Silence after which a PING is sent. A paused process counts one step, however long it was paused."""
_MAX_SILENT_STEPS: Final = 3
"""Steps without any data, not even a PONG: the connection is lost or the server hangs."""
_INCOMPLETE: Final = object()

Received = tuple[str, str | None]
"""A channel and a message on it; None: messages on it are delivered from now on."""


class _Streams(redis.Connection):
    """redis-py's connection, which hands over its streams: reading a message with redis-py takes 100 µs."""

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect and sign in.

        Raises:
            RedisError, OSError, TimeoutError: Redis is unavailable.
        """
        await self.connect()  # type: ignore[no-untyped-call]  # redis-py's
        reader, writer = self._reader, self._writer
        if reader is None or writer is None:
            raise RedisConnectionError("closed while it was opened")
        self._reader = self._writer = None
        return reader, writer


class _TlsStreams(_Streams, redis.SSLConnection):
    """The same over TLS."""


class PubSubConnection:
    """One open connection. Redis confirms a subscription in `read`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = hiredis.Reader(
            encoding="utf-8",
            notEnoughData=_INCOMPLETE,
            replyError=ResponseError,
            protocolError=InvalidResponse,
        )
        self._silent_steps = 0
        self._timer = asyncio.get_running_loop().call_later(_STEP_SECONDS, self._count_step)

    @classmethod
    async def open(cls, address: RedisAddress, *, connect_seconds: float) -> Self:
        """Connect to Redis within `connect_seconds`.

        Raises:
            RedisError, OSError, TimeoutError: Redis is unavailable.
        """
        options = connection_options(address, connect_seconds=connect_seconds)
        connection = _Streams(**options) if address.tls is None else _TlsStreams(**options)
        try:
            async with asyncio.timeout(connect_seconds):
                return cls(*await connection.open())
        finally:
            await connection.disconnect(nowait=True)  # nothing, once its streams are handed over

    def close(self) -> None:
        """Close at once."""
        self._timer.cancel()
        self._writer.transport.abort()

    def subscribe(self, *channels: str) -> None:
        """Request what is published from now on, without waiting."""
        self._send("SUBSCRIBE", *channels)

    def unsubscribe(self, *channels: str) -> None:
        """End subscriptions, without waiting."""
        self._send("UNSUBSCRIBE", *channels)

    async def read(self) -> list[Received]:
        """Wait for data, and return what arrived.

        Raises:
            RedisError, OSError: the connection is lost, or Redis rejected a subscription.
        """
        data = await self._reader.read(_READ_BYTES)
        if not data:
            is_silent = self._silent_steps >= _MAX_SILENT_STEPS
            raise RedisConnectionError("no answer to PING" if is_silent else "closed by the server")
        self._silent_steps = 0
        self._parser.feed(data)
        return [received for reply in iter(self._parser.gets, _INCOMPLETE) if (received := _received(reply))]

    def _send(self, *words: str) -> None:
        self._writer.write(hiredis.pack_command(words))  # type: ignore[arg-type]  # its stub allows one word

    def _count_step(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_STEP_SECONDS, self._count_step)
        self._silent_steps += 1
        if self._silent_steps >= _MAX_SILENT_STEPS:
            self.close()
        else:
            self._send("PING")


def _received(reply: object) -> Received | None:
    """Return what a reply means to subscribers: nothing, if it is a PONG or ends a subscription."""
    if isinstance(reply, Exception):
        raise reply
    if isinstance(reply, list):
        if reply[0] == "message":
            return reply[1], reply[2]
        if reply[0] == "subscribe":
            return reply[1], None
    return None
