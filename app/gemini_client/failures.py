"""Google's and the HTTP library's errors, said in our own words."""

import re
from collections.abc import Iterator
from http import HTTPStatus

import httpx2
from google.genai import errors

from app.gemini_client.base import Failure, GeminiError

LONGEST_WAIT_SECONDS = 60.0
_RETRYABLE = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


def as_gemini_error(error: Exception) -> GeminiError | None:
    """The failure that an exception of the SDK means; None for what is no failure of the model's side."""
    if isinstance(error, errors.APIError):
        return _from_answer(error)
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return GeminiError(Failure.TIMEOUT, type(error).__name__, retryable=True)
    if isinstance(error, httpx2.HTTPError):
        return GeminiError(Failure.INTERRUPTED, type(error).__name__, retryable=True)
    if isinstance(error, errors.UnknownApiResponseError | ValueError):
        return GeminiError(Failure.INTERRUPTED, "unreadable answer", retryable=True)
    return None


def _from_answer(error: errors.APIError) -> GeminiError:
    reason = f"{error.code} {error.status}"
    if error.code == HTTPStatus.TOO_MANY_REQUESTS:
        wait = _retry_delay(error)
        if _is_daily_quota(error) or (wait is not None and wait > LONGEST_WAIT_SECONDS):
            return GeminiError(Failure.QUOTA_EXHAUSTED, reason, retryable=False)
        return GeminiError(Failure.RATE_LIMITED, reason, retryable=True, retry_after=wait)
    if error.code in _RETRYABLE or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return GeminiError(Failure.UNAVAILABLE, reason, retryable=True, retry_after=_retry_delay(error))
    if error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or _reason_of_key(error):
        return GeminiError(Failure.NOT_CONFIGURED, reason, retryable=False)
    return GeminiError(Failure.REJECTED, reason, retryable=False)


def _details(error: errors.APIError) -> Iterator[dict[str, object]]:
    body = error.details if isinstance(error.details, dict) else {}
    inner = body.get("error", body)
    details = inner.get("details", []) if isinstance(inner, dict) else []
    return (detail for detail in details if isinstance(detail, dict))


def _retry_delay(error: errors.APIError) -> float | None:
    """Seconds of Google's RetryInfo (a protobuf Duration such as "7s" or "0.5s")."""
    for detail in _details(error):
        if str(detail.get("@type", "")).endswith("RetryInfo"):
            match = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
            return float(match[1]) if match else None
    return None


def _is_daily_quota(error: errors.APIError) -> bool:
    return any(
        "PerDay" in str(violation.get("quotaId", ""))
        for detail in _details(error)
        if isinstance(violations := detail.get("violations"), list)
        for violation in violations
        if isinstance(violation, dict)
    )


def _reason_of_key(error: errors.APIError) -> bool:
    return any(detail.get("reason") == "API_KEY_INVALID" for detail in _details(error))
