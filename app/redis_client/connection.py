"""Redis connections that never wait long: short timeouts, no hidden retries, and the process's breaker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio as redis
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.redis_client.breaker import Breaker

COMMAND_SECONDS = 0.5
_MAX_CONNECTIONS = 200

log = structlog.get_logger(__name__)


class RedisUnavailableError(Exception):
    """Redis did not answer in time, or failed moments ago. Callers decide what that means for them."""


class RedisConnection:
    """The process's pool for commands. `use()` bounds a block of commands and keeps the breaker."""

    def __init__(self, url: str, breaker: Breaker) -> None:
        self._breaker = breaker
        pool: redis.BlockingConnectionPool = redis.BlockingConnectionPool.from_url(
            url,
            decode_responses=True,
            max_connections=_MAX_CONNECTIONS,  # in a rush the others wait, which is no failure of Redis
            timeout=COMMAND_SECONDS,
            socket_timeout=COMMAND_SECONDS,
            socket_connect_timeout=COMMAND_SECONDS,
            # redis-py would retry ten times, for seconds. One reconnect covers a connection that went stale.
            retry=Retry(NoBackoff(), 1),
        )
        self._client: redis.Redis = redis.Redis.from_pool(pool)

    @asynccontextmanager
    async def use(self) -> AsyncIterator["redis.Redis"]:
        """Run a few commands within `COMMAND_SECONDS`.

        Raises:
            RedisUnavailableError: Redis failed or timed out in this block, or up to two seconds ago.
        """
        if self._breaker.is_open:
            raise RedisUnavailableError
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                yield self._client
        except (RedisError, OSError, TimeoutError) as error:
            self._breaker.trip()
            log.warning("redis_unavailable", error=type(error).__name__)
            raise RedisUnavailableError from error

    @property
    def is_given_up(self) -> bool:
        """Whether uses fail without a try at the moment, after a failure."""
        return self._breaker.is_open

    async def aclose(self) -> None:
        """Close the pool."""
        await self._client.aclose()
