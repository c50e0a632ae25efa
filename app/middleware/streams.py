"""Runs event streams outside of the layers that have opened them."""

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

log = structlog.get_logger(__name__)


class StreamMiddleware:
    """Runs the stream that a route has put into the request's state, once the route has returned.

    So a client that listens for minutes keeps nothing of the layers inside of this one: neither their frames
    nor the parts of the request that they have read.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._run_inner(scope, receive, send)
        stream = scope["state"].pop("stream", None)
        if stream is None:
            return
        scope["state"].clear()
        try:
            await stream(receive, send)
        except Exception:
            log.exception("request_crashed")
            raise  # the server must abort the response

    async def _run_inner(self, scope: Scope, receive: Receive, send: Send) -> None:
        inner = {**scope}
        try:
            await self._app(inner, receive, send)
        finally:
            if "route" in inner:
                scope["route"] = inner["route"]  # for the log
