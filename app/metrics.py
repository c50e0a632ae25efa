"""Prometheus counters of this process; every process is scraped separately."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, get_args

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
Limit = Literal["ip", "basic", "pro", "stripe", "daily", "streams", "exports"]
"""The limits that reject requests."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_requests = Counter(
    "http_requests", "Requests by method, route (its pattern) and status.", ("method", "route", "status")
)
_durations = Histogram(
    "http_request_duration_seconds",
    "Time until the response was sent; event streams are in reply_stream_duration_seconds.",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 60),
)
_stream_durations = Histogram(
    "reply_stream_duration_seconds",
    "Time until an event stream of a reply ended.",
    ("route",),
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
_rate_limit_refusals = Counter(
    "rate_limit_refusals",
    "Requests rejected by a limit: ip, basic, pro, stripe, daily, streams or exports.",
    ("limit",),
)
_otp_refusals = Counter("otp_refusals", "Codes that were not sent, by reason.", ("reason",))
_webhooks = Counter(
    "stripe_webhooks",
    "Webhooks: new, duplicate, refused, or ignored (wrong_mode, unknown_type, v2_event, unknown_shape).",
    ("outcome",),
)
_messages = Counter("chat_messages_accepted", "Messages and regenerations that were accepted.")

# Exposed as 0 from the start, so that a first rejection is an increase.
for _limit in get_args(Limit):
    _rate_limit_refusals.labels(_limit)
for _reason in ("resend", "number", "ip", "prefix", "global", "unknown", "country"):
    _otp_refusals.labels(_reason)


@dataclass(frozen=True, slots=True)
class StoredMetric:
    """A value read at the scrape from the database or the process: a gauge, or a counter that only grows."""

    name: str
    meaning: str
    value: float
    is_counter: bool = False


class _StoredMetrics(Collector):
    def __init__(self, stored: Sequence[StoredMetric]) -> None:
        self._stored = stored

    def collect(self) -> Iterable[Metric]:
        return [
            (CounterMetricFamily if metric.is_counter else GaugeMetricFamily)(
                metric.name, metric.meaning, metric.value
            )
            for metric in self._stored
        ]


def request_answered(*, method: str, route: str, status: int, seconds: float, is_stream: bool) -> None:
    """Count a request; `route` must be a pattern, never an address that a client made up."""
    _requests_of(method if method in _METHODS else "other", route, status).inc()
    _durations_of(route, is_stream=is_stream).observe(seconds)


@cache
def _requests_of(method: str, route: str, status: int) -> Counter:
    return _requests.labels(method, route, str(status))


@cache
def _durations_of(route: str, *, is_stream: bool) -> Histogram:
    return (_stream_durations if is_stream else _durations).labels(route)


def rate_limit_refused(limit: Limit) -> None:
    """Count a request that a limit rejected."""
    _rate_limit_refusals.labels(limit).inc()


def otp_refused(reason: str) -> None:
    """Count a code that was not sent; `reason` comes from a fixed set."""
    _otp_refusals.labels(reason).inc()


def webhook_received(outcome: str) -> None:
    """Count a webhook; `outcome` comes from a fixed set."""
    _webhooks.labels(outcome).inc()


def message_accepted() -> None:
    """Count a message or a regeneration that was stored with its pending reply."""
    _messages.inc()


def exposition(stored: Sequence[StoredMetric]) -> bytes:
    """Return the counters of this process and the stored metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_StoredMetrics(stored))
    return generate_latest(REGISTRY) + generate_latest(registry)
