"""The ASGI application of a worker's metrics port: `/metrics` and `/health/live`, as the API answers them."""

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from starlette.types import Receive, Scope, Send

from app.errors import AppError, MethodNotAllowed, NotFound
from app.kit.headers import header
from app.metrics import CONTENT_TYPE
from app.problem_response import problem_response

_ALWAYS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_METHODS: Final = ("GET", "HEAD")
_ALIVE: Final = b'{"status":"healthy"}'


class MetricsApp:
    """Answers scrapes, and the health checks of containers.

    Args:
        metrics: returns the metrics for a bearer token, or raises the error to answer with.
    """

    def __init__(self, metrics: Callable[[str | None], Awaitable[bytes]]) -> None:
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = uuid.uuid4().hex
        headers = {**_ALWAYS, "X-Request-Id": request_id, "Date": formatdate(usegmt=True)}
        try:
            content_type, body = await self._answer(scope)
        except AppError as error:
            await problem_response(error, request_id, headers)(scope, receive, send)
            return
        await _send(send, {**headers, "Content-Type": content_type, "Content-Length": str(len(body))}, body)

    async def _answer(self, scope: Scope) -> tuple[str, bytes]:
        """Return the type and the content of the response.

        Raises:
            NotFound: the path does not exist; so does `/metrics` without `METRICS_TOKEN`.
            MethodNotAllowed: the method is neither GET nor HEAD.
            AuthenticationRequired: `/metrics` without the token.
        """
        if scope["path"] not in ("/metrics", "/health/live"):
            raise NotFound
        if scope["method"] not in _METHODS:
            raise MethodNotAllowed(allowed=_METHODS)
        if scope["path"] == "/metrics":
            return CONTENT_TYPE, await self._metrics(_bearer_token(scope["headers"]))
        return "application/json", _ALIVE


def _bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    scheme, _, token = (header(headers, b"authorization") or b"").decode("latin-1").partition(" ")
    return token if token and scheme.lower() == "bearer" else None


async def _send(send: Send, headers: Mapping[str, str], body: bytes) -> None:
    """Send a response; the server drops the body of one to HEAD."""
    raw = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
    await send({"type": "http.response.start", "status": HTTPStatus.OK.value, "headers": raw})
    await send({"type": "http.response.body", "body": body})
