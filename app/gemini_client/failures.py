"""Google's and the HTTP library's errors, said in our own words.

A reason holds the HTTP status, Google's status and its reason word, and never its message, which may quote
the conversation.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

import httpx2
from google.genai import errors

from app.gemini_client.base import Failure, GeminiError
from app.outgoing import reason_of

LONGEST_WAIT_SECONDS = 60.0
_PASSING: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, 499)
_ABOUT_THE_REQUEST: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)

# What happens on the way to Google and back; the first kind that fits counts.
_ON_THE_WAY: Final = {
    (TimeoutError, httpx2.TimeoutException): Failure.TIMEOUT,
    (httpx2.ConnectError, httpx2.ProxyError): Failure.UNAVAILABLE,
    (httpx2.HTTPError,): Failure.INTERRUPTED,
}
_NO_CONNECTION: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
)

# Words of google.api.ErrorReason (googleapis, google/api/error_reason.proto) that only an operator can mend,
# besides all that begin with API_KEY_.
_OF_THE_SETUP: Final = frozenset(
    {
        "ACCESS_TOKEN_EXPIRED",
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        "ACCOUNT_STATE_INVALID",
        "BILLING_DISABLED",
        "CONSUMER_INVALID",
        "CONSUMER_SUSPENDED",
        "CREDENTIALS_MISSING",
        "LOCATION_ORG_POLICY_VIOLATED",
        "LOCATION_POLICY_VIOLATED",
        "ORG_RESTRICTION_VIOLATION",
        "SECURITY_POLICY_VIOLATED",
        "SERVICE_DISABLED",
        "SERVICE_NOT_VISIBLE",
        "USER_PROJECT_DENIED",
    }
)
# The parts of a request that hold the conversation; all others come from settings.
_CONVERSATION: Final = ("contents", "systemInstruction", "system_instruction")


def as_gemini_error(error: Exception) -> GeminiError | None:
    """The failure that an exception of the SDK means; None for what is no failure of the model's side."""
    if isinstance(error, errors.APIError):
        return _from_answer(error)
    if isinstance(error, httpx2.LocalProtocolError | UnicodeEncodeError):
        return GeminiError(
            Failure.NOT_CONFIGURED,
            "GEMINI_API_KEY cannot be sent in a header",
            retryable=False,
            is_sent=False,
        )
    for kinds, failure in _ON_THE_WAY.items():
        if isinstance(error, kinds):
            is_sent = not isinstance(error, _NO_CONNECTION)
            return GeminiError(failure, reason_of(error), retryable=True, is_sent=is_sent)
    if isinstance(error, errors.UnknownApiResponseError | ValueError):
        return GeminiError(Failure.INTERRUPTED, "unreadable answer", retryable=True)
    return None


def _from_answer(error: errors.APIError) -> GeminiError:
    code: int | None = error.code  # None when the answer is JSON, but no error of Google's
    reason = _reason(error)
    if code is None:
        return GeminiError(Failure.INTERRUPTED, f"unreadable answer: {reason}", retryable=True)
    if _is_of_the_setup(error, code):
        return GeminiError(Failure.NOT_CONFIGURED, reason, retryable=False)
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        wait = _retry_delay(error)
        if _is_daily_quota(error) or (wait is not None and wait > LONGEST_WAIT_SECONDS):
            return GeminiError(Failure.QUOTA_EXHAUSTED, reason, retryable=False)
        return GeminiError(Failure.RATE_LIMITED, reason, retryable=True, retry_after=wait)
    if code in _ABOUT_THE_REQUEST:
        return GeminiError(Failure.REJECTED, reason, retryable=False)
    return GeminiError(Failure.UNAVAILABLE, reason, retryable=True, retry_after=_retry_delay(error))


def _is_of_the_setup(error: errors.APIError, code: int) -> bool:
    """Whether an operator has to change the key, its project, the model or another setting.

    Google answers a server in a region that it does not serve, and a project that needs billing there, with
    400 FAILED_PRECONDITION; an unknown or retired model with 404. A redirect comes from an address that is
    not the API's. Of the other statuses, only those of `_ABOUT_THE_REQUEST` can be about what a user wrote.
    """
    if any(word.startswith("API_KEY_") or word in _OF_THE_SETUP for word in _reason_words(error)):
        return True
    if code in _ABOUT_THE_REQUEST:
        return error.status == "FAILED_PRECONDITION" or _is_about_settings(error)
    is_refusal = HTTPStatus.MULTIPLE_CHOICES <= code < HTTPStatus.INTERNAL_SERVER_ERROR
    return is_refusal and code not in (*_PASSING, HTTPStatus.TOO_MANY_REQUESTS)


def _is_about_settings(error: errors.APIError) -> bool:
    """Whether Google names fields of the request, and none of them is part of the conversation."""
    fields = [
        str(violation.get("field", ""))
        for detail in _details(error)
        if isinstance(violations := detail.get("fieldViolations"), list)
        for violation in violations
        if isinstance(violation, dict)
    ]
    return bool(fields) and not any(field.startswith(_CONVERSATION) for field in fields)


def _reason(error: errors.APIError) -> str:
    return " ".join(str(word) for word in (error.code, error.status, *_reason_words(error)) if word)


def _reason_words(error: errors.APIError) -> list[str]:
    """The words of Google's ErrorInfo, such as API_KEY_INVALID."""
    return [
        word[:100]
        for detail in _details(error)
        if str(detail.get("@type", "")).endswith("ErrorInfo")
        and isinstance(word := detail.get("reason"), str)
    ]


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
