"""Map error responses of Gemini's address to `ModelError`.

A reason contains the HTTP status, Google's status and its error reason. It never contains the message, which
may quote the conversation.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from app.gemini_client.base import ModelError, ModelFailure

MAX_RETRY_AFTER_SECONDS = 60.0
_MAX_PART_CHARS = 100
_TRANSIENT: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, 499)
_REQUEST_ERRORS: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
# Of responses that are not in Google's form: the operator has to set credentials, or another address.
_NEEDS_CREDENTIALS: Final = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.PAYMENT_REQUIRED,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
)
_WRONG_ADDRESS: Final = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)

# Values of google.api.ErrorReason (googleapis, google/api/error_reason.proto) that only an operator can fix,
# besides all that begin with API_KEY_.
_SETUP_REASONS: Final = frozenset(
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
# Prefixes of Google's messages about the set-up, since some gateways drop its ErrorInfo.
_SETUP_MESSAGES: Final = (
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
# The fields of a request that contain the conversation; all others come from settings.
_CONVERSATION: Final = ("contents", "systemInstruction", "system_instruction")


class ErrorResponse(Exception):  # a response that is raised, not an error of this service
    """A response, or an event of a stream, that is an error.

    Google's form of it is `{"error": {"code": …, "status": …, "message": …, "details": […]}}`.
    """

    def __init__(self, http_status: int | None, body: object) -> None:
        """Keep an error.

        Args:
            http_status: the status of the response; None for an event, which has its own `code`.
            body: its JSON; None if it is something else.
        """
        super().__init__()
        self.body = body[0] if isinstance(body, list) and len(body) == 1 else body
        inner = self.body.get("error") if isinstance(self.body, dict) else None
        self.inner: dict[str, object] = inner if isinstance(inner, dict) else {}
        code = self.inner.get("code")
        self.code = http_status or (code if isinstance(code, int) else None)

    @property
    def status(self) -> object:
        """Google's name of the error."""
        return self.inner.get("status")


def from_response(error: ErrorResponse) -> ModelError:
    """Return the error that a response means."""
    code, reason = error.code, _reason(error)
    if code is None:
        return ModelError(ModelFailure.INTERRUPTED, f"unreadable answer: {reason}", retryable=True)
    if not _is_google_error(error):
        return _from_gateway(error, code)
    if _is_setup_error(error, code):
        return ModelError(ModelFailure.NOT_CONFIGURED, reason, retryable=False)
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return _from_quota(error, reason)
    if code in _REQUEST_ERRORS:
        return ModelError(ModelFailure.REJECTED, reason, retryable=False)
    return ModelError(ModelFailure.UNAVAILABLE, reason, retryable=True, retry_after=_retry_delay(error))


def _from_quota(error: ErrorResponse, reason: str) -> ModelError:
    wait = _retry_delay(error)
    if _is_daily_quota(error) or (wait is not None and wait > MAX_RETRY_AFTER_SECONDS):
        return ModelError(ModelFailure.QUOTA_EXHAUSTED, reason, retryable=False)
    return ModelError(ModelFailure.RATE_LIMITED, reason, retryable=True, retry_after=wait)


def _from_gateway(error: ErrorResponse, code: int) -> ModelError:
    """Map a response that is not in Google's form by its status alone."""
    reason = f"{code}, not in Google's form"
    if (
        HTTPStatus.MULTIPLE_CHOICES <= code < HTTPStatus.BAD_REQUEST
        or code in _NEEDS_CREDENTIALS
        or (error.body is not None and code in _WRONG_ADDRESS)
    ):
        return ModelError(ModelFailure.NOT_CONFIGURED, reason, retryable=False)
    if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return ModelError(ModelFailure.REJECTED, reason, retryable=False)
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return ModelError(ModelFailure.RATE_LIMITED, reason, retryable=True)
    return ModelError(ModelFailure.UNAVAILABLE, reason, retryable=True)


def _is_google_error(error: ErrorResponse) -> bool:
    """Return whether a response has the form of Google's errors (google.rpc.Status in `error`)."""
    return isinstance(error.status, str) or isinstance(error.inner.get("code"), int)


def _is_setup_error(error: ErrorResponse, code: int) -> bool:
    """Return whether an operator has to change the key, its project, the model or another setting.

    Google responds 400 FAILED_PRECONDITION in a region that it does not serve or where the project needs
    billing, and 404 for an unknown or retired model. A redirect means that the address is not the API's. Of
    the other statuses, only `_REQUEST_ERRORS` can be caused by the text of a user.
    """
    if any(word.startswith("API_KEY_") or word in _SETUP_REASONS for word in _error_reasons(error)):
        return True
    if _setup_message(error) or _has_no_quota(error) or code == HTTPStatus.NOT_IMPLEMENTED:
        return True
    if code in _REQUEST_ERRORS:
        return error.status == "FAILED_PRECONDITION" or _is_settings_error(error)
    is_rejected = HTTPStatus.MULTIPLE_CHOICES <= code < HTTPStatus.INTERNAL_SERVER_ERROR
    return is_rejected and code not in (*_TRANSIENT, HTTPStatus.TOO_MANY_REQUESTS)


def _is_settings_error(error: ErrorResponse) -> bool:
    """Return whether Google names fields of the request, none of which is part of the conversation."""
    fields = [
        str(violation.get("field", ""))
        for detail in _details(error)
        if isinstance(violations := detail.get("fieldViolations"), list)
        for violation in violations
        if isinstance(violation, dict)
    ]
    return bool(fields) and not any(field.startswith(_CONVERSATION) for field in fields)


def _reason(error: ErrorResponse) -> str:
    details = _error_reasons(error) or [_setup_message(error) or ""]
    words = (error.code, error.status, *details, *_quota_ids(error)[:1])
    return " ".join(str(word)[:_MAX_PART_CHARS] for word in words if word)


def _error_reasons(error: ErrorResponse) -> list[str]:
    """Return the reasons of Google's ErrorInfo, such as API_KEY_INVALID."""
    return [
        word
        for detail in _details(error)
        if str(detail.get("@type", "")).endswith("ErrorInfo")
        and isinstance(word := detail.get("reason"), str)
    ]


def _setup_message(error: ErrorResponse) -> str | None:
    """Return the known prefix of Google's message if it is about the set-up."""
    message = str(error.inner.get("message"))
    return next((known for known in _SETUP_MESSAGES if message.startswith(known)), None)


def _details(error: ErrorResponse) -> Iterator[dict[str, object]]:
    details = error.inner.get("details")
    return (
        (detail for detail in details if isinstance(detail, dict)) if isinstance(details, list) else iter(())
    )


def _retry_delay(error: ErrorResponse) -> float | None:
    """Return the seconds of Google's RetryInfo (a protobuf Duration such as "7s" or "0.5s")."""
    for detail in _details(error):
        if str(detail.get("@type", "")).endswith("RetryInfo"):
            match = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
            return float(match[1]) if match else None
    return None


def _is_daily_quota(error: ErrorResponse) -> bool:
    return any("PerDay" in quota_id for quota_id in _quota_ids(error))


def _has_no_quota(error: ErrorResponse) -> bool:
    """Return whether the exceeded limit is 0: the project cannot use the model without billing."""
    return any(violation.get("quotaValue") in ("0", 0) for violation in _quota_violations(error))


def _quota_ids(error: ErrorResponse) -> list[str]:
    return [str(violation.get("quotaId", "")) for violation in _quota_violations(error)]


def _quota_violations(error: ErrorResponse) -> Iterator[dict[str, object]]:
    for detail in _details(error):
        if isinstance(violations := detail.get("violations"), list):
            yield from (violation for violation in violations if isinstance(violation, dict))
