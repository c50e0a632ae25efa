"""Stripe as a whole: the parts over one connection."""

from app.config import Settings
from app.stripe_client.base import StripeCheckouts, StripeCustomers, StripeSubscriptions
from app.stripe_client.checkouts import SdkCheckouts
from app.stripe_client.connection import StripeConnection
from app.stripe_client.customers import SdkCustomers
from app.stripe_client.pro_product import ProProduct
from app.stripe_client.subscriptions import SdkSubscriptions


class StripeGateway:
    """Everything that this process asks of Stripe; nothing is loaded or opened before the first question."""

    def __init__(self, settings: Settings) -> None:
        self._connection = StripeConnection(settings)
        self.is_live = "_live_" in settings.stripe_secret_key.get_secret_value()
        pro = ProProduct(self._connection, settings.stripe_pro_price_id)
        self.customers: StripeCustomers = SdkCustomers(self._connection, pro)
        self.checkouts: StripeCheckouts = SdkCheckouts(self._connection, settings.stripe_pro_price_id)
        self.subscriptions: StripeSubscriptions = SdkSubscriptions(self._connection, pro)

    async def prepare(self) -> None:
        """Load the SDK now, so that nobody's first question waits for it; nothing happens without a key."""
        await self._connection.prepare()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.aclose()
