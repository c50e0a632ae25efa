"""Headers of every response: security headers for browsers, caching, and limits of requests."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kit.rate_limit import rate_limit_headers
from app.rate_limiter import CountedRequest

_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_DOCS_POLICY = (
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
    """Adds the headers that the route has not set."""

    def __init__(self, app: ASGIApp, *, tls_only: bool) -> None:
        self._app = app
        self._always = _ALWAYS | ({"Strict-Transport-Security": _TWO_YEARS_OF_TLS} if tls_only else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        state["counted"] = CountedRequest()
        policy = _DOCS_POLICY if scope["path"] == "/docs" else _API_POLICY

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._always)
                headers.setdefault("Content-Security-Policy", policy)
                headers.setdefault("Cache-Control", "no-store")
                _show_limits(headers, state["counted"])
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _show_limits(headers: MutableHeaders, counted: CountedRequest) -> None:
    """Put the request's limits in front of those that the route shows (the day's messages)."""
    for name, value in rate_limit_headers(counted.applied).items():
        headers[name] = f"{value}, {headers[name]}" if name in headers else value
