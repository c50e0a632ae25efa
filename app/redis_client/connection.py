"""Redis for requests: every wait is bounded, nothing is retried silently, and one breaker per process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio as redis
import structlog
from redis.exceptions import ConnectionError as RedisConnectionError

from app.config import RedisAddress
from app.kit.timeouts import AdmissionQueue
from app.redis_client.breaker import Breaker
from app.redis_client.pool import MAX_CONNECTIONS, WAIT_SECONDS, BackgroundPool
from app.redis_client.wire import FAILURES, NoReplyError, reason_of

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 0.5

log = structlog.get_logger(__name__)


class RedisUnavailableError(Exception):
    """Redis did not answer in time, or failed within the last seconds. Callers decide how to proceed."""


class RedisConnection:
    """The process's pool for commands; failures in `use()` open the breaker."""

    def __init__(
        self,
        address: RedisAddress,
        breaker: Breaker,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        command_seconds: float = COMMAND_SECONDS,
    ) -> None:
        self._address = address
        self._breaker = breaker
        self._admission = AdmissionQueue(
            MAX_CONNECTIONS, seconds=WAIT_SECONDS + command_seconds, is_failure=_is_failure
        )
        self._pool = BackgroundPool(
            address,
            connect_seconds=connect_seconds,
            command_seconds=command_seconds,
            on_connected=breaker.reset,
        )
        self._client = _Client(self._pool)

    def warm_up(self) -> None:
        """Start connecting on the running loop, so that the first request need not wait."""
        self._pool.warm_up()

    @asynccontextmanager
    async def use(self) -> AsyncIterator["redis.Redis"]:
        """Run a few commands, each within the limit of a command; under load, callers queue for a connection.

        Raises:
            RedisUnavailableError: Redis failed or timed out in this block, or up to two seconds ago.
        """
        self._raise_if_open()
        try:
            async with self._admission.slot():
                self._raise_if_open()  # another caller may have failed meanwhile
                yield self._client
        except FAILURES as error:
            self._breaker.trip()
            log.warning(
                "redis_unavailable", error=type(error).__name__, reason=reason_of(error, self._address)
            )
            raise RedisUnavailableError from error

    def _raise_if_open(self) -> None:
        if self._breaker.is_open:
            raise RedisUnavailableError

    @property
    def is_breaker_open(self) -> bool:
        """Whether uses currently fail without a try, after a failure."""
        return self._breaker.is_open

    async def aclose(self) -> None:
        """Close the pool."""
        await self._pool.disconnect()


class _Client(redis.Redis):
    """redis-py's client, which retries a command once on another connection if its own was lost.

    A closed connection raises an error; one that a NAT dropped gets no answer. A new connection distinguishes
    the second case from a server that hangs, which accepts none.
    """

    def __init__(self, pool: BackgroundPool) -> None:
        super().__init__(connection_pool=pool)
        self._pool = pool

    async def execute_command(self, *args: object, **options: object) -> object:
        """Run a command."""
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's
        except RedisConnectionError:
            pass
        except NoReplyError as error:
            if not error.was_idle:
                raise
            self._pool.distrust_idle()
        return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's


def _is_failure(error: BaseException) -> bool:
    return isinstance(error, FAILURES)
