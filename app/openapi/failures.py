"""Failures in the OpenAPI document: each route's own, and those that middleware may answer in front of it."""

from collections import defaultdict
from http import HTTPStatus
from typing import Any, Final

from app.error_handlers import PROBLEM_TYPE
from app.errors import (
    AppError,
    AuthenticationRequired,
    BodyTooLarge,
    ChatroomLimitReached,
    DailyLimitReached,
    InternalError,
    OtpInvalid,
    RateLimitExceeded,
    RequestTimeout,
    ServiceUnavailable,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.query_rules import takes_any_query
from app.rate_limiter import is_exempt

_WRITING = ("post", "put", "patch", "delete")
_EVERYWHERE: tuple[type[AppError], ...] = (InternalError, ServiceUnavailable)
_WITH_BODY: tuple[type[AppError], ...] = (ValidationFailed, BodyTooLarge, UnsupportedMediaType)
_MEMBERS: Final[dict[type[AppError], dict[str, object]]] = {
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
"""What some failures say besides what all say."""

_PROBLEM_REFERENCE: Final = {"$ref": "#/components/schemas/Problem"}

Responses = dict[int | str, dict[str, Any]]


def failures(*errors: type[AppError], body: bool = False, signed_in: bool = False) -> Responses:
    """The `responses` of a route: these failures, and those that every route of its kind has."""
    by_status: dict[HTTPStatus, list[type[AppError]]] = defaultdict(list)
    own = (AuthenticationRequired,) if signed_in else ()
    for error in (*own, *(_WITH_BODY if body else ()), *errors, *_EVERYWHERE):
        if error not in by_status[error.status]:
            by_status[error.status].append(error)
    return {status.value: _response(found) for status, found in sorted(by_status.items())}


def _response(errors: list[type[AppError]]) -> dict[str, Any]:
    return {
        "description": "; ".join(
            f"`{error.code}`: {(error.__doc__ or '').splitlines()[0]}" for error in errors
        ),
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
        "timestamp": "2026-01-31T12:00:00.000000Z",
        "code": error.code,
        "request_id": "4f9d8a52c9a54b7f8a0d6c6a3c1e2b10",
        **_MEMBERS.get(error, {}),
    }


def add_common_failures(path: str, method: str, responses: dict[str, Any]) -> None:
    """What middleware may answer in front of the route."""
    common: list[type[AppError]] = [InternalError]
    if not is_exempt(path):
        common.append(RateLimitExceeded)
    if method in _WRITING or not takes_any_query(path):
        common.append(ValidationFailed)  # a body that is too deep, an unknown query parameter
    if method in _WRITING:
        common += [RequestTimeout, BodyTooLarge, UnsupportedMediaType]
    for error in common:
        known = responses.setdefault(str(error.status.value), _response([error]))
        examples = known["content"][PROBLEM_TYPE]["examples"]
        if error.code not in examples:
            examples |= _response([error])["content"][PROBLEM_TYPE]["examples"]
            known["description"] += "; " + _response([error])["description"]
