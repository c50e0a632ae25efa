"""Count what API and worker processes have in common: Stripe, the database, Redis, the version."""

from functools import cache
from typing import Final, Literal, get_args

from prometheus_client import Counter

from app import __version__
from app.metrics.families import BOTH, counter, gauge, histogram

StripeOperation = Literal[
    "checkout_sessions.create",
    "checkout_sessions.expire",
    "checkout_sessions.list",
    "checkout_sessions.retrieve",
    "customers.create",
    "customers.delete",
    "customers.retrieve",
    "invoices.list",
    "portal_sessions.create",
    "prices.retrieve",
    "subscriptions.cancel",
    "subscriptions.list",
    "subscriptions.retrieve",
    "subscriptions.update",
]
"""The calls of Stripe's API that this service makes."""
StripeResult = Literal["succeeded", "missing", "refused", "not_configured", "unavailable", "error"]
"""`missing`: no such object. `unavailable`: no response, or none that tells the result."""

BREAKER: Final = "chat_redis_breaker_open"

_stripe_calls = counter(
    "chat_stripe_calls_total",
    "Calls of Stripe's API, each with its retries counted once: succeeded, missing (no such object), refused,"
    " not_configured, unavailable or error.",
    BOTH,
    {"operation": get_args(StripeOperation), "result": get_args(StripeResult)},
)
_connections = gauge(
    "chat_database_connections",
    "Open connections to PostgreSQL, without those for health checks while they are used.",
    BOTH,
    {"state": ("used", "idle")},
)
_connections_max = gauge(
    "chat_database_connections_max", "Connections to PostgreSQL that may be used at once.", BOTH
)
_database_wait = histogram(
    "chat_database_wait_seconds",
    "Time until a connection to PostgreSQL was there, or until it was given up.",
    BOTH,
    buckets=(0.0001, 0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 5, 15),
)
_redis_commands = histogram(
    "chat_redis_command_seconds",
    "Time until Redis answered a command.",
    BOTH,
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1),
)
_breaker_open = gauge(BREAKER, "1 while Redis is not used after a failure.", BOTH, mode="livemax")
_build_info = gauge(
    "chat_build_info", "1, with the version of the process.", BOTH, {"version": ()}, mode="livemax"
)
_build_info.labels(__version__).set(1)

used_connections: Final = _connections.labels("used")
idle_connections: Final = _connections.labels("idle")
set_max_connections: Final = _connections_max.set
database_waited: Final = _database_wait.observe
"""Record how many seconds a block waited for its connection."""
redis_answered: Final = _redis_commands.observe
"""Record after how many seconds Redis answered a command."""


def stripe_called(operation: StripeOperation, result: StripeResult) -> None:
    """Count a call of Stripe's API."""
    _stripe_calls_of(operation, result).inc()


@cache
def _stripe_calls_of(operation: StripeOperation, result: StripeResult) -> Counter:
    return _stripe_calls.labels(operation, result)


def breaker_opened(until: float) -> None:
    """Record that Redis is not used until this time (monotonic); 0 closes the breaker.

    The time is kept, since nothing happens when it has passed; the exposition compares it with the clock.
    """
    _breaker_open.set(until)
