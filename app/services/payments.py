"""Asking Stripe on somebody's behalf: for a bounded time, and with one answer when it cannot be reached."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from app.errors import PaymentsNotConfigured, PaymentsUnavailable
from app.stripe_client import StripeUnavailableError
from app.stripe_client.failures import StripeNotConfiguredError

_PATIENCE_SECONDS = 15.0  # what a person waits for a button; a call may be repeated within it

log = structlog.get_logger(__name__)


@asynccontextmanager
async def asking_stripe() -> AsyncIterator[None]:
    """A use case that needs Stripe: everything in the block within `_PATIENCE_SECONDS`.

    Raises:
        PaymentsNotConfigured: Stripe refuses the key or the price, or one is missing.
        PaymentsUnavailable: Stripe is away. What was begun is written down, so the same can be asked again.
    """
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            yield
    except StripeNotConfiguredError as error:
        log.error("payments_not_configured", reason=str(error))  # noqa: TRY400  # the reason is all there is
        raise PaymentsNotConfigured from error
    except StripeUnavailableError as error:
        log.warning("stripe_unavailable", reason=str(error))
        raise PaymentsUnavailable from error
    except TimeoutError as error:
        log.warning("stripe_unavailable", reason=f"no answer within {_PATIENCE_SECONDS:g} s")
        raise PaymentsUnavailable from error
