"""Prometheus metrics: what this process counts, and their exposition.

What only a worker counts is in `app.metrics.worker`. `app.metrics.catalogue` has every metric, and
`python -m app.metrics` prints it.
"""

# The directory comes first: it decides how the library counts, before any other module imports it.
from app.metrics.directory import CHOICE  # isort: split

from app.metrics.api import (
    Limit,
    message_accepted,
    otp_refused,
    otp_sent,
    otp_verified,
    rate_limit_refused,
    request_answered,
    webhook_received,
)
from app.metrics.exposition import CONTENT_TYPE, begin_sharing, end_sharing, exposition
from app.metrics.families import Family, Kind, Process
from app.metrics.former_names import FORMER_NAMES
from app.metrics.shared import (
    StripeOperation,
    StripeResult,
    breaker_opened,
    database_waited,
    idle_connections,
    redis_answered,
    set_max_connections,
    stripe_called,
    used_connections,
)
from app.metrics.stored import StoredValue

__all__ = [
    "CHOICE",
    "CONTENT_TYPE",
    "FORMER_NAMES",
    "Family",
    "Kind",
    "Limit",
    "Process",
    "StoredValue",
    "StripeOperation",
    "StripeResult",
    "begin_sharing",
    "breaker_opened",
    "database_waited",
    "end_sharing",
    "exposition",
    "idle_connections",
    "message_accepted",
    "otp_refused",
    "otp_sent",
    "otp_verified",
    "rate_limit_refused",
    "redis_answered",
    "request_answered",
    "set_max_connections",
    "stripe_called",
    "used_connections",
    "webhook_received",
]
