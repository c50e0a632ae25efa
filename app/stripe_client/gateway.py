"""The Stripe client: its parts over one connection."""

from app.config import Settings
from app.stripe_client.base import StripeCheckouts, StripeCustomers, StripePrices, StripeSubscriptions
from app.stripe_client.checkouts import SdkCheckouts
from app.stripe_client.connection import StripeConnection
from app.stripe_client.customers import SdkCustomers
from app.stripe_client.prices import SdkPrices
from app.stripe_client.pro_product import ProProduct
from app.stripe_client.subscriptions import SdkSubscriptions


class StripeGateway:
    """All calls of this process to Stripe; loads the SDK and connects at the first call."""

    def __init__(self, settings: Settings) -> None:
        self._connection = StripeConnection(settings)
        self.is_live = "_live_" in settings.stripe_secret_key.get_secret_value()
        pro = ProProduct(self._connection, settings.stripe_pro_price_id)
        self.customers: StripeCustomers = SdkCustomers(self._connection, pro)
        self.checkouts: StripeCheckouts = SdkCheckouts(self._connection, settings.stripe_pro_price_id)
        self.prices: StripePrices = SdkPrices(self._connection)
        self.subscriptions: StripeSubscriptions = SdkSubscriptions(self._connection, pro)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.aclose()
