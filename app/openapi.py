"""The OpenAPI document: every failure of every route, with the one error body and an example."""

from collections import defaultdict
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.error_handlers import PROBLEM_TYPE
from app.errors import (
    AppError,
    AuthenticationRequired,
    BodyTooLarge,
    InternalError,
    RateLimitExceeded,
    RequestTimeout,
    ServiceUnavailable,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.rate_limiter import is_exempt
from app.schemas.problem import Problem

_WRITING = ("post", "put", "patch", "delete")
_EVERYWHERE: tuple[type[AppError], ...] = (InternalError, ServiceUnavailable)
_WITH_BODY: tuple[type[AppError], ...] = (ValidationFailed, BodyTooLarge, UnsupportedMediaType)
_HEADERS = {
    "X-Request-Id": "The request's id: the caller's own, if it was safe to use, or a new one.",
    "RateLimit-Policy": "The limits that apply (draft-ietf-httpapi-ratelimit-headers), each with its quota "
    "`q` in `w` seconds: `ip`, `pro` (requests of a person on Pro), `daily` (messages on Basic).",
    "RateLimit": "What is left of each: `r` more, and `t` seconds until it is more than that again.",
}
_PROBLEM_REFERENCE = {"$ref": "#/components/schemas/Problem"}

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
    }


def _add_common_failures(path: str, method: str, responses: dict[str, Any]) -> None:
    """What middleware may answer in front of the route."""
    common: list[type[AppError]] = [InternalError]
    if not is_exempt(path):
        common.append(RateLimitExceeded)
    if method in _WRITING:
        common += [RequestTimeout, BodyTooLarge, UnsupportedMediaType]
    for error in common:
        known = responses.setdefault(str(error.status.value), _response([error]))
        examples = known["content"][PROBLEM_TYPE]["examples"]
        if error.code not in examples:
            examples |= _response([error])["content"][PROBLEM_TYPE]["examples"]
            known["description"] += "; " + _response([error])["description"]


def _add_common_headers(path: str, responses: dict[str, Any]) -> None:
    """What middleware adds to whatever the route answers."""
    for response in responses.values():
        names = ["X-Request-Id"] if is_exempt(path) else list(_HEADERS)
        headers = response.setdefault("headers", {})
        headers |= {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def document(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """The generator for `app.openapi`: FastAPI's document without the 422 that this API never answers."""

    def generate() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            for path, item in schema["paths"].items():
                for method, operation in item.items():
                    operation["responses"].pop("422", None)
                    _add_common_failures(path, method, operation["responses"])
                    _add_common_headers(path, operation["responses"])
            components = schema.setdefault("components", {})
            components["headers"] = {
                name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()
            }
            schemas = components.setdefault("schemas", {})
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= problem.pop("$defs")
            schemas["Problem"] = problem
            app.openapi_schema = schema
        return app.openapi_schema

    return generate
