"""Check the database, Redis and the queue concurrently, each for at most a second."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from app import __version__
from app.errors import DatabaseFull, DatabaseReadOnly, MigrationsMissing, ServiceUnavailable
from app.kit.timeouts import stall_timeout
from app.migrations import Revisions
from app.redis_client.connection import RedisConnection, RedisUnavailableError
from app.schemas.meta import Check, Checks, CheckStatus, Health, HealthStatus, QueueCheck
from app.unit_of_work import UnitOfWork

_LIMIT_SECONDS: Final = 1.0
_SHARED_SECONDS: Final = 1.0
_LONG_PENDING_SECONDS: Final = 60.0
_FAILURES: Final[dict[type[Exception], CheckStatus]] = {
    MigrationsMissing: CheckStatus.MIGRATIONS_MISSING,
    DatabaseReadOnly: CheckStatus.READ_ONLY,
    DatabaseFull: CheckStatus.FULL,
}

_T = TypeVar("_T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _QueueState:
    workers: int = 0
    oldest_pending_seconds: float = 0.0


class HealthService:
    """Runs one check at a time; callers within a second share its result."""

    def __init__(self, uow: UnitOfWork, redis: RedisConnection, revisions: Revisions) -> None:
        self._uow = uow
        self._redis = redis
        self._revisions = revisions
        self._checking: asyncio.Task[Health] | None = None
        self._checked_at = 0.0

    async def check(self) -> Health:
        """Return the result of the running check, of one that ended within a second, or of a new one.

        Unhealthy: the database is unavailable, read-only, full or not migrated. Degraded: no Redis, no
        worker, or a reply that has waited for more than a minute.
        """
        is_recent = time.monotonic() - self._checked_at < _SHARED_SECONDS
        if self._checking is None or (self._checking.done() and not is_recent):
            self._checking = asyncio.create_task(self._check())
        return await asyncio.shield(
            self._checking
        )  # a caller that disconnects must not cancel it for the others

    async def _check(self) -> Health:
        (database, _), (redis, _), (queue, state) = await asyncio.gather(
            _timed(self._database()), _timed(self._ping_redis()), _timed(self._queue())
        )
        self._checked_at = time.monotonic()
        workers = state or _QueueState()
        is_complete = (
            redis.status is CheckStatus.UP
            and workers.workers > 0
            and workers.oldest_pending_seconds <= _LONG_PENDING_SECONDS
        )
        status = HealthStatus.HEALTHY if is_complete else HealthStatus.DEGRADED
        if database.status is not CheckStatus.UP:
            status = HealthStatus.UNHEALTHY
        return Health(
            status=status,
            version=__version__,
            checks=Checks(
                database=database,
                redis=redis,
                queue=QueueCheck(
                    status=CheckStatus.UP if workers.workers else CheckStatus.DOWN,
                    latency_ms=queue.latency_ms,
                    workers=workers.workers,
                    oldest_pending_seconds=round(workers.oldest_pending_seconds, 1),
                ),
            ),
        )

    async def _database(self) -> None:
        async with self._uow.autocommit() as tx:
            state = await tx.schema.state()
            if not self._revisions.is_fit(state.revision):
                raise MigrationsMissing
            if state.is_read_only:
                raise DatabaseReadOnly  # in the block, so that the next check gets another connection

    async def _ping_redis(self) -> None:
        await self._redis.run("PING")

    async def _queue(self) -> _QueueState:
        async with self._uow.autocommit() as tx:
            return _QueueState(await tx.workers.count_alive(), await tx.workers.oldest_pending_seconds())


async def _timed(check: Awaitable[_T]) -> tuple[Check, _T | None]:
    started, result, status = time.monotonic(), None, CheckStatus.UP
    try:
        async with stall_timeout(_LIMIT_SECONDS):
            result = await check
    except (ServiceUnavailable, RedisUnavailableError, TimeoutError) as error:
        status = _FAILURES.get(type(error), CheckStatus.DOWN)
    except Exception:
        log.exception("health_check_crashed")
        status = CheckStatus.DOWN
    return Check(status=status, latency_ms=round((time.monotonic() - started) * 1000, 1)), result
