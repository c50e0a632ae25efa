"""The API: `create_app()` builds it; uvicorn serves `app`."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import Receive, Scope, Send

from app import __version__
from app.bootstrap.api import api_services
from app.bootstrap.refusal import StartRefusedError, end_process
from app.config import Environment, Settings, get_settings
from app.error_handlers import add_error_handlers
from app.errors import ADMIN_CATALOGUE, CATALOGUE
from app.http_server import ConnectionLimits, limit_connections
from app.log import configure_logging
from app.middleware import (
    BodyMiddleware,
    CorsMiddleware,
    FailureMiddleware,
    HeadMiddleware,
    RateLimitMiddleware,
    RequestContextMiddleware,
    ResponseHeadersMiddleware,
    StreamMiddleware,
)
from app.openapi import DocumentedApi, document
from app.openapi.about import ADMIN_TAGS, TAGS
from app.openapi.serving import add_document_route
from app.routers import ADMIN, ALL, MATCHED

_MAX_BODY_BYTES = 1024 * 1024
_BODY_SECONDS = 30.0
_RAW_PATHS = ("/webhook/stripe",)  # signed byte by byte, and read only then
_MONITORED_PATHS = ("/health", "/metrics")
_CONNECTION_LIMITS = ConnectionLimits()
_DESCRIPTION = (
    "Sign-in by mobile number, chatrooms, and replies of Gemini, which queue workers generate.\n\n"
    "Every error response has the body of `Problem`, including 404 for an unknown path and 405, with "
    "`Allow`, for a method that a path does not support (also OPTIONS and TRACE). Unknown fields in a body "
    "and unknown query parameters are rejected. HEAD is supported wherever GET is, with the same status and "
    "headers and no body. Requests are limited; `RateLimit` in each response that counts shows what is left."
)
_ADMIN_DESCRIPTION = (
    "The API of operators: accounts, replies, Stripe's events, and the log of every act. Each request sends "
    "a key of `python -m app keys create` as a Bearer token. A key has scopes; each operation requires one. "
    "The form of requests, errors and lists is that of the API for users."
)
_PUBLIC_API = DocumentedApi(
    title="AI chat backend",
    description=_DESCRIPTION,
    routes=[route for router in ALL for route in router.routes],
    tags=TAGS,
    codes=sorted({error.code for error in CATALOGUE}),
    has_events=True,
)
_ADMIN_API = DocumentedApi(
    title="AI chat backend: administration",
    description=_ADMIN_DESCRIPTION,
    routes=[route for router in ADMIN for route in router.routes],
    tags=ADMIN_TAGS,
    codes=sorted({error.code for error in (*CATALOGUE, *ADMIN_CATALOGUE)}),
)


class _Api(FastAPI):
    """FastAPI with limits on its server's connections, set at startup."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":  # FastAPI's middleware gets another `receive`
            limit_connections(receive, self.state.connection_limits)
        await super().__call__(scope, receive, send)


def create_app(
    settings: Settings,
    *,
    body_seconds: float = _BODY_SECONDS,
    connection_limits: ConnectionLimits = _CONNECTION_LIMITS,
) -> FastAPI:
    """Build the API for these settings; a request's body has `body_seconds` to arrive."""
    configure_logging(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with api_services(settings) as services:
                app.state.services = services
                _on_shutdown_signal(services.feed.shut_down)
                gc.freeze()  # a full collection of all libraries' objects stops all requests for 100 ms
                yield
        except StartRefusedError as refused:
            end_process(refused)  # uvicorn would print a traceback

    app = _Api(
        title=_PUBLIC_API.title,
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,  # app.openapi.serving
        docs_url=None,  # app.routers.docs
        redoc_url=None,
        telemetry=_telemetry(settings),
    )
    app.state.settings = settings
    app.state.connection_limits = connection_limits
    add_error_handlers(app)
    app.openapi = document(app, _PUBLIC_API)  # type: ignore[method-assign]  # FastAPI's documented way
    add_document_route(app, "/openapi.json", app.openapi)
    add_document_route(app, "/admin/openapi.json", document(app, _ADMIN_API))
    for router in MATCHED:
        app.router.routes += (
            router.routes
        )  # FastAPI matches an included router's routes again for each request
    # The last one added is the outermost.
    app.add_middleware(HeadMiddleware)
    app.add_middleware(BodyMiddleware, max_bytes=_MAX_BODY_BYTES, seconds=body_seconds, raw_paths=_RAW_PATHS)
    app.add_middleware(RateLimitMiddleware, trusted_proxies=settings.trusted_proxies)
    app.add_middleware(FailureMiddleware)
    is_development = settings.environment is Environment.DEVELOPMENT
    if settings.allowed_origins or is_development:
        app.add_middleware(
            CorsMiddleware, allow_origins=settings.allowed_origins, allow_this_machine=is_development
        )
    app.add_middleware(ResponseHeadersMiddleware, tls_only=settings.environment is Environment.PRODUCTION)
    app.add_middleware(StreamMiddleware)
    app.add_middleware(RequestContextMiddleware)
    return app


def _telemetry(settings: Settings) -> TelemetryConfig:
    """Return the settings of FastAPI's own instrumentation: spans of requests if traces are on."""
    return {
        "tracing": settings.otel_exporter_otlp_endpoint is not None,
        "operation_spans": False,
        "metrics": False,
        "logs": False,  # holds messages of exceptions
        "auto_configure": False,  # app.tracing does it
        "exclude": lambda scope: scope["path"].startswith(_MONITORED_PATHS),
    }


def _on_shutdown_signal(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM and SIGINT: uvicorn runs its own shutdown only after open requests end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        previous = signal.getsignal(number)

        def handle(
            received: int,
            frame: FrameType | None,
            previous: Callable[[int, FrameType | None], object] | int | None = previous,
        ) -> None:
            loop.call_soon_threadsafe(stop)
            if callable(previous):
                previous(received, frame)

        try:
            signal.signal(number, handle)
        except ValueError:
            return  # not the main thread, which alone may set handlers


app = create_app(get_settings())
