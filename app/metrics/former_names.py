"""Expose metrics under their former names, too, until the next version."""

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Final

from prometheus_client.core import Metric

FORMER_NAMES: Final = {
    "chat_http_requests_total": "http_requests_total",
    "chat_http_request_duration_seconds": "http_request_duration_seconds",
    "chat_reply_stream_duration_seconds": "reply_stream_duration_seconds",
    "chat_rate_limit_refusals_total": "rate_limit_refusals_total",
    "chat_otp_refusals_total": "otp_refusals_total",
    "chat_stripe_webhooks_total": "stripe_webhooks_total",
    "chat_redis_breaker_open": "redis_breaker_open",
    "chat_workers_alive": "workers_alive",
    "chat_replies_pending": "replies_pending",
    "chat_oldest_pending_reply_seconds": "oldest_pending_reply_seconds",
    "chat_stripe_events_waiting": "stripe_events_waiting",
    "chat_stripe_subscriptions_repaired_total": "stripe_subscriptions_repaired_total",
    "chat_stripe_subscriptions_of_unknown_users": "stripe_subscriptions_of_unknown_users",
    "chat_stripe_subscriptions_of_other_installations": "stripe_subscriptions_of_other_installations",
    "chat_stripe_subscriptions_ignored": "stripe_subscriptions_ignored",
}
"""New names, with the names up to version 0.2."""


def with_former_names(metrics: Iterable[Metric]) -> Iterator[Metric]:
    """Return a copy of each renamed metric under its former name."""
    table = {
        new.removesuffix("_total"): (new, old.removesuffix("_total")) for new, old in FORMER_NAMES.items()
    }
    for metric in metrics:
        if metric.name not in table:
            continue
        new, old = table[metric.name]
        former = copy(metric)
        former.name = old
        former.documentation = f"Former name of {new}; the next version does not have it."
        former.samples = [
            sample._replace(name=old + sample.name.removeprefix(metric.name)) for sample in metric.samples
        ]
        yield former
