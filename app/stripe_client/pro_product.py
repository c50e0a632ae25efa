"""Recognises what sells Pro: the price that is set, or another price of the same product."""

import time
from collections.abc import Mapping
from typing import Final

from app.stripe_client.base import StripeMissingError
from app.stripe_client.connection import StripeConnection
from app.stripe_client.failures import StripeRefusedError
from app.stripe_client.reading import reference

_AGAIN_AFTER_SECONDS: Final = 600.0


class ProProduct:
    """The product of `STRIPE_PRO_PRICE_ID`; Stripe is asked for it when another price first turns up."""

    def __init__(self, stripe: StripeConnection, price_id: str) -> None:
        self._stripe = stripe
        self._price_id = price_id
        self._product: str | None = None
        self._next_try_at = 0.0

    async def is_among(self, products: Mapping[str, str | None]) -> bool:
        """Tell whether one of these prices, given with their products, sells Pro.

        Raises:
            StripeUnavailableError: the product is not known yet, and Stripe did not answer.
        """
        if not self._price_id:
            return False
        if self._price_id in products:
            self._product = products[self._price_id] or self._product
            return True
        return any(products.values()) and await self._known_product() in products.values()

    async def _known_product(self) -> str | None:
        """Return Pro's product; an empty text when Stripe does not know the price, or may not show it."""
        if self._product is None and time.monotonic() >= self._next_try_at:
            try:
                price = await self._stripe.ask(lambda client: client.v1.prices.retrieve_async(self._price_id))
            except (StripeMissingError, StripeRefusedError):
                self._next_try_at = time.monotonic() + _AGAIN_AFTER_SECONDS
            else:
                self._product = reference(price.to_dict().get("product"))
        return self._product or ""
