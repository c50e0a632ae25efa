"""Errors of any request: its form, its path, limits, and unavailable servers."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from app.errors.base import AppError

_CONCURRENCY_RETRY_SECONDS = 5

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
    "int_type",
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
    "personal_data",
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
"""The codes in `errors[]` of `ValidationFailed`: those of Pydantic and those of this service."""


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
    """The path does not exist."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"
    detail = "This path does not exist."


class MethodNotAllowed(AppError):
    """The path does not support the method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method_not_allowed"
    detail = "This path does not support this method."

    def __init__(self, *, allowed: Iterable[str]) -> None:
        self.allowed = sorted(allowed)
        super().__init__()


class OriginNotAllowed(AppError):
    """The preflight is of an origin, a method or a header that is not allowed."""

    status = HTTPStatus.FORBIDDEN
    code = "origin_not_allowed"
    detail = "Web pages of this origin may not send this request (CORS)."


class RequestMalformed(AppError):
    """The bytes received are no HTTP request."""

    status = HTTPStatus.BAD_REQUEST
    code = "request_malformed"
    detail = "This is not a valid HTTP request."


class RequestHeadTooLarge(AppError):
    """The request line and the headers exceed the limit."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "request_head_too_large"
    detail = "The request line and the headers are larger than 64 KiB, or there are more than 100 headers."


class RequestTimeout(AppError):
    """The head or the body of the request did not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "request_timeout"
    detail = "The request took too long to arrive."


class BodyTooLarge(AppError):
    """The body exceeds the limit."""

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
    """The address or the user made too many requests in the last minute."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limit_exceeded"
    detail = "Too many requests in the last minute. Slow down."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)


class TooManyStreams(AppError):
    """The user has the maximum of open event streams."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_streams"
    detail = "Too many streams are open on your account. Close one and try again."

    def __init__(self) -> None:
        super().__init__(retry_after=_CONCURRENCY_RETRY_SECONDS)


class TooManyExports(AppError):
    """The user has the maximum of running exports."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_exports"
    detail = "Too many exports of your account are running. Wait until one has ended."

    def __init__(self) -> None:
        super().__init__(retry_after=_CONCURRENCY_RETRY_SECONDS)


class ServiceUnavailable(AppError):
    """A server that this request needs is unavailable."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "service_unavailable"
    detail = (
        "The service is unavailable. Try again shortly; use an Idempotency-Key to retry a message safely."
    )

    def __init__(self, *, retry_after: int = 2) -> None:
        super().__init__(retry_after=retry_after)


class MigrationsMissing(ServiceUnavailable):
    """The database's schema is missing, or older than this version."""

    detail = "The service's database is not migrated to this version. Try again later."


class DatabaseReadOnly(ServiceUnavailable):
    """The database is read-only: a standby, or configured so."""

    detail = "The service's database is read-only at the moment. Try again later."


class DatabaseFull(ServiceUnavailable):
    """The database's disk is full."""

    detail = "The service's database has no disk space left. Try again later."
