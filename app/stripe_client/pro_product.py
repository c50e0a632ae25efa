"""Recognises prices that sell Pro: the configured one, and others of its product."""

import time
from collections.abc import Mapping
from typing import Final

from app.stripe_client.base import StripeMissingError
from app.stripe_client.connection import StripeConnection
from app.stripe_client.failures import StripeRefusedError
from app.stripe_client.parsing import reference

_RETRY_SECONDS: Final = 600.0


class ProProduct:
    """The product of `STRIPE_PRO_PRICE_ID`; fetched from Stripe when another price first occurs."""

    def __init__(self, stripe: StripeConnection, price_id: str) -> None:
        self._stripe = stripe
        self._price_id = price_id
        self._product: str | None = None
        self._next_try_at = 0.0

    async def among(self, products: Mapping[str, str | None]) -> frozenset[str] | None:
        """Return the prices that sell Pro, of prices given with their products.

        None if it is unknown, because `STRIPE_PRO_PRICE_ID` is not set or names no price.

        Raises:
            StripeUnavailableError: the product has not been fetched yet, and Stripe is unavailable.
        """
        if not any(products.values()):
            return frozenset(products.keys() & {self._price_id})
        self._product = products.get(self._price_id) or self._product
        product = await self._known_product() if self._price_id else None
        if product is None:
            return frozenset({self._price_id}) if self._price_id in products else None
        return frozenset(
            price for price, each in products.items() if each == product or price == self._price_id
        )

    async def _known_product(self) -> str | None:
        """Return Pro's product; None if Stripe does not have the price, or denies access to it."""
        if self._product is None and time.monotonic() >= self._next_try_at:
            try:
                price = await self._stripe.call(
                    "prices.retrieve", lambda client: client.v1.prices.retrieve_async(self._price_id)
                )
            except (StripeMissingError, StripeRefusedError):
                self._next_try_at = time.monotonic() + _RETRY_SECONDS
            else:
                self._product = reference(price.to_dict().get("product"))
        return self._product
