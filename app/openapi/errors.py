"""Error responses in the OpenAPI document: those of each route, and those of middleware."""

from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from app.errors import (
    ADMIN_CATALOGUE,
    CATALOGUE,
    AccountSuspended,
    AdminKeyRequired,
    AppError,
    AuthenticationRequired,
    BodyTooLarge,
    ChatroomLimitReached,
    DailyLimitReached,
    InternalError,
    OtpInvalid,
    RateLimitExceeded,
    RequestHeadTooLarge,
    RequestTimeout,
    ScopeRequired,
    ServiceUnavailable,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.kit.query_rules import allows_unknown_query
from app.problem_response import PROBLEM_TYPE
from app.rate_limiter import is_exempt

_WRITING = ("post", "put", "patch", "delete")
_EVERYWHERE: tuple[type[AppError], ...] = (InternalError, ServiceUnavailable)
_WITH_BODY: tuple[type[AppError], ...] = (ValidationFailed, BodyTooLarge, UnsupportedMediaType)
_MEMBERS: Final[dict[type[AppError], dict[str, object]]] = {
    ScopeRequired: {"scope": "support"},
    ValidationFailed: {"errors": [{"pointer": "/content", "code": "missing", "message": "Field required"}]},
    OtpInvalid: {"attempts_left": 4},
    ChatroomLimitReached: {"limit": 500, "upgrade": "/subscribe/pro"},
    DailyLimitReached: {
        "limit": 5,
        "used": 5,
        "resets_at": "2026-02-01T00:00:00Z",
        "upgrade": "/subscribe/pro",
    },
}
"""Examples of the further members of some errors."""

_ERROR_BY_CODE: Final = {
    error.code: error
    for error in sorted((*CATALOGUE, *ADMIN_CATALOGUE), key=lambda error: -len(error.__mro__))
}
"""The most general class of each code."""

_PROBLEM_REFERENCE: Final = {"$ref": "#/components/schemas/Problem"}

Responses = dict[int | str, dict[str, Any]]


def admin_responses(*errors: type[AppError], body: bool = False) -> Responses:
    """Return the `responses` of a route of the admin API; see `error_responses`."""
    return error_responses(AdminKeyRequired, ScopeRequired, *errors, body=body)


def error_responses(*errors: type[AppError], body: bool = False, signed_in: bool = False) -> Responses:
    """Return the `responses` of a route: these errors, and those of every route of its kind."""
    own = (AuthenticationRequired, AccountSuspended) if signed_in else ()
    return _responses((*own, *(_WITH_BODY if body else ()), *errors, *_EVERYWHERE))


def _responses(errors: Iterable[type[AppError]]) -> Responses:
    by_status: dict[HTTPStatus, dict[str, type[AppError]]] = defaultdict(dict)
    for error in errors:
        by_status[error.status].setdefault(error.code, error)
    return {
        status.value: _response([found[code] for code in sorted(found)])
        for status, found in sorted(by_status.items())
    }


def _response(errors: list[type[AppError]]) -> dict[str, Any]:
    texts = [f"`{error.code}`: {(error.__doc__ or '').splitlines()[0]}" for error in errors]
    return {
        "description": texts[0] if len(texts) == 1 else "\n".join(f"- {text}" for text in texts),
        "content": {
            PROBLEM_TYPE: {
                "schema": _PROBLEM_REFERENCE,
                "examples": {error.code: {"value": _example(error)} for error in errors},
            }
        },
    }


def _example(error: type[AppError]) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": error.status.phrase,
        "detail": error.detail,
        "status": error.status.value,
        "status_code": error.status.value,
        "timestamp": "2026-01-31T12:00:00Z",
        "code": error.code,
        "request_id": "4f9d8a52",
        **_MEMBERS.get(error, {}),
    }


def add_common_errors(path: str, method: str, responses: dict[str, Any]) -> None:
    """Add the errors of the server, of middleware and of dependencies of all routes."""
    common: list[type[AppError]] = [InternalError, RequestHeadTooLarge]
    if not is_exempt(path):
        common.append(RateLimitExceeded)
    if method in _WRITING or not allows_unknown_query(path):
        common.append(ValidationFailed)  # a body that is too deep, an unknown query parameter
    if method in _WRITING:
        common += [RequestTimeout, BodyTooLarge, UnsupportedMediaType]
    for error in common:
        status = str(error.status.value)
        known = responses.get(status, {}).get("content", {}).get(PROBLEM_TYPE, {}).get("examples", {})
        documented = [_ERROR_BY_CODE[code] for code in known]
        responses[status] = _responses([*documented, error])[error.status.value]
