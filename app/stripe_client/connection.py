"""A process's connection to Stripe: loads the SDK on first use, and bounds every call."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from ssl import SSLContext
from typing import TYPE_CHECKING, TypeVar

import structlog

from app import metrics
from app.config import Settings
from app.database import forbid_in_transaction
from app.stripe_client.base import StripeMissingError
from app.stripe_client.failures import StripeNotConfiguredError, StripeRefusedError

if TYPE_CHECKING:
    from stripe import StripeClient

    from app.stripe_client.sdk import Sdk

_TIMEOUT_SECONDS = 10.0
_ERROR_LOG_PERIOD_SECONDS = 60.0

before_call: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("before_call", default=None)
"""A function that is awaited before each call; it may raise to prevent the call."""

_T = TypeVar("_T")

log = structlog.get_logger(__name__)


class StripeConnection:
    """The SDK's client, bound to the event loop of the first call."""

    def __init__(self, settings: Settings) -> None:
        self._key = settings.stripe_secret_key.get_secret_value()
        self._api_base = settings.stripe_api_base
        self._opening = asyncio.Lock()
        self._next_error_log_at = 0.0
        self._sdk: Sdk | None = None

    async def call(
        self, operation: metrics.StripeOperation, request: "Callable[[StripeClient], Awaitable[_T]]"
    ) -> _T:
        """Run a request with the SDK's client, within ten seconds including retries; count its result.

        Raises:
            StripeMissingError: the object does not exist.
            StripeNotConfiguredError: no key is set, or Stripe rejects it.
            StripeRefusedError: Stripe rejects the request.
            StripeUnavailableError: no response, or none that tells the result.
        """
        forbid_in_transaction()
        sdk = await self._opened()
        if (admit := before_call.get()) is not None:
            await admit()
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                result = await request(sdk.client)
        except Exception as error:
            failure = sdk.to_stripe_failure(error)
            metrics.stripe_called(operation, _result_of(failure))
            if failure is None:
                raise
            self._log(failure)
            raise failure from error
        metrics.stripe_called(operation, "succeeded")
        return result

    async def _opened(self) -> "Sdk":
        if not self._key:
            raise StripeNotConfiguredError("STRIPE_SECRET_KEY is not set")
        async with self._opening:
            if self._sdk is None:
                # In a thread, because the import would block the event loop.
                create, tls = await asyncio.to_thread(_load)
                self._sdk = create(self._key, self._api_base, tls)
            return self._sdk

    def _log(self, failure: Exception) -> None:
        """Log the reason: outages at debug level, since callers report them; a bad setup once a minute."""
        level = logging.DEBUG
        match failure:
            case StripeMissingError():
                event, level = "stripe_missing", logging.INFO
            case StripeNotConfiguredError():
                event = "stripe_not_configured"
                if time.monotonic() >= self._next_error_log_at:
                    self._next_error_log_at = time.monotonic() + _ERROR_LOG_PERIOD_SECONDS
                    level = logging.ERROR
            case StripeRefusedError():
                event, level = "stripe_refused", logging.WARNING
            case _:
                event = "stripe_unavailable"
        log.log(level, event, reason=str(failure))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._sdk is not None:
            await self._sdk.aclose()


def _result_of(failure: Exception | None) -> metrics.StripeResult:
    match failure:
        case None:
            return "error"
        case StripeMissingError():
            return "missing"
        case StripeNotConfiguredError():
            return "not_configured"
        case StripeRefusedError():
            return "refused"
        case _:
            return "unavailable"


def _load() -> "tuple[Callable[[str, str, SSLContext], Sdk], SSLContext]":
    from app.stripe_client.sdk import Sdk, tls_context  # noqa: PLC0415  # see that file

    return Sdk.create, tls_context()
