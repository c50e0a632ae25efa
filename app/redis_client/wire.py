"""redis-py's part: addresses, TLS, the handshake and the classes of errors."""

import asyncio
from typing import Final

import redis.asyncio as redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from app.config import RedisAddress
from app.config.tls_options import RedisTlsArguments

FAILURES: Final = (RedisError, OSError, TimeoutError)
"""Errors that mean that Redis is unavailable, as opposed to programming errors."""
_REASON_LENGTH: Final = 200


class ConnectionOptions(RedisTlsArguments, total=False):
    """redis-py's arguments for a connection."""

    host: str
    port: int
    db: int
    username: str | None
    password: str | None
    decode_responses: bool
    socket_connect_timeout: float
    socket_timeout: float
    socket_keepalive: bool
    retry: Retry
    driver_info: None
    maint_notifications_config: MaintNotificationsConfig


def connection_options(address: RedisAddress, *, connect_seconds: float) -> ConnectionOptions:
    """Return redis-py's arguments for connections to this address."""
    tls = RedisTlsArguments() if address.tls is None else address.tls.as_redis()
    return ConnectionOptions(
        **tls,
        host=address.host,
        port=address.port,
        db=address.database,
        username=address.username,
        password=address.password,
        decode_responses=True,
        # Connects and commands are bounded elsewhere. These limits cover a cancellation that redis-py
        # swallows (adr/0003).
        socket_connect_timeout=connect_seconds,
        socket_timeout=connect_seconds,
        socket_keepalive=True,  # redis-py's intervals: probed after 30 idle seconds, closed 15 seconds later
        retry=Retry(NoBackoff(), 0),  # redis-py would retry ten times, for seconds
        driver_info=None,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),  # a round trip of every connect
    )


async def open_stream(address: RedisAddress, *, connect_seconds: float) -> asyncio.StreamWriter:
    """Connect, authenticate and select the database; return the stream, with nothing left to be read.

    Raises:
        redis.exceptions.RedisError: it took longer than `connect_seconds`, or the server rejected it.
    """
    connection_class = _Connection if address.tls is None else _TlsConnection
    connection = connection_class(**connection_options(address, connect_seconds=connect_seconds))
    try:
        async with asyncio.timeout(connect_seconds):
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py's
        return await connection.detach()
    except TimeoutError:
        raise RedisTimeoutError(f"no connection within {connect_seconds:g} s") from None
    except RedisError:
        raise
    except Exception as error:  # a server other than Redis causes errors of any class
        raise RedisConnectionError(f"no Redis answers: {type(error).__name__}") from error
    finally:
        await connection.disconnect(nowait=True)  # nothing, once it is detached


class _Detachable(AbstractConnection):
    """A connection whose stream outlives it."""

    async def detach(self) -> asyncio.StreamWriter:
        """Return the stream, and forget it."""
        if self._writer is None or await self.can_read():
            raise RedisConnectionError("the server closed the connection or sent more than it was asked for")
        writer, self._writer, self._reader = self._writer, None, None
        return writer


class _Connection(_Detachable, redis.Connection):
    """Over TCP."""


class _TlsConnection(_Detachable, redis.SSLConnection):
    """Over TLS."""


def reason_of(error: BaseException, address: RedisAddress | None) -> str:
    """Return Redis's error message for the log, without a command's arguments."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = text.partition(", with args beginning with")[0]
    code = (
        error.status_code if isinstance(error, RedisError) else None
    )  # redis-py removes it from the message
    if code and not text.startswith(code):
        text = f"{code} {text}"
    if address is not None and address.password:
        text = text.replace(address.password, "***")
    return text[:_REASON_LENGTH]
