"""The state of queue, inbox, periodic tasks and Redis, as an API process exposes it to Prometheus."""

from dataclasses import dataclass

from app.errors import ServiceUnavailable
from app.kit.timeouts import stall_timeout
from app.metrics import StoredValue, stored
from app.models import UnresolvedReason
from app.redis_client.connection import RedisUnavailableError
from app.redis_client.memory import RedisMemory
from app.services.billing.reconciliation import RECONCILIATION
from app.unit_of_work import Transaction, UnitOfWork

_LIMIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StoredState:
    """Reads the state at each scrape; what is unavailable is left out."""

    uow: UnitOfWork
    memory: RedisMemory

    async def read(self) -> list[StoredValue]:
        """Return the values of the database and of Redis."""
        return [*await self._of_database(), *await self._of_redis()]

    async def _of_database(self) -> list[StoredValue]:
        try:
            async with stall_timeout(_LIMIT_SECONDS), self.uow.begin() as tx:
                return await _values(tx)
        except (ServiceUnavailable, TimeoutError):
            return []

    async def _of_redis(self) -> list[StoredValue]:
        try:
            memory = await self.memory.read()
        except RedisUnavailableError:
            return []
        if memory is None:
            return []
        return [
            StoredValue(stored.REDIS_MEMORY, memory.used),
            StoredValue(stored.REDIS_MEMORY_LIMIT, memory.limit),
        ]


async def _values(tx: Transaction) -> list[StoredValue]:
    unresolved = await tx.billing.unresolved()
    return [
        StoredValue(stored.WORKERS_ALIVE, await tx.workers.count_alive()),
        StoredValue(stored.REPLIES_PENDING, await tx.workers.count_pending()),
        StoredValue(stored.OLDEST_PENDING, await tx.workers.oldest_pending_seconds()),
        StoredValue(stored.EVENTS_WAITING, await tx.stripe_events.count_unprocessed()),
        StoredValue(stored.INBOX_LAG, await tx.stripe_events.lag_seconds()),
        StoredValue(stored.REPAIRED, await tx.periodic_jobs.items_found(RECONCILIATION)),
        StoredValue(stored.OF_UNKNOWN_USERS, unresolved.get(UnresolvedReason.UNKNOWN_USER, 0)),
        StoredValue(stored.OF_OTHER_INSTALLATIONS, unresolved.get(UnresolvedReason.OTHER_INSTALLATION, 0)),
        StoredValue(stored.IGNORED, unresolved.get(UnresolvedReason.NOT_OURS, 0)),
        *(
            StoredValue(stored.LAST_SUCCESS, at, (job,))
            for job, at in await tx.periodic_jobs.last_successes()
        ),
    ]
