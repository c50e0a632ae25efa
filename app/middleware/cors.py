"""CORS for `ALLOWED_ORIGINS`: no header for other origins, and problem+json for rejected preflights."""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import OriginNotAllowed
from app.problem_response import problem_response

_METHODS: Final = ("GET", "HEAD", "POST", "PATCH", "DELETE")
_REQUEST_HEADERS: Final = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Prefer",
    "Last-Event-ID",
    "X-Request-Id",
    "Traceparent",
)
_EXPOSED_HEADERS: Final = (
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Location",
    "ETag",
    "X-Request-Id",
    "X-Cache",
    "Idempotent-Replayed",
    "Preference-Applied",
    "Content-Disposition",
    "WWW-Authenticate",
)
# Origins of development servers and app shells: http://localhost:5173, capacitor://localhost, …
_ON_THIS_MACHINE: Final = r"[a-z][a-z0-9+.-]*://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?"


class CorsMiddleware(CORSMiddleware):
    """Starlette's middleware, outside of all others that respond, so that pages can read every response.

    Preflights end here and count on no limit.
    """

    def __init__(self, app: ASGIApp, *, allow_origins: tuple[str, ...], allow_this_machine: bool) -> None:
        super().__init__(
            app,
            allow_origins=allow_origins,
            allow_origin_regex=_ON_THIS_MACHINE if allow_this_machine else None,
            allow_methods=_METHODS,
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if (
            not (headers.get("origin") and "access-control-request-method" in headers)
            or scope["method"] != "OPTIONS"
        ):
            await super().__call__(scope, receive, send)
            return
        response = self.preflight_response(request_headers=headers)
        if response.status_code >= 400:  # noqa: PLR2004  # rejected
            vary = {"Vary": response.headers["Vary"]}
            response = problem_response(OriginNotAllowed(), scope["state"]["request_id"], vary)
        await response(scope, receive, send)

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        origin = request_headers.get("origin")
        if message["type"] == "http.response.start" and origin and not self.is_allowed_origin(origin):
            MutableHeaders(scope=message).add_vary_header("Origin")
            await send(message)
            return
        await super().send(message, send, request_headers)
