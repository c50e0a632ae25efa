"""Stripe's SDK, imported on the first call.

The import takes 0.4 s and 30 MB, which processes that never call Stripe save.
"""

import ssl
from dataclasses import dataclass

import stripe
from stripe import StripeClient

from app.stripe_client.refusals import to_stripe_failure
from app.stripe_client.transport import Httpx2Transport

_TIMEOUT_SECONDS = 10.0
_RETRIES = 1


def tls_context() -> ssl.SSLContext:
    """Create a context with the certificate authorities that the SDK ships."""
    return ssl.create_default_context(cafile=stripe.ca_bundle_path)


@dataclass(frozen=True, slots=True)
class Sdk:
    """A client over our transport, bound to the event loop of its first call."""

    client: StripeClient
    transport: Httpx2Transport

    @classmethod
    def create(cls, key: str, api_base: str, tls: ssl.SSLContext) -> "Sdk":
        """Create a client with this key for this address, without a call."""
        transport = Httpx2Transport(tls=tls, timeout_seconds=_TIMEOUT_SECONDS)
        client = StripeClient(
            key,
            base_addresses={"api": api_base.rstrip("/")},
            max_network_retries=_RETRIES,  # under the same idempotency key
            http_client=transport,
        )
        return cls(client, transport)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.transport.close_async()

    @staticmethod
    def to_stripe_failure(error: Exception) -> Exception | None:
        """Translate an exception of the SDK; None if it is not a failure of a call to Stripe."""
        return to_stripe_failure(error)
