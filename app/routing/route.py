"""The route of this API: FastAPI's, with its work before and after the route's function planned ahead."""

import json
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Final

from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute, serialize_response
from fastapi.utils import is_body_allowed_for_status_code
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Scope

from app.errors import ValidationFailed
from app.kit.headers import header
from app.kit.json_bounds import MAX_MEMBERS, is_json
from app.kit.query_rules import allows_unknown_query
from app.routing.parameters import MISSING
from app.routing.plan import Plan

_TOO_MANY_PARAMETERS: Final = {
    "pointer": "/query",
    "code": "too_many_members",
    "message": f"must not have more than {MAX_MEMBERS} parameters",
}


class Route(APIRoute):
    """A route that rejects query parameters it does not have, since a misspelt one would be ignored."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        # Most requests are another route's: an expression is matched only behind the text it begins with.
        path: str = scope["path"]
        if path.startswith(self._start) if self._has_ids else path == self._start:
            return super().matches(scope)
        return super().matches(scope) if scope.get("root_path") else (Match.NONE, {})

    def get_route_handler(self) -> Callable[[Request], Coroutine[None, None, Response]]:
        """Return the function that runs a request; FastAPI calls this once."""
        self._start, id_, _ = self.path_format.partition("{")
        self._has_ids = bool(id_)
        plan = Plan(self.dependant)
        known = plan.query_names
        has_strict_query = self.include_in_schema and not allows_unknown_query(self.path_format)

        async def run(request: Request) -> Response:
            body = await _read_body(request) if self.body_field else MISSING
            if has_strict_query and request.scope["query_string"]:
                _refuse_unknown_query(request, known)
            declared = self._declared() if plan.takes_response else None
            result = await plan.run(request, declared, body)
            return result if isinstance(result, Response) else await self._rendered(result, declared)

        return run

    def _declared(self) -> Response:
        """Return the response on which functions set the status and headers of what they return."""
        response = Response(status_code=self.status_code or HTTPStatus.OK)
        del response.headers["content-length"]
        return response

    async def _rendered(self, result: object, declared: Response | None) -> Response:
        """Return the function's result as JSON."""
        content = await serialize_response(
            field=self.response_field,
            response_content=result,
            include=self.response_model_include,
            exclude=self.response_model_exclude,
            by_alias=self.response_model_by_alias,
            exclude_unset=self.response_model_exclude_unset,
            exclude_defaults=self.response_model_exclude_defaults,
            exclude_none=self.response_model_exclude_none,
            dump_json=self.response_field is not None,
        )
        status = declared.status_code if declared else self.status_code or HTTPStatus.OK
        if self.response_field is None:
            response: Response = JSONResponse(content, status)
        else:
            response = Response(content, status, media_type="application/json")
        if not is_body_allowed_for_status_code(status):
            response.body = b""
        if declared is not None:
            response.raw_headers += declared.raw_headers
        return response


async def _read_body(request: Request) -> object:
    """Return the parsed JSON of the body, the bytes of other bodies, or `MISSING` for an empty one.

    Raises:
        RequestValidationError: the body is declared as JSON and is not.
        ValidationFailed: the body cannot be decoded.
    """
    try:
        body = await request.body()
        media_type = (header(request.scope["headers"], b"content-type") or b"").decode("latin-1").lower()
        if body and media_type.startswith("application/") and is_json(media_type):
            return json.loads(body)
    except json.JSONDecodeError as error:
        raise RequestValidationError(
            [{"type": "json_invalid", "loc": ("body", error.pos), "msg": "JSON decode error"}]
        ) from error
    except (ValueError, RecursionError, ClientDisconnect) as error:
        raise ValidationFailed from error
    return body or MISSING


def _refuse_unknown_query(request: Request, known: frozenset[str]) -> None:
    """Reject query parameters that the route does not have.

    Raises:
        RequestValidationError: the query has unknown parameters.
        ValidationFailed: the query has too many parameters to be parsed.
    """
    if request.scope["query_string"].count(b"&") >= MAX_MEMBERS:
        raise ValidationFailed(members={"errors": [_TOO_MANY_PARAMETERS]})
    if unknown := [name for name in request.query_params if name not in known]:
        raise RequestValidationError(
            [
                {"type": "extra_forbidden", "loc": ("query", name), "msg": "Unknown query parameter"}
                for name in unknown
            ]
        )
