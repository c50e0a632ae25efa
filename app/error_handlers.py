"""Turn every exception of a request into an error of the contract."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as FrameworkError  # noqa: TID251  # caught, never raised
from starlette.routing import Match

from app.errors import (
    NOT_FOUND_BY_PARAMETER,
    AppError,
    BodyTooLarge,
    InternalError,
    MethodNotAllowed,
    NotFound,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.kit.json_bounds import is_json
from app.problem_response import problem_response

_MAX_ERRORS = 20

_ERROR_BY_STATUS: Final[Mapping[int, type[AppError]]] = {
    HTTPStatus.BAD_REQUEST: ValidationFailed,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: BodyTooLarge,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: UnsupportedMediaType,
}


def add_error_handlers(app: FastAPI) -> None:
    """Register a handler for every kind of exception."""
    app.add_exception_handler(AppError, _expected)  # type: ignore[arg-type]  # Starlette types handlers by Exception
    app.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]  # the same
    app.add_exception_handler(FrameworkError, _framework)  # type: ignore[arg-type]  # the same


async def _expected(request: Request, error: AppError) -> JSONResponse:
    return problem_response(error, request.state.request_id)


async def _framework(request: Request, error: FrameworkError) -> JSONResponse:
    """Render what Starlette and FastAPI reject: no route, wrong method, a body that cannot be read."""
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return problem_response(MethodNotAllowed(allowed=_methods_at(request)), request.state.request_id)
    known = _ERROR_BY_STATUS.get(error.status_code, InternalError)()
    return problem_response(known, request.state.request_id, error.headers)


def _methods_at(request: Request) -> set[str]:
    """Return every method of the path; the framework names those of the first route only."""
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
            # No row has an id that is no UUID.
            return NOT_FOUND_BY_PARAMETER.get(str(location[1]), NotFound)()
    if _has_other_body(request) and any(problem["loc"] == ("body",) for problem in problems):
        return UnsupportedMediaType()
    errors = [
        {
            "pointer": "" if problem["type"] == "json_invalid" else _pointer(problem["loc"]),
            "code": problem["type"],
            "message": _printable(str(problem["msg"])),
        }
        for problem in problems[:_MAX_ERRORS]
    ]
    if omitted := len(problems) - len(errors):
        return ValidationFailed(
            f"The request is not valid; errors shows the first {len(errors)} of {len(problems)} problems.",
            members={"errors": errors, "errors_omitted": omitted},
        )
    return ValidationFailed(members={"errors": errors})


def _has_other_body(request: Request) -> bool:
    """Return whether the request has a body that is not declared as JSON."""
    headers = request.headers
    is_empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    return not is_json(headers.get("content-type", "")) and not (is_empty and "content-type" not in headers)


def _pointer(location: object) -> str:
    """Return a JSON pointer (RFC 6901); outside of the body it begins with `/query` or `/header`."""
    parts = [str(part) for part in location] if isinstance(location, tuple) else []
    if parts[:1] == ["body"]:
        parts = parts[1:]
    return _printable("".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts))


def _printable(text: str) -> str:
    """Remove unpaired surrogates from a message of Pydantic, and limit its length."""
    return text.removeprefix("Value error, ").encode("utf-8", "replace").decode()[:300]
