"""Prices at Stripe."""

from dataclasses import dataclass

from app.stripe_client.base import StripePrice
from app.stripe_client.connection import StripeConnection


@dataclass(frozen=True, slots=True)
class SdkPrices:
    """See `StripePrices`."""

    stripe: StripeConnection

    async def get(self, price_id: str) -> StripePrice:
        """Return a price."""
        found = await self.stripe.call(
            "prices.retrieve", lambda client: client.v1.prices.retrieve_async(price_id)
        )
        body = found.to_dict()
        return StripePrice(
            id=found.id,
            is_recurring=body.get("type") == "recurring",
            is_active=bool(body.get("active")),
            is_live=bool(body.get("livemode")),
        )
