"""Errors that Gemini's address answers, sorted by what they mean.

A reason holds the HTTP status, Google's status and its reason word, and never its message, which may quote
the conversation.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from google.genai import errors

from app.gemini_client.base import ModelError, ModelFailure

LONGEST_WAIT_SECONDS = 60.0
_MAX_WORD_CHARS = 100
_PASSING: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, 499)
_ABOUT_THE_REQUEST: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
# Of answers that are not Google's: the operator has to name credentials, or another address.
_ASKS_FOR_CREDENTIALS: Final = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.PAYMENT_REQUIRED,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
)
_OF_A_WRONG_ADDRESS: Final = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)

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
# Beginnings of Google's messages about the set-up, since some gateways drop its ErrorInfo.
_MESSAGES_OF_THE_SETUP: Final = (
    "API key not valid",
    "API key expired",
    "API Key not found",
    "User location is not supported",
    "This API method requires billing",
    "Billing account",
    "Developer instruction is not enabled",
    "Multiturn chat is not enabled",
    "* GenerateContentRequest.model",
    "unexpected model name format",
)
# The parts of a request that hold the conversation; all others come from settings.
_CONVERSATION: Final = ("contents", "systemInstruction", "system_instruction")


def from_answer(error: errors.APIError) -> ModelError:
    """Return the failure that an answer means."""
    code: int | None = error.code  # None when the answer is JSON, but no error of Google's
    reason = _reason(error)
    if code is None:
        return ModelError(ModelFailure.INTERRUPTED, f"unreadable answer: {reason}", retryable=True)
    if not _is_googles(error):
        return _from_gateway(error, code)
    if _is_of_the_setup(error, code):
        return ModelError(ModelFailure.NOT_CONFIGURED, reason, retryable=False)
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return _from_quota(error, reason)
    if code in _ABOUT_THE_REQUEST:
        return ModelError(ModelFailure.REJECTED, reason, retryable=False)
    return ModelError(ModelFailure.UNAVAILABLE, reason, retryable=True, retry_after=_retry_delay(error))


def _from_quota(error: errors.APIError, reason: str) -> ModelError:
    wait = _retry_delay(error)
    if _is_daily_quota(error) or (wait is not None and wait > LONGEST_WAIT_SECONDS):
        return ModelError(ModelFailure.QUOTA_EXHAUSTED, reason, retryable=False)
    return ModelError(ModelFailure.RATE_LIMITED, reason, retryable=True, retry_after=wait)


def _from_gateway(error: errors.APIError, code: int) -> ModelError:
    """Sort an answer that is not Google's by its status; what it says is unknown."""
    is_json = bool(getattr(error.response, "content", b""))  # others were dropped on the way here
    reason = f"{code}, not in Google's form"
    if (
        HTTPStatus.MULTIPLE_CHOICES <= code < HTTPStatus.BAD_REQUEST
        or code in _ASKS_FOR_CREDENTIALS
        or (is_json and code in _OF_A_WRONG_ADDRESS)
    ):
        return ModelError(ModelFailure.NOT_CONFIGURED, reason, retryable=False)
    if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return ModelError(ModelFailure.REJECTED, reason, retryable=False)
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return ModelError(ModelFailure.RATE_LIMITED, reason, retryable=True)
    return ModelError(ModelFailure.UNAVAILABLE, reason, retryable=True)


def _is_googles(error: errors.APIError) -> bool:
    """Whether an answer has the form of Google's errors (google.rpc.Status in `error`)."""
    inner = error.details.get("error") if isinstance(error.details, dict) else None
    return isinstance(inner, dict) and (
        isinstance(inner.get("status"), str) or isinstance(inner.get("code"), int)
    )


def _is_of_the_setup(error: errors.APIError, code: int) -> bool:
    """Whether an operator has to change the key, its project, the model or another setting.

    Google answers a server in a region that it does not serve, and a project that needs billing there, with
    400 FAILED_PRECONDITION; an unknown or retired model with 404. A redirect comes from an address that is
    not the API's. Of the other statuses, only those of `_ABOUT_THE_REQUEST` can be about what a user wrote.
    """
    if any(word.startswith("API_KEY_") or word in _OF_THE_SETUP for word in _reason_words(error)):
        return True
    if _setup_message(error) or _has_no_quota(error) or code == HTTPStatus.NOT_IMPLEMENTED:
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
    details = _reason_words(error) or [_setup_message(error) or ""]
    words = (error.code, error.status, *details, *_quota_ids(error)[:1])
    return " ".join(str(word)[:_MAX_WORD_CHARS] for word in words if word)


def _reason_words(error: errors.APIError) -> list[str]:
    """The words of Google's ErrorInfo, such as API_KEY_INVALID."""
    return [
        word
        for detail in _details(error)
        if str(detail.get("@type", "")).endswith("ErrorInfo")
        and isinstance(word := detail.get("reason"), str)
    ]


def _setup_message(error: errors.APIError) -> str | None:
    """Return the known beginning of Google's message, if it is about the set-up."""
    message = str(error.message)
    return next((known for known in _MESSAGES_OF_THE_SETUP if message.startswith(known)), None)


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
    return any("PerDay" in quota_id for quota_id in _quota_ids(error))


def _has_no_quota(error: errors.APIError) -> bool:
    """Whether the limit that was exceeded is 0: the project may not use the model without billing."""
    return any(violation.get("quotaValue") in ("0", 0) for violation in _quota_violations(error))


def _quota_ids(error: errors.APIError) -> list[str]:
    return [str(violation.get("quotaId", "")) for violation in _quota_violations(error)]


def _quota_violations(error: errors.APIError) -> Iterator[dict[str, object]]:
    for detail in _details(error):
        if isinstance(violations := detail.get("violations"), list):
            yield from (violation for violation in violations if isinstance(violation, dict))
