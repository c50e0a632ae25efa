"""Metrics for Prometheus, behind a token."""

import hmac
from dataclasses import dataclass

from app import metrics
from app.errors import AuthenticationRequired, NotFound, ServiceUnavailable
from app.kit.timeouts import stall_timeout
from app.metrics import StoredMetric
from app.models import UnresolvedReason
from app.redis_client.connection import RedisConnection
from app.services.billing.reconciliation import RECONCILIATION
from app.unit_of_work import UnitOfWork

_LIMIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class MonitoringService:
    """Counters of this process, and the current state of the queue."""

    uow: UnitOfWork
    redis: RedisConnection
    token: str

    async def metrics(self, token: str | None) -> bytes:
        """Return all metrics in Prometheus's text format; without the database only those of this process.

        Raises:
            NotFound: `METRICS_TOKEN` is not set.
            AuthenticationRequired: the request has no token or a wrong one.
        """
        if not self.token:
            raise NotFound
        if token is None or not hmac.compare_digest(token.encode(), self.token.encode()):
            raise AuthenticationRequired
        breaker = StoredMetric(
            "redis_breaker_open", "1 while Redis is not used after a failure.", self.redis.is_breaker_open
        )
        return metrics.exposition([breaker, *await self._queue()])

    async def _queue(self) -> list[StoredMetric]:
        try:
            async with stall_timeout(_LIMIT_SECONDS), self.uow.begin() as tx:
                workers = await tx.workers.count_alive()
                pending = await tx.workers.count_pending()
                oldest = await tx.workers.oldest_pending_seconds()
                events = await tx.stripe_events.count_unprocessed()
                repaired = await tx.periodic_jobs.items_found(RECONCILIATION)
                unresolved = await tx.billing.unresolved()
        except (ServiceUnavailable, TimeoutError):
            return []
        return [
            StoredMetric("workers_alive", "Worker processes with a heartbeat in the last 15 s.", workers),
            StoredMetric("replies_pending", "Replies that wait for a worker.", pending),
            StoredMetric("oldest_pending_reply_seconds", "How long the oldest due reply has waited.", oldest),
            StoredMetric("stripe_events_waiting", "Stripe events that are not processed.", events),
            StoredMetric(
                "stripe_subscriptions_repaired",
                "Subscriptions that differed from Stripe and were repaired, over all processes.",
                repaired,
                is_counter=True,
            ),
            StoredMetric(
                "stripe_subscriptions_of_unknown_users",
                "Live subscriptions to Pro without a user in this database, as of the last reconciliation.",
                unresolved.get(UnresolvedReason.UNKNOWN_USER, 0),
            ),
            StoredMetric(
                "stripe_subscriptions_of_other_installations",
                "Live subscriptions that another installation sold, as of the last reconciliation.",
                unresolved.get(UnresolvedReason.OTHER_INSTALLATION, 0),
            ),
            StoredMetric(
                "stripe_subscriptions_ignored",
                "Live subscriptions of users' customers to other products, as of the last reconciliation.",
                unresolved.get(UnresolvedReason.NOT_OURS, 0),
            ),
        ]
