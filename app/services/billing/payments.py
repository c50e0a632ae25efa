"""Asking Stripe on a user's behalf: a few times a minute, for a bounded time, with few kinds of failure."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog

from app import metrics
from app.errors import PaymentsNotConfigured, PaymentsUnavailable, RateLimitExceeded
from app.kit.rate_limit import LimitState
from app.rate_limiter import RateLimiter
from app.stripe_client import StripeUnavailableError
from app.stripe_client.connection import before_call
from app.stripe_client.failures import StripeNotConfiguredError

_TIMEOUT_SECONDS = 15.0  # what a person waits for a button; a call may be repeated within it

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class StripeBudget:
    """The calls to Stripe that one request makes, counted on its user."""

    user_id: UUID
    limiter: RateLimiter
    show: Callable[[LimitState], None]
    """Have the response show the limit."""
    _is_admitted: bool = False

    async def consume(self) -> None:
        """Count a call; refuse the request's first one if the user's calls of the last minute are used up.

        What has begun goes on, so that no change is left half done.

        Raises:
            RateLimitExceeded: too many calls in the last minute.
        """
        window = await self.limiter.count_stripe_call(self.user_id)
        self.show(window)
        if not (window.is_admitted or self._is_admitted):
            metrics.rate_limit_refused("stripe")
            raise RateLimitExceeded(retry_after=window.reset_seconds)
        self._is_admitted = True


@asynccontextmanager
async def calling_stripe(budget: StripeBudget) -> AsyncIterator[None]:
    """A use case that needs Stripe: everything in the block within `_TIMEOUT_SECONDS`.

    Raises:
        PaymentsNotConfigured: Stripe refuses the key or the price, or one is missing.
        PaymentsUnavailable: Stripe is away. What was begun is written down, so the same can be asked again.
        RateLimitExceeded: the user made this service ask Stripe too often in the last minute.
    """
    token = before_call.set(budget.consume)
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            yield
    except StripeNotConfiguredError as error:
        log.error("payments_not_configured", reason=str(error))  # noqa: TRY400  # the reason is all there is
        raise PaymentsNotConfigured from error
    except StripeUnavailableError as error:
        log.warning("stripe_unavailable", reason=str(error))
        raise PaymentsUnavailable from error
    except TimeoutError as error:
        log.warning("stripe_unavailable", reason=f"no answer within {_TIMEOUT_SECONDS:g} s")
        raise PaymentsUnavailable from error
    finally:
        before_call.reset(token)
