"""redis-py's options, and connections to Redis that bound every wait."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

import redis.asyncio as redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from app.config import RedisAddress
from app.config.tls_options import RedisTlsArguments
from app.kit.timeouts import stall_timeout

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


class NoReplyError(RedisTimeoutError):
    """A connection is open, but a command on it was not answered in time."""

    def __init__(self, seconds: float, *, was_idle: bool) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.was_idle = was_idle
        """Whether the connection had been idle before, so that a NAT may have dropped it."""


class _LimitedReplies(AbstractConnection):
    """Bounds sending a command and reading its reply, once `reply_seconds` is set.

    While a connection is made, one limit covers the whole handshake instead.
    """

    reply_seconds: float | None = None
    was_idle: bool = False
    """Whether nothing was received on this connection since it was idle."""

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002  # redis-py's
    ) -> None:
        """Send a command."""
        async with self._limit():
            await super().send_packed_command(command, check_health=check_health)

    async def read_response(
        self,
        disable_decoding: bool = False,  # noqa: FBT001, FBT002  # redis-py's
        timeout: float | None = None,  # noqa: ASYNC109  # redis-py's
        *,
        disconnect_on_error: bool = True,
        push_request: bool | None = False,
    ) -> object:
        """Read the reply to a command."""
        async with self._limit():
            response: object = await super().read_response(
                disable_decoding,
                timeout,
                disconnect_on_error=disconnect_on_error,
                push_request=push_request,
            )
        self.was_idle = False
        return response

    @asynccontextmanager
    async def _limit(self) -> AsyncIterator[None]:
        if self.reply_seconds is None:
            yield
            return
        try:
            async with stall_timeout(self.reply_seconds):
                yield
        except TimeoutError:
            await self.disconnect(nowait=True)
            raise NoReplyError(self.reply_seconds, was_idle=self.was_idle) from None


class LimitedConnection(_LimitedReplies, redis.Connection):
    """Over TCP."""


class LimitedTlsConnection(_LimitedReplies, redis.SSLConnection):
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
