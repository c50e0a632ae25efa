"""What is counted for Prometheus, in this process; every process is scraped by itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
Limit = Literal["ip", "basic", "pro", "stripe", "daily", "streams", "exports"]
"""What a request may be refused by."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_requests = Counter(
    "http_requests", "Requests by method, route (its pattern) and status.", ("method", "route", "status")
)
_durations = Histogram(
    "http_request_duration_seconds",
    "Time until the answer was out; of a stream, until its end.",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 60),
)
_rate_limit_refusals = Counter(
    "rate_limit_refusals",
    "Requests refused by a limit: ip, basic, pro, stripe, daily, streams or exports.",
    ("limit",),
)
_otp_refusals = Counter("otp_refusals", "Codes that were not sent, by reason.", ("reason",))
_webhooks = Counter(
    "stripe_webhooks",
    "Webhooks: new, duplicate, refused, or ignored (wrong_mode, unknown_type, v2_event, unknown_shape).",
    ("outcome",),
)
_messages = Counter("messages", "Messages and regenerations that were accepted.")

# Shown as 0 from the start, so that a first refusal is an increase.
for _limit in get_args(Limit):
    _rate_limit_refusals.labels(_limit)
for _reason in ("resend", "number", "ip", "prefix", "global", "unknown", "country"):
    _otp_refusals.labels(_reason)


@dataclass(frozen=True, slots=True)
class Gauge:
    """Something measured at the moment of the scrape."""

    name: str
    meaning: str
    value: float


class _Moment(Collector):
    def __init__(self, gauges: Sequence[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        return [GaugeMetricFamily(gauge.name, gauge.meaning, gauge.value) for gauge in self._gauges]


def request_answered(*, method: str, route: str, status: int, seconds: float) -> None:
    """Count a request; `route` must be a pattern, never an address that somebody made up."""
    _requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
    _durations.labels(route).observe(seconds)


def rate_limit_refused(limit: Limit) -> None:
    """Count a request that a limit refused."""
    _rate_limit_refusals.labels(limit).inc()


def otp_refused(reason: str) -> None:
    """Count a code that was not sent; `reason` is one of a few words of ours."""
    _otp_refusals.labels(reason).inc()


def webhook_received(outcome: str) -> None:
    """Count a webhook; `outcome` is one of a few words of ours."""
    _webhooks.labels(outcome).inc()


def message_accepted() -> None:
    """Count a message, or a regeneration, that was stored with the reply it is owed."""
    _messages.inc()


def exposition(gauges: Sequence[Gauge]) -> bytes:
    """Everything counted, and these gauges, in Prometheus's text format."""
    moment = CollectorRegistry()
    moment.register(_Moment(gauges))
    return generate_latest(REGISTRY) + generate_latest(moment)
