"""Failures that any request may meet: its form, its address, limits, and parts that are down."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from app.errors.base import AppError

_USE_ENDS_SECONDS = 5

FIELD_CODES: Final = (
    "address_not_allowed",
    "address_refused",
    "blank",
    "bool_parsing",
    "bool_type",
    "control_character",
    "country_code_missing",
    "country_code_unknown",
    "enum",
    "event_malformed",
    "extra_forbidden",
    "greater_than_equal",
    "int_parsing",
    "json_invalid",
    "less_than_equal",
    "literal_error",
    "missing",
    "model_attributes_type",
    "model_not_offered",
    "no_word",
    "nothing_to_change",
    "nul_character",
    "number_has_extension",
    "number_has_letters",
    "number_malformed",
    "number_outdated",
    "number_too_long",
    "number_too_short",
    "number_unassigned",
    "otp_malformed",
    "password_length",
    "password_too_weak",
    "string_too_long",
    "string_too_short",
    "string_type",
    "string_unicode",
    "too_deep",
    "too_long",
    "too_many_members",
    "too_short",
    "unpaired_surrogate",
    "value_error",
)
"""The codes in `errors[]` of `ValidationFailed`: Pydantic's, and those of this service."""


class ValidationFailed(AppError):
    """The request does not have the documented form."""

    status = HTTPStatus.BAD_REQUEST
    code = "validation_failed"
    detail = "The request is not valid; see errors."


class CursorInvalid(AppError):
    """The cursor was not made by this service for this list."""

    status = HTTPStatus.BAD_REQUEST
    code = "cursor_invalid"
    detail = "This cursor is not valid here; start from the first page."


class NotFound(AppError):
    """No such address."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"
    detail = "There is nothing at this address."


class MethodNotAllowed(AppError):
    """The address exists, the method does not."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method_not_allowed"
    detail = "This address does not take this method."

    def __init__(self, *, allowed: Iterable[str]) -> None:
        self.allowed = sorted(allowed)
        super().__init__()


class OriginNotAllowed(AppError):
    """A web page of another origin, or with a method or header that pages may not use, asked beforehand."""

    status = HTTPStatus.FORBIDDEN
    code = "origin_not_allowed"
    detail = "Web pages of this origin may not send this request (CORS)."


class RequestMalformed(AppError):
    """What arrived is not an HTTP request."""

    status = HTTPStatus.BAD_REQUEST
    code = "request_malformed"
    detail = "This is not a valid HTTP request."


class RequestHeadTooLarge(AppError):
    """The request line and the headers are over the limit."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "request_head_too_large"
    detail = "The request line and the headers are larger than 64 KiB, or more than 100 headers."


class RequestTimeout(AppError):
    """The head or the body did not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "request_timeout"
    detail = "The request took too long to arrive."


class BodyTooLarge(AppError):
    """The body is over the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "body_too_large"
    detail = "The request body is larger than 1 MiB."


class UnsupportedMediaType(AppError):
    """The body is not declared as JSON."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"
    detail = "Send the body as application/json."


class ContentEncodingUnsupported(UnsupportedMediaType):
    """The body is compressed or otherwise encoded."""

    detail = "Send the body as it is, without Content-Encoding."


class RateLimitExceeded(AppError):
    """Too many requests in the last minute, from this address or of this user."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limit_exceeded"
    detail = "Too many requests in the last minute. Slow down."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)


class TooManyStreams(AppError):
    """The user has as many open streams of events as are allowed at once."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_streams"
    detail = "Too many streams are open on your account. Close one and try again."

    def __init__(self) -> None:
        super().__init__(retry_after=_USE_ENDS_SECONDS)


class TooManyExports(AppError):
    """The user has as many running exports as are allowed at once."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_exports"
    detail = "Too many exports of your account are under way. Wait until one has ended."

    def __init__(self) -> None:
        super().__init__(retry_after=_USE_ENDS_SECONDS)


class ServiceUnavailable(AppError):
    """A part that this request needs is down."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "service_unavailable"
    detail = (
        "The service cannot answer this right now. Try again shortly; "
        "use an Idempotency-Key to retry a message safely."
    )

    def __init__(self, *, retry_after: int = 2) -> None:
        super().__init__(retry_after=retry_after)


class MigrationsMissing(ServiceUnavailable):
    """The database's schema is older than this code, or missing."""

    detail = "The service's database is not set up for this version. Try again later."


class DatabaseReadOnly(ServiceUnavailable):
    """The database takes no changes: it is a standby, or set so."""

    detail = "The service's database takes no changes at the moment. Try again later."


class DatabaseFull(ServiceUnavailable):
    """The database's disk is full."""

    detail = "The service's database has no room left. Try again later."
