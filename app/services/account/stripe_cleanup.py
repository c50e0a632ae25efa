"""Delete a closed account's customer at Stripe."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from app.services.billing.subscription_evidence import Evidence
from app.stripe_client import StripeCheckouts, StripeCustomers, StripeSubscriptions
from app.stripe_client.failures import StripeRefusedError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StripeCustomerCleanup:
    """Cancels subscriptions and payment pages of a deleted account."""

    customers: StripeCustomers
    checkouts: StripeCheckouts
    subscriptions: StripeSubscriptions

    async def delete(self, customer_id: str, *, user_id: UUID, installation_id: UUID) -> None:
        """Expire the user's payment pages, then delete the customer, which cancels its subscriptions.

        If the customer has live subscriptions that this service did not sell, keep the customer and cancel
        only those that it sold. Safe to repeat, also once the customer is deleted.

        Raises:
            StripeUnavailableError: Stripe has not confirmed it; try again.
        """
        try:
            await self.checkouts.expire_all(customer_id, user_id=user_id, installation_id=installation_id)
        except StripeRefusedError as error:  # Stripe expires the page itself within a day
            log.warning("checkouts_not_expired", customer_id=customer_id, reason=str(error))
        ours, others = [], 0
        async for found in self.subscriptions.of_customer(customer_id):
            if found.has_ended:
                continue
            if Evidence(found, installation_id, customer_user_id=user_id).may_cancel:
                ours.append(found.id)
            else:
                others += 1
        if others:
            for subscription_id in ours:
                await self.subscriptions.cancel_now(subscription_id)
            log.warning("stripe_customer_kept", customer_id=customer_id, others=others, cancelled=len(ours))
            return
        await self.customers.delete(customer_id)
        log.info("stripe_customer_deleted", customer_id=customer_id)
