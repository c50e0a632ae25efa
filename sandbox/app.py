"""The sandbox as one ASGI application: health, and a package of routes for each service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.gemini.plan import Pace
from sandbox.gemini.problems import GoogleError
from sandbox.gemini.routes import gemini_routes
from sandbox.stripe.account import Options, open_account
from sandbox.stripe.problems import StripeError, unrecognized
from sandbox.stripe.routes import stripe_routes


async def health(_: Request) -> Response:
    """Say that the process serves."""
    return JSONResponse({"status": "ok"})


async def google_error(_: Request, error: Exception) -> Response:
    """Answer a failure in Google's envelope."""
    if not isinstance(error, GoogleError):
        raise error
    return Response(error.body(), status_code=error.code, media_type="application/json")


async def stripe_error(_: Request, error: Exception) -> Response:
    """Answer a failure in Stripe's envelope."""
    if not isinstance(error, StripeError):
        raise error
    return Response(error.body(), status_code=error.status, media_type="application/json")


async def not_found(request: Request, _: Exception) -> Response:
    """Answer requests without a route, also a known path with another method: 404 in the form of its API."""
    path = request.url.path
    if path.startswith("/v1/") and not path.startswith("/v1/models"):
        return await stripe_error(request, unrecognized(request.method, path))
    return await google_error(
        request, GoogleError(404, "NOT_FOUND", f"No such method: {request.method} {path}")
    )


async def nobody_there(_: Request, __: Exception) -> Response:
    """Answer a client that disconnected while sending its request: the answer is not read."""
    return Response(status_code=400)


def create_app(pace: Pace, stripe: Options) -> Starlette:
    """Build the application; `pace` is how fast Gemini's answers come unless a prompt says otherwise."""
    account = open_account(stripe)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with account.serving():
            yield

    app = Starlette(
        routes=[Route("/health", health), *gemini_routes(pace), *stripe_routes(account)],
        exception_handlers={
            GoogleError: google_error,
            StripeError: stripe_error,
            ClientDisconnect: nobody_there,
            404: not_found,
            405: not_found,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app
