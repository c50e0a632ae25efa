"""Stripe's SDK; the only file that loads it, and itself loaded only when Stripe is first asked.

The import takes 0.4 s and 30 MB, which a process that only writes replies should not pay.
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
    """Trust in the authorities that the SDK brings; reading them takes a while."""
    return ssl.create_default_context(cafile=stripe.ca_bundle_path)


@dataclass(frozen=True, slots=True)
class Sdk:
    """A client over a transport of our own, bound to the loop it is first used on."""

    client: StripeClient
    transport: Httpx2Transport

    @classmethod
    def create(cls, key: str, api_base: str, tls: ssl.SSLContext) -> "Sdk":
        """A client with this key for Stripe at this address; nothing is asked yet."""
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
        """The failure in our own words; None for what is no failure of Stripe's."""
        return to_stripe_failure(error)
