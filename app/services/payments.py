"""Asking Stripe on somebody's behalf: for a bounded time, and with one answer when it cannot be reached."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from app.errors import PaymentsUnavailable
from app.stripe_client import StripeUnavailableError

_PATIENCE_SECONDS = 15.0  # what a person waits for a button; a call may be repeated within it

log = structlog.get_logger(__name__)


@asynccontextmanager
async def asking_stripe() -> AsyncIterator[None]:
    """A use case that needs Stripe: everything in the block within `_PATIENCE_SECONDS`.

    Raises:
        PaymentsUnavailable: Stripe is away. What was begun is written down, so the same can be asked again.
    """
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            yield
    except (StripeUnavailableError, TimeoutError) as error:
        log.warning("stripe_unavailable", error=type(error).__name__)
        raise PaymentsUnavailable from error
