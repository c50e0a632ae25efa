"""Declare the values that an API process reads from the database and Redis when it is scraped.

Every instance reads the same: take the maximum over the instances, not their sum.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from app.metrics.families import API, Family, Kind, declare


def _gauge(name: str, text: str, *labels: str) -> Family:
    return declare(Family(name, Kind.GAUGE, text, API, dict.fromkeys(labels, ())))


WORKERS_ALIVE: Final = _gauge("chat_workers_alive", "Worker processes with a heartbeat in the last 15 s.")
REPLIES_PENDING: Final = _gauge("chat_replies_pending", "Replies that wait for a worker.")
OLDEST_PENDING: Final = _gauge(
    "chat_oldest_pending_reply_seconds", "How long the oldest due reply has waited."
)
EVENTS_WAITING: Final = _gauge("chat_stripe_events_waiting", "Stripe's events that are not processed.")
INBOX_LAG: Final = _gauge(
    "chat_stripe_inbox_lag_seconds",
    "Age of the oldest event of Stripe's that is due and not processed; 0 if there is none.",
)
REPAIRED: Final = declare(
    Family(
        "chat_stripe_subscriptions_repaired_total",
        Kind.COUNTER,
        "Subscriptions that differed from Stripe and were repaired, over all processes.",
        API,
    )
)
OF_UNKNOWN_USERS: Final = _gauge(
    "chat_stripe_subscriptions_of_unknown_users",
    "Live subscriptions to Pro without a user in this database, as of the last reconciliation.",
)
OF_OTHER_INSTALLATIONS: Final = _gauge(
    "chat_stripe_subscriptions_of_other_installations",
    "Live subscriptions that another installation sold, as of the last reconciliation.",
)
IGNORED: Final = _gauge(
    "chat_stripe_subscriptions_ignored",
    "Live subscriptions of users' customers to other products, as of the last reconciliation.",
)
LAST_SUCCESS: Final = _gauge(
    "chat_periodic_job_last_success_timestamp_seconds",
    "When a run of each periodic job last succeeded, in seconds since 1970; without jobs that never did.",
    "job",
)
REDIS_MEMORY: Final = _gauge("chat_redis_memory_bytes", "Memory that Redis uses, at most 10 s old.")
REDIS_MEMORY_LIMIT: Final = _gauge(
    "chat_redis_memory_limit_bytes", "Redis's maxmemory, at most 10 s old; 0 without a limit."
)


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A value of a family, as it was read for this scrape."""

    family: Family
    value: float
    labels: tuple[str, ...] = ()


def stored_metrics(values: Iterable[StoredValue]) -> Sequence[Metric]:
    """Return the values as metrics."""
    found: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for each in values:
        family = each.family
        if family.name not in found:
            found[family.name] = _METRICS[family.kind](family.name, family.text, labels=tuple(family.labels))
        found[family.name].add_metric(each.labels, each.value)
    return list(found.values())


_METRICS: Final[Mapping[Kind, type[CounterMetricFamily | GaugeMetricFamily]]] = {
    Kind.COUNTER: CounterMetricFamily,
    Kind.GAUGE: GaugeMetricFamily,
}
