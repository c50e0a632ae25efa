"""Count what an API process does."""

from functools import cache
from typing import Final, Literal, get_args

from prometheus_client import Counter, Histogram

from app.metrics.families import API, counter, histogram

Limit = Literal["ip", "basic", "pro", "stripe", "daily", "streams", "exports"]
"""The limits that reject requests."""
SendResult = Literal["sent", "refused", "failed"]
VerifyResult = Literal["right", "wrong", "exceeded"]
OTP_REFUSALS: Final = ("resend", "number", "ip", "prefix", "global", "unknown", "country")
WEBHOOK_OUTCOMES: Final = (
    "new",
    "duplicate",
    "refused",
    "wrong_mode",
    "unknown_type",
    "v2_event",
    "unknown_shape",
)

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_requests = counter(
    "chat_http_requests_total",
    "Requests by method, route (its pattern) and status.",
    API,
    {"method": (), "route": (), "status": ()},
)
_durations = histogram(
    "chat_http_request_duration_seconds",
    "Time until the response was sent; event streams are in chat_reply_stream_duration_seconds.",
    API,
    {"route": ()},
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 60),
)
_stream_durations = histogram(
    "chat_reply_stream_duration_seconds",
    "Time until an event stream of a reply ended.",
    API,
    {"route": ()},
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
_rate_limit_refusals = counter(
    "chat_rate_limit_refusals_total",
    "Requests rejected by a limit: ip, basic, pro, stripe, daily, streams or exports.",
    API,
    {"limit": get_args(Limit)},
)
_otp_refusals = counter(
    "chat_otp_refusals_total", "Codes that were not sent, by reason.", API, {"reason": OTP_REFUSALS}
)
_otp_sent = counter(
    "chat_otp_sent_total",
    "Codes passed to the sender of text messages: sent, refused by it, or failed after all attempts.",
    API,
    {"result": get_args(SendResult)},
)
_otp_verified = counter(
    "chat_otp_verified_total",
    "Codes that users entered: right, wrong (also expired or never sent), or exceeded (too many tries).",
    API,
    {"result": get_args(VerifyResult)},
)
_webhooks = counter(
    "chat_stripe_webhooks_total",
    "Webhooks: new, duplicate, refused, or ignored (wrong_mode, unknown_type, v2_event, unknown_shape).",
    API,
    {"outcome": WEBHOOK_OUTCOMES},
)
_messages = counter("chat_messages_accepted_total", "Messages and regenerations that were accepted.", API)


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
    """Count a code that was not sent; `reason` is one of `OTP_REFUSALS`."""
    _otp_refusals.labels(reason).inc()


def otp_sent(result: SendResult) -> None:
    """Count a code that was passed to the sender of text messages, once."""
    _otp_sent.labels(result).inc()


def otp_verified(result: VerifyResult) -> None:
    """Count a code that a user entered."""
    _otp_verified.labels(result).inc()


def webhook_received(outcome: str) -> None:
    """Count a webhook; `outcome` is one of `WEBHOOK_OUTCOMES`."""
    _webhooks.labels(outcome).inc()


def message_accepted() -> None:
    """Count a message or a regeneration that was stored with its pending reply."""
    _messages.inc()
