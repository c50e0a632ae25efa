"""The last thing that Stripe hears of a person."""

from dataclasses import dataclass

import structlog

from app.stripe_client import StripeCheckouts, StripeCustomers
from app.stripe_client.failures import StripeRefusedError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Farewell:
    """Ends at Stripe what belongs to a deleted account."""

    customers: StripeCustomers
    checkouts: StripeCheckouts

    async def end_customer(self, customer_id: str) -> None:
        """Close the customer's payment pages, then delete the customer, which ends their subscriptions.

        Safe to repeat, also when the customer is gone already.

        Raises:
            StripeUnavailableError: not confirmed by Stripe; to be tried again.
        """
        try:
            await self.checkouts.expire_all(customer_id)
        except StripeRefusedError as error:  # a page that nobody can open any more ends by itself in a day
            log.warning("checkouts_not_expired", customer_id=customer_id, reason=str(error))
        await self.customers.delete(customer_id)
        log.info("stripe_customer_ended", customer_id=customer_id)
