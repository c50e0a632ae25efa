"""Calls to Stripe for a user's request: rate limit, timeout, and translation of failures."""

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

_TIMEOUT_SECONDS = 15.0  # all calls of a request with their retries

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class StripeBudget:
    """The calls to Stripe that one request makes, counted on the user's limit."""

    user_id: UUID
    limiter: RateLimiter
    show: Callable[[LimitState], None]
    """Have the response show the limit."""
    _is_admitted: bool = False

    async def consume(self) -> None:
        """Count a call; reject the request's first one if the user is over the limit.

        Later calls of the same request are allowed, so that no change is left half done.

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
    """Bound the block by `_TIMEOUT_SECONDS`, count its calls, and translate Stripe's failures.

    Raises:
        PaymentsNotConfigured: Stripe rejects the key or the price, or one is missing.
        PaymentsUnavailable: Stripe is unavailable. The request can be repeated.
        RateLimitExceeded: the user's requests have made too many calls in the last minute.
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
