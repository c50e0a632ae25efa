"""Stripe's SDK; the only file that loads it, and itself loaded only when Stripe is first asked.

The import takes 0.4 s and 30 MB, which a process that only writes replies should not pay.
"""

import ssl
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
import stripe
from stripe import StripeClient

from app.stripe_client.base import StripeMissingError, StripeUnavailableError
from app.stripe_client.failures import StripeRefusedError

_TIMEOUT_SECONDS = 10
_RETRIES = 1

# What aiohttp raises while a body is read is not caught by the SDK.
_CONNECTION_LOST = (stripe.APIConnectionError, aiohttp.ClientError, TimeoutError, OSError)


def tls_context() -> ssl.SSLContext:
    """Trust in the authorities that the SDK brings; reading them takes a while."""
    return ssl.create_default_context(cafile=stripe.ca_bundle_path)


@dataclass(frozen=True, slots=True)
class Sdk:
    """A client over aiohttp, the quickest of the SDK's transports, bound to the loop it is made on."""

    client: StripeClient
    transport: stripe.AIOHTTPClient

    @classmethod
    def create(cls, key: str, api_base: str, tls: ssl.SSLContext) -> "Sdk":
        """A client with this key for Stripe at this address; nothing is asked yet."""
        transport = stripe.AIOHTTPClient(timeout=_TIMEOUT_SECONDS, connector=aiohttp.TCPConnector(ssl=tls))
        client = StripeClient(
            key,
            base_addresses={"api": api_base},
            max_network_retries=_RETRIES,  # under the same idempotency key
            http_client=transport,
        )
        return cls(client, transport)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.transport.close_async()  # type: ignore[no-untyped-call]  # the SDK does not say

    @staticmethod
    def as_our_error(error: Exception) -> Exception | None:
        """The failure in our own words; None for what is no failure of Stripe's."""
        if isinstance(error, _CONNECTION_LOST):
            return StripeUnavailableError(type(error).__name__)
        if not isinstance(error, stripe.StripeError):
            return None
        status = error.http_status or 0
        reason = f"{status} {type(error).__name__} {error.code}"  # never its message, which may quote a key
        if error.code == "resource_missing":
            return StripeMissingError(reason)
        if status in (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS):
            return StripeUnavailableError(reason)
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return StripeRefusedError(reason)
        return StripeUnavailableError(reason)
