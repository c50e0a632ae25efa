"""The id, the log line and the metrics of each request."""

import re
import time
import uuid
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import metrics, tracing
from app.kit.headers import header

_CLIENT_CLOSED: Final = 499
"""Logged in place of a status that no client received, as nginx does."""
_POLLED: Final = frozenset({"/health", "/health/live", "/metrics"})
"""Routes that machines read every few seconds: their successes are logged at debug level."""
_ERRORS_FROM: Final = 400
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
        structlog.contextvars.bind_contextvars(request_id=request_id, **tracing.log_fields())
        # uvicorn's state of this request and its connection; other servers have none that says it.
        connection = getattr(receive, "__self__", None)
        started, status, is_stream, is_received = time.monotonic(), 0, False, True

        async def send_with_id(message: Message) -> None:
            nonlocal status, is_stream, is_received
            if message["type"] == "http.response.start":
                status = int(message["status"])  # a plain number, not an HTTPStatus, in the log
                headers = message["headers"]
                headers.append((b"x-request-id", request_id.encode()))
                is_stream = (header(headers, b"content-type") or b"").startswith(b"text/event-stream")
                is_received = not getattr(connection, "disconnected", False)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            seconds = time.monotonic() - started
            # The pattern of the route, so that the log holds neither queries nor ids of the path.
            route = getattr(scope.get("route"), "path_format", None) or "unknown"
            has_left = getattr(connection, "disconnected", False)
            _log(
                scope["method"],
                route,
                status,
                seconds,
                is_stream=is_stream,
                is_received=is_received and (status != 0 or not has_left),
                has_left=has_left,
            )
            if status:  # 0: the client disconnected before the response
                metrics.request_answered(
                    method=scope["method"], route=route, status=status, seconds=seconds, is_stream=is_stream
                )


def _log(
    method: str,
    route: str,
    status: int,
    seconds: float,
    *,
    is_stream: bool,
    is_received: bool,
    has_left: bool,
) -> None:
    """Log a request, with the user and the chatroom that `app.dependencies` has bound.

    `disconnected`: the client closed the connection before the end of the response. Was it before its start,
    the status is 499, and `unsent_status` is the one that the client would have received.
    """
    fields: dict[str, object] = {"method": method, "route": route}
    if is_stream:
        fields["stream"] = True
    if has_left:
        fields["disconnected"] = True
    if not is_received:
        fields["unsent_status"] = status or None
        status = _CLIENT_CLOSED
    write = log.debug if route in _POLLED and 0 < status < _ERRORS_FROM else log.info
    write("request", status=status, duration_ms=round(seconds * 1000, 1), **fields)


def _request_id(scope: Scope) -> str:
    """Return the client's id if it is safe to log and echo, else a new one."""
    given = header(scope["headers"], b"x-request-id")
    return given.decode() if given and _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
