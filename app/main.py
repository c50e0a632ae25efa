"""The API: `create_app()` puts it together; `app` is what uvicorn serves."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app import __version__
from app.bootstrap import api_services
from app.config import Settings, get_settings
from app.error_handlers import add_error_handlers
from app.log import configure_logging
from app.middleware import BodyLimitMiddleware, RequestContextMiddleware
from app.openapi import document
from app.routers import auth, chatroom, message, meta, pages, reply, subscription, user, webhook

_MAX_BODY_BYTES = 1024 * 1024
_REQUEST_HEADERS = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Prefer",
    "Last-Event-ID",
    "X-Request-Id",
]
_EXPOSED_HEADERS = [
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
]


def create_app(settings: Settings) -> FastAPI:
    """The whole API for these settings."""
    configure_logging(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with api_services(settings) as services:
            app.state.services = services
            _on_shutdown_signal(services.feed.stop)
            yield

    app = FastAPI(
        title="AI chat backend",
        version=__version__,
        description="Phone sign-in, chatrooms, and Gemini's replies, written by queue workers.",
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
    )
    app.state.settings = settings
    add_error_handlers(app)
    for module in (meta, auth, user, chatroom, message, reply, subscription, pages, webhook):
        app.include_router(module.router)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
        )
    app.add_middleware(BodyLimitMiddleware, max_bytes=_MAX_BODY_BYTES)
    app.add_middleware(RequestContextMiddleware)
    app.openapi = document(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def _on_shutdown_signal(stop: Callable[[], None]) -> None:
    """End waits as soon as the server is told to stop; it would wait for them, and only then tell us."""
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
            return  # not the main thread: whoever runs the loop here stops it by other means


app = create_app(get_settings())
