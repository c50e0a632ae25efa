"""Name each failed call of Gemini by a code of a fixed set, for the metrics."""

from typing import Final

from app.gemini_client.api_errors import ErrorResponse
from app.gemini_client.base import ModelError, ModelFailure
from app.metrics.worker import GOOGLE_STATUSES

_BY_FAILURE: Final = {
    ModelFailure.TIMEOUT: "timeout",
    ModelFailure.INTERRUPTED: "interrupted",
    ModelFailure.UNAVAILABLE: "gateway",
    ModelFailure.EMPTY: "empty",
}


def error_code(failure: ModelError, cause: Exception | None = None) -> str:
    """Return Google's status if the error has a known one, else a word; `cause` is the first exception."""
    if isinstance(cause, ErrorResponse):
        status = cause.status
        return status if isinstance(status, str) and status in GOOGLE_STATUSES else "gateway"
    if cause is None and failure.failure is ModelFailure.INTERRUPTED:
        return "unfinished"
    if not failure.is_sent:
        return "connection"
    return _BY_FAILURE.get(failure.failure, "other")
