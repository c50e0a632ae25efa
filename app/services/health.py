"""How the service is: every part asked at once, each for at most a second."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from app import __version__
from app.errors import MigrationsMissing, ServiceUnavailable
from app.migrations import Revisions
from app.patience import patience
from app.redis_client.connection import RedisConnection, RedisUnavailableError
from app.schemas.meta import Check, Checks, CheckStatus, Health, HealthStatus, QueueCheck
from app.unit_of_work import UnitOfWork

_LIMIT_SECONDS = 1.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _QueueState:
    workers: int = 0
    oldest_pending_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class HealthService:
    """Asks the parts."""

    uow: UnitOfWork
    redis: RedisConnection
    revisions: Revisions

    async def check(self) -> Health:
        """Unhealthy without the database; degraded without Redis or without any worker."""
        (database, _), (redis, _), (queue, state) = await asyncio.gather(
            _timed(self._database()), _timed(self._redis()), _timed(self._queue())
        )
        workers = state or _QueueState()
        is_whole = redis.status is CheckStatus.UP and workers.workers > 0
        status = HealthStatus.HEALTHY if is_whole else HealthStatus.DEGRADED
        if database.status is not CheckStatus.UP:
            status = HealthStatus.UNHEALTHY
        queue_status = CheckStatus.UP if workers.workers else CheckStatus.DOWN
        return Health(
            status=status,
            version=__version__,
            checks=Checks(
                database=database,
                redis=redis,
                queue=QueueCheck(
                    status=queue_status,
                    latency_ms=queue.latency_ms,
                    workers=workers.workers,
                    oldest_pending_seconds=round(workers.oldest_pending_seconds, 1),
                ),
            ),
        )

    async def _database(self) -> None:
        async with self.uow.single() as tx:
            revision = await tx.schema.revision()
        if not self.revisions.is_fit(revision):
            raise MigrationsMissing

    async def _redis(self) -> None:
        async with self.redis.use() as redis:
            await redis.ping()

    async def _queue(self) -> _QueueState:
        async with self.uow.single() as tx:
            return _QueueState(await tx.workers.count_alive(), await tx.workers.oldest_pending_seconds())


async def _timed(asked: Awaitable[_T]) -> tuple[Check, _T | None]:
    started, answer, status = time.monotonic(), None, CheckStatus.UP
    try:
        async with patience(_LIMIT_SECONDS):
            answer = await asked
    except MigrationsMissing:
        status = CheckStatus.MIGRATIONS_MISSING
    except (ServiceUnavailable, RedisUnavailableError, TimeoutError):
        status = CheckStatus.DOWN
    return Check(status=status, latency_ms=round((time.monotonic() - started) * 1000, 1)), answer
