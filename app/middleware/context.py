"""The id, the log line and the metrics of each request."""

import re
import time
import uuid

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import metrics
from app.kit.headers import header

_SAFE_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")

log = structlog.get_logger(__name__)


class RequestContextMiddleware:
    """Outermost: binds the request id to the log, sends it in the response, and records the outcome."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started, status, is_stream = time.monotonic(), 0, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = int(message["status"])  # a plain number, not an HTTPStatus, in the log
                headers = message["headers"]
                headers.append((b"x-request-id", request_id.encode()))
                is_stream = (header(headers, b"content-type") or b"").startswith(b"text/event-stream")
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _record(scope, status=status, seconds=time.monotonic() - started, is_stream=is_stream)


def _record(scope: Scope, *, status: int, seconds: float, is_stream: bool) -> None:
    # The pattern of the route, so that the log holds neither queries nor ids.
    route = getattr(scope.get("route"), "path_format", None) or "unknown"
    log.info(
        "request", method=scope["method"], route=route, status=status, duration_ms=round(seconds * 1000, 1)
    )
    if status:  # 0: the client disconnected before the response
        metrics.request_answered(
            method=scope["method"], route=route, status=status, seconds=seconds, is_stream=is_stream
        )


def _request_id(scope: Scope) -> str:
    """Return the client's id if it is safe to log and echo, else a new one."""
    given = header(scope["headers"], b"x-request-id")
    return given.decode() if given and _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
