"""Failures → the one error body (RFC 9457, with the client's members)."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as FrameworkError  # noqa: TID251  # caught, never raised
from starlette.routing import Match

from app.errors import (
    AppError,
    BodyTooLarge,
    ChatroomNotFound,
    InternalError,
    MessageNotFound,
    MethodNotAllowed,
    NotFound,
    SessionNotFound,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.kit.clock import utc_now
from app.kit.json_bounds import is_json
from app.kit.utc_text import utc_text

PROBLEM_TYPE = "application/problem+json"

_MOST_ERRORS = 20

_OF_STATUS: dict[int, type[AppError]] = {
    HTTPStatus.BAD_REQUEST: ValidationFailed,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.METHOD_NOT_ALLOWED: MethodNotAllowed,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: BodyTooLarge,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: UnsupportedMediaType,
}
_OF_PATH_PARAMETER: dict[str, type[AppError]] = {
    "chatroom_id": ChatroomNotFound,
    "message_id": MessageNotFound,
    "reply_id": MessageNotFound,
    "session_id": SessionNotFound,
}


def problem_response(error: AppError, request_id: str) -> JSONResponse:
    """The body of a failure, with its headers."""
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
    return JSONResponse(body, status_code=error.status, headers=error.headers, media_type=PROBLEM_TYPE)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every failure with the one body."""
    app.add_exception_handler(AppError, _expected)  # type: ignore[arg-type]  # Starlette types handlers by Exception
    app.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]  # the same
    app.add_exception_handler(FrameworkError, _framework)  # type: ignore[arg-type]  # the same


async def _expected(request: Request, error: AppError) -> JSONResponse:
    return problem_response(error, request.state.request_id)


async def _framework(request: Request, error: FrameworkError) -> JSONResponse:
    """What Starlette and FastAPI refuse by themselves: no route, wrong method, unreadable or huge body."""
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    known = _OF_STATUS.get(error.status_code, InternalError)
    return problem_response(known(headers=headers), request.state.request_id)


def _methods_at(request: Request) -> set[str]:
    """Every method of an address; the framework names those of the first route only."""
    app: FastAPI = request.app
    possible = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
    taken = {
        method
        for method in possible
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in app.routes)
    }
    return taken | ({"HEAD"} if "GET" in taken else set())  # app.middleware.head


async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    return problem_response(_as_app_error(request, error.errors()), request.state.request_id)


def _as_app_error(request: Request, problems: Sequence[dict[str, object]]) -> AppError:
    for problem in problems:
        location = problem["loc"]
        if isinstance(location, tuple) and location[0] == "path":
            # An id that is no UUID is an id that nobody has.
            return _OF_PATH_PARAMETER.get(str(location[1]), NotFound)()
    if _has_other_body(request) and any(problem["loc"] == ("body",) for problem in problems):
        return UnsupportedMediaType()
    errors = [
        {
            "pointer": "" if problem["type"] == "json_invalid" else _pointer(problem["loc"]),
            "code": problem["type"],
            "message": _printable(str(problem["msg"])),
        }
        for problem in problems[:_MOST_ERRORS]
    ]
    if omitted := len(problems) - len(errors):
        return ValidationFailed(
            f"The request is not valid; errors shows the first {len(errors)} of {len(problems)} problems.",
            members={"errors": errors, "errors_omitted": omitted},
        )
    return ValidationFailed(members={"errors": errors})


def _has_other_body(request: Request) -> bool:
    """Whether something was sent that does not call itself JSON; nothing at all is merely incomplete."""
    headers = request.headers
    is_empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    return not is_json(headers.get("content-type", "")) and not (is_empty and "content-type" not in headers)


def _pointer(location: object) -> str:
    """A JSON pointer (RFC 6901); what is not in the body keeps the name of its place."""
    parts = [str(part) for part in location] if isinstance(location, tuple) else []
    if parts[:1] == ["body"]:
        parts = parts[1:]
    return _printable("".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts))


def _printable(text: str) -> str:
    """Pydantic's words, cleared of unpaired surrogates, and short also when a field's name is not."""
    return text.removeprefix("Value error, ").encode("utf-8", "replace").decode()[:300]
