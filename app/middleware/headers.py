"""Headers that every answer has: what browsers are told to be careful with, and what limits have left."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.rate_limiter import AppliedLimits

_NOTHING = "default-src 'none'; frame-ancestors 'none'"
_DOCS_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
_TWO_YEARS_OF_TLS = "max-age=63072000; includeSubDomains"


class ResponseHeadersMiddleware:
    """Adds to an answer what its route did not say itself."""

    def __init__(self, app: ASGIApp, *, tls_only: bool) -> None:
        self._app = app
        self._always = _ALWAYS | ({"Strict-Transport-Security": _TWO_YEARS_OF_TLS} if tls_only else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limits = scope["state"]["limits"] = AppliedLimits()
        policy = _DOCS_PAGE if scope["path"] == "/docs" else _NOTHING

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._always)
                headers.setdefault("Content-Security-Policy", policy)
                headers.setdefault("Cache-Control", "no-store")
                _show_limits(headers, limits)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _show_limits(headers: MutableHeaders, limits: AppliedLimits) -> None:
    """The limits of requests, in front of those that the route shows (the day's messages)."""
    if limits.shown:
        of_route = [headers[name] for name in ("RateLimit-Policy", "RateLimit") if name in headers]
        policies, states = ([text] for text in of_route) if of_route else ([], [])
        headers["RateLimit-Policy"] = ", ".join([*(window.policy for window in limits.shown), *policies])
        headers["RateLimit"] = ", ".join([*(window.state for window in limits.shown), *states])
