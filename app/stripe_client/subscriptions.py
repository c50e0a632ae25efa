"""Subscriptions at Stripe."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from app.stripe_client.base import StripeMissingError, StripeSubscription
from app.stripe_client.connection import StripeConnection
from app.stripe_client.failures import StripeRefusedError
from app.stripe_client.reading import has_more, subscription_from, unpaid_moments

if TYPE_CHECKING:
    from stripe.params import SubscriptionListParams

_PAGE = 100


@dataclass(frozen=True, slots=True)
class SdkSubscriptions:
    """See `StripeSubscriptions`."""

    stripe: StripeConnection

    async def get(self, subscription_id: str) -> StripeSubscription:
        """The subscription as it is now."""
        found = await self.stripe.ask(lambda client: client.v1.subscriptions.retrieve_async(subscription_id))
        subscription = subscription_from(found.to_dict())
        if subscription.status != "past_due":
            return subscription
        return replace(subscription, unpaid_since=await self._unpaid_since(subscription))

    async def set_cancel_at_period_end(self, subscription_id: str, *, cancel: bool) -> StripeSubscription:
        """Let it end with the paid period, or undo that."""
        try:
            found = await self.stripe.ask(
                lambda client: client.v1.subscriptions.update_async(
                    subscription_id, {"cancel_at_period_end": cancel}
                )
            )
            if not cancel and found.to_dict().get("cancel_at") is not None:
                # The customer portal cancels by a date, which the flag does not take back.
                found = await self.stripe.ask(
                    lambda client: client.v1.subscriptions.update_async(subscription_id, {"cancel_at": ""})
                )
        except StripeRefusedError:
            now = await self.get(subscription_id)
            if now.has_ended:
                raise StripeMissingError("it has ended") from None
            raise
        return subscription_from(found.to_dict())

    async def cancel_now(self, subscription_id: str) -> None:
        """End it at once; one that has ended already is fine."""
        try:
            await self.stripe.ask(lambda client: client.v1.subscriptions.cancel_async(subscription_id))
        except StripeMissingError:
            return  # which is also said of one that has ended

    async def all(self) -> AsyncIterator[StripeSubscription]:
        """Every subscription, newest first."""
        params: SubscriptionListParams = {"status": "all", "limit": _PAGE}
        while True:
            page = await self.stripe.ask(lambda client: client.v1.subscriptions.list_async(params))
            for found in page.data:
                yield subscription_from(found.to_dict())
            if not has_more(page.to_dict()) or not page.data:
                return
            params["starting_after"] = page.data[-1].id

    async def _unpaid_since(self, subscription: StripeSubscription) -> datetime | None:
        """When the first period began that is not paid; the current one need not be the only one."""
        try:
            page = await self.stripe.ask(
                lambda client: client.v1.invoices.list_async(
                    {"subscription": subscription.id, "status": "open", "limit": _PAGE}
                )
            )
        except StripeRefusedError:  # the period that has begun is known without the bills
            return subscription.current_period_start
        moments = unpaid_moments([invoice.to_dict() for invoice in page.data], subscription.id)
        if subscription.current_period_start is not None:
            moments.append(subscription.current_period_start)
        return min(moments, default=None)
