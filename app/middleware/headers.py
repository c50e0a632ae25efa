"""Headers of every response: security headers for browsers, caching, and limits of requests."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kit.rate_limit import rate_limit_headers
from app.rate_limiter import CountedRequest

_API_POLICY: Final = b"default-src 'none'; frame-ancestors 'none'"
_DOCS_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"connect-src 'self'; frame-ancestors 'none'"
)
_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_TWO_YEARS_OF_TLS: Final = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")

_Header = tuple[bytes, bytes]


class ResponseHeadersMiddleware:
    """Adds the headers that the route has not set."""

    def __init__(self, app: ASGIApp, *, tls_only: bool) -> None:
        self._app = app
        always = (*_ALWAYS, _TWO_YEARS_OF_TLS) if tls_only else _ALWAYS
        no_store = (b"cache-control", b"no-store")
        self._of_api = (*always, (b"content-security-policy", _API_POLICY), no_store)
        self._of_docs = (*always, (b"content-security-policy", _DOCS_POLICY), no_store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        state["counted"] = CountedRequest()
        added = self._of_docs if scope["path"] == "/docs" else self._of_api

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers: list[_Header] = list(message.get("headers", ()))
                names = {name for name, _ in headers}
                headers += [header for header in added if header[0] not in names]
                _show_limits(headers, state["counted"])
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _show_limits(headers: list[_Header], counted: CountedRequest) -> None:
    """Put the request's limits in front of those that the route shows (the day's messages)."""
    for name, text in rate_limit_headers(counted.applied).items():
        key, value = name.lower().encode(), text.encode()
        for index, (other, shown) in enumerate(headers):
            if other == key:
                headers[index] = key, value + b", " + shown
                break
        else:
            headers.append((key, value))
