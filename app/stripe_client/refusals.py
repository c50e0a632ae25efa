"""Translates the SDK's exceptions: outage, missing object, rejection, or wrong configuration.

A reason consists of Stripe's status, type, code and parameter, without its message, which may quote a key.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import httpx2
import stripe

from app.stripe_client.base import StripeMissingError, StripeUnavailableError
from app.stripe_client.failures import (
    StripeNotConfiguredError,
    StripeRefusedError,
    StripeReplayedFailureError,
)

# Raised by the SDK for a response that is not Stripe's, such as a proxy's.
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)

# https://docs.stripe.com/error-codes: only the account's owner or the operator can correct these.
_CONFIGURATION_CODES: Final = frozenset(
    {
        "account_closed",
        "account_invalid",
        "api_key_expired",
        "livemode_mismatch",
        "platform_api_key_expired",
        "platform_account_required",
        "secret_key_required",
        "testmode_charges_only",
        "tls_version_unsupported",
    }
)

_REFUSED_KEY: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_TRANSIENT_STATUSES: Final = (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)


def to_stripe_failure(error: Exception) -> Exception | None:
    """Translate an exception of the SDK; None if it is not a failure of a call to Stripe."""
    if isinstance(error, stripe.APIConnectionError):
        if isinstance(error.__cause__, httpx2.LocalProtocolError):
            return StripeNotConfiguredError("STRIPE_SECRET_KEY cannot be sent in a header")
        return StripeUnavailableError(error.user_message or type(error).__name__)
    if isinstance(error, UnicodeEncodeError):
        return StripeNotConfiguredError("STRIPE_SECRET_KEY cannot be sent in a header")
    if isinstance(error, TimeoutError | OSError):
        return StripeUnavailableError(str(error) or "no response in time")
    if isinstance(error, _UNREADABLE):
        return StripeUnavailableError(f"unreadable response: {type(error).__name__}")
    return _from_response(error) if isinstance(error, stripe.StripeError) else None


def _from_response(error: stripe.StripeError) -> Exception:
    body = _error_body(error)
    if body is None:
        return StripeUnavailableError(f"status {error.http_status}, with a body that is not Stripe's")
    reason, param = _reason(error, body), _text(body.get("param"))
    if body.get("code") == "resource_missing" or _is_missing_object(error):
        return StripeMissingError(reason, param=param)
    refusal = _refusal(error, body)
    return StripeUnavailableError(reason) if refusal is None else refusal(reason, param=param)


def _refusal(error: stripe.StripeError, body: Mapping[str, object]) -> type[StripeRefusedError] | None:
    """Return the class of rejection for an error response; None for an outage, which may be retried."""
    status = error.http_status or 0
    if status in _REFUSED_KEY or status == HTTPStatus.NOT_FOUND or body.get("code") in _CONFIGURATION_CODES:
        return StripeNotConfiguredError  # a 404 without an object: the base address is not the API's
    if body.get("type") == "idempotency_error" and status == HTTPStatus.BAD_REQUEST:
        return StripeReplayedFailureError
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        is_replayed = (error.headers or {}).get("idempotent-replayed") == "true"
        return StripeReplayedFailureError if is_replayed else None
    is_transient = (
        status in _TRANSIENT_STATUSES or status < HTTPStatus.BAD_REQUEST or body.get("code") == "rate_limit"
    )
    return None if is_transient else StripeRefusedError


def _error_body(error: stripe.StripeError) -> Mapping[str, object] | None:
    """Return the error object of the response body; None without one."""
    body = error.json_body
    inner = body.get("error") if isinstance(body, Mapping) else None
    return inner if isinstance(inner, Mapping) else None


def _reason(error: stripe.StripeError, body: Mapping[str, object]) -> str:
    named = {"status": error.http_status, **{name: body.get(name) for name in ("type", "code", "param")}}
    request = {"request": error.request_id}
    return ", ".join(f"{name} {value}" for name, value in (named | request).items() if value is not None)


def _is_missing_object(error: stripe.StripeError) -> bool:
    """Whether a 404 is about an object; one about the URL means a wrong base, and ends no subscription."""
    is_about_address = (error.user_message or "").startswith("Unrecognized request URL")
    is_missing = isinstance(error, stripe.InvalidRequestError) and error.http_status == HTTPStatus.NOT_FOUND
    return is_missing and not is_about_address


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
