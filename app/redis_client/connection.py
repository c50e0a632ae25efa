"""Redis connections that never wait long: short timeouts, no hidden retries, and the process's breaker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio as redis
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.patience import Line, patience
from app.redis_client.breaker import Breaker

COMMAND_SECONDS = 0.5
_AT_THE_LATEST_SECONDS = 5.0
_CONNECTIONS = 50

log = structlog.get_logger(__name__)


class RedisUnavailableError(Exception):
    """Redis did not answer in time, or failed moments ago. Callers decide what that means for them."""


class RedisConnection:
    """The process's pool for commands. `use()` bounds a block of commands and keeps the breaker."""

    def __init__(self, url: str, breaker: Breaker) -> None:
        self._breaker = breaker
        self._line = Line(_CONNECTIONS, seconds=COMMAND_SECONDS, is_failure=_is_away)
        self._client: redis.Redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            max_connections=_CONNECTIONS,
            # `use()` is what bounds commands. These are for a cancellation that redis-py swallows (adr/0003).
            socket_timeout=_AT_THE_LATEST_SECONDS,
            socket_connect_timeout=_AT_THE_LATEST_SECONDS,
            # redis-py would retry ten times, for seconds. One reconnect covers a connection that went stale.
            retry=Retry(NoBackoff(), 1),
        )

    @asynccontextmanager
    async def use(self) -> AsyncIterator["redis.Redis"]:
        """Run a few commands within `COMMAND_SECONDS`; in a rush others come first.

        Raises:
            RedisUnavailableError: Redis failed or timed out in this block, or up to two seconds ago.
        """
        self._require_hope()
        try:
            async with self._line.place():
                self._require_hope()  # others may have found out meanwhile
                async with patience(COMMAND_SECONDS):
                    yield self._client
        except Exception as error:
            if not _is_away(error):
                raise
            self._breaker.trip()
            log.warning("redis_unavailable", error=type(error).__name__)
            raise RedisUnavailableError from error

    def _require_hope(self) -> None:
        if self._breaker.is_open:
            raise RedisUnavailableError

    @property
    def is_given_up(self) -> bool:
        """Whether uses fail without a try at the moment, after a failure."""
        return self._breaker.is_open

    async def aclose(self) -> None:
        """Close the pool."""
        await self._client.aclose()


def _is_away(error: BaseException) -> bool:
    return isinstance(error, RedisError | OSError | TimeoutError)
