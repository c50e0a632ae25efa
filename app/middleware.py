"""Pure ASGI: a request id on everything, one log line a request, and never an answer without a body."""

import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.error_handlers import problem_response
from app.errors import BodyTooLarge, InternalError

_SAFE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")

log = structlog.get_logger(__name__)


class RequestContextMiddleware:
    """Outermost of our own: binds the request id to the log, and turns what nobody expected into a 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started, status = time.monotonic(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("request_crashed")
            if status:
                raise  # the answer has begun; the server must cut it off
            await problem_response(InternalError(), request_id)(scope, receive, send_with_id)
        finally:
            route = scope.get("route")
            log.info(
                "request",
                method=scope["method"],
                # The route's pattern, so that neither queries nor ids of others fill the log.
                route=getattr(route, "path", None) or "unknown",
                status=status,
                duration_ms=round((time.monotonic() - started) * 1000, 1),
            )


class BodyLimitMiddleware:
    """Refuses a body that says it is too large with the one error body; Starlette counts the others."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._counting = RequestBodyLimitMiddleware(app, max_body_size=max_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if declared.isdecimal() and int(declared) > self._max_bytes:
            await problem_response(BodyTooLarge(), scope["state"]["request_id"])(scope, receive, send)
        else:
            await self._counting(scope, receive, send)


def _request_id(headers: Headers) -> str:
    """The caller's id when it is safe to log and echo, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
