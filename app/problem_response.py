"""Render an error as problem+json (RFC 9457) with the members of the client's contract; loads no FastAPI."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

from starlette.responses import JSONResponse

from app.errors import (
    AppError,
    ContentEncodingUnsupported,
    DailyLimitReached,
    MethodNotAllowed,
    RequestTimeout,
)
from app.kit.clock import utc_now
from app.kit.rate_limit import daily_limit, rate_limit_headers
from app.kit.utc_text import utc_text

PROBLEM_TYPE = "application/problem+json"


def problem_response(
    error: AppError, request_id: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Render an error as problem+json, with the headers that belong to it and further `headers`."""
    body = {
        "type": "about:blank",
        "title": error.status.phrase,
        "detail": error.detail,
        "status": error.status.value,
        "status_code": error.status.value,
        "timestamp": utc_text(utc_now()),
        "code": error.code,
        "request_id": request_id,
        **{
            name: utc_text(value) if isinstance(value, datetime) else value
            for name, value in error.members.items()
        },
    }
    return JSONResponse(
        body,
        status_code=error.status,
        headers={**_headers_of(error), **(headers or {})},
        media_type=PROBLEM_TYPE,
    )


def _headers_of(error: AppError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if error.status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    match error:
        case MethodNotAllowed():
            headers["Allow"] = ", ".join(error.allowed)
        case ContentEncodingUnsupported():
            headers["Accept-Encoding"] = "identity"
        case RequestTimeout():
            headers["Connection"] = "close"
        case DailyLimitReached(retry_after=int(seconds)):
            headers |= rate_limit_headers([daily_limit(error.limit, 0, reset_seconds=seconds)])
        case _:
            pass
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return headers
