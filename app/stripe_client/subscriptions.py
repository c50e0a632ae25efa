"""Subscriptions at Stripe."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from app.stripe_client.base import StripeMissingError, StripeSubscription
from app.stripe_client.connection import StripeConnection
from app.stripe_client.failures import StripeRefusedError
from app.stripe_client.parsing import has_more, is_voided, products_of, subscription_from, unpaid_since_times
from app.stripe_client.pro_product import ProProduct

if TYPE_CHECKING:
    from stripe import Subscription
    from stripe.params import SubscriptionListParams

_PAGE = 100


@dataclass(frozen=True, slots=True)
class SdkSubscriptions:
    """See `StripeSubscriptions`."""

    stripe: StripeConnection
    pro: ProProduct

    async def get(self, subscription_id: str) -> StripeSubscription:
        """Return the subscription's current state."""
        found = await self.stripe.call(
            "subscriptions.retrieve", lambda client: client.v1.subscriptions.retrieve_async(subscription_id)
        )
        subscription = await self._read(found)
        if subscription.is_voiding and not subscription.has_ended:
            subscription = replace(subscription, is_period_voided=await self._is_period_voided(subscription))
        if subscription.status == "past_due":
            subscription = replace(subscription, unpaid_since=await self._unpaid_since(subscription))
        return subscription

    async def set_cancel_at_period_end(self, subscription_id: str, *, cancel: bool) -> StripeSubscription:
        """Cancel at the end of the paid period, or undo that."""
        try:
            found = await self.stripe.call(
                "subscriptions.update",
                lambda client: client.v1.subscriptions.update_async(
                    subscription_id, {"cancel_at_period_end": cancel}
                ),
            )
            if not cancel and found.to_dict().get("cancel_at") is not None:
                # The customer portal cancels by date, which the flag does not undo.
                found = await self.stripe.call(
                    "subscriptions.update",
                    lambda client: client.v1.subscriptions.update_async(subscription_id, {"cancel_at": ""}),
                )
        except StripeRefusedError:
            now = await self.get(subscription_id)
            if now.has_ended:
                raise StripeMissingError("it has ended") from None
            raise
        return await self._read(found)

    async def cancel_now(self, subscription_id: str) -> None:
        """Cancel immediately; no error if it has ended."""
        try:
            await self.stripe.call(
                "subscriptions.cancel", lambda client: client.v1.subscriptions.cancel_async(subscription_id)
            )
        except StripeMissingError:
            return  # also raised for one that has ended

    async def all(self) -> AsyncIterator[StripeSubscription]:
        """Iterate over all subscriptions, newest first."""
        async for found in self._listed({"status": "all", "limit": _PAGE}):
            yield found

    async def of_customer(self, customer_id: str) -> AsyncIterator[StripeSubscription]:
        """Iterate over a customer's subscriptions that are not canceled; none if it does not exist."""
        try:
            async for found in self._listed({"customer": customer_id, "limit": _PAGE}):
                if found.customer_id == customer_id:
                    yield found
        except StripeMissingError:
            return

    async def _listed(self, params: "SubscriptionListParams") -> AsyncIterator[StripeSubscription]:
        while True:
            page = await self.stripe.call(
                "subscriptions.list", lambda client: client.v1.subscriptions.list_async(params)
            )
            for found in page.data:
                yield await self._read(found)
            if not has_more(page.to_dict()) or not page.data:
                return
            params["starting_after"] = page.data[-1].id

    async def _read(self, found: "Subscription") -> StripeSubscription:
        body = found.to_dict()
        return subscription_from(body, await self.pro.among(products_of(body)))

    async def _is_period_voided(self, subscription: StripeSubscription) -> bool:
        """Whether the current period's invoice was voided, because collection was paused."""
        try:
            page = await self.stripe.call(
                "invoices.list",
                lambda client: client.v1.invoices.list_async(
                    {"subscription": subscription.id, "limit": _PAGE}
                ),
            )
        except (StripeMissingError, StripeRefusedError):  # without its invoices the period counts as paid
            return False
        return is_voided([invoice.to_dict() for invoice in page.data], subscription)

    async def _unpaid_since(self, subscription: StripeSubscription) -> datetime | None:
        """Return the start of the first unpaid period, which may be before the current one."""
        try:
            page = await self.stripe.call(
                "invoices.list",
                lambda client: client.v1.invoices.list_async(
                    {"subscription": subscription.id, "status": "open", "limit": _PAGE}
                ),
            )
        except StripeRefusedError:  # the current period is known without invoices
            return subscription.current_period_start
        times = unpaid_since_times([invoice.to_dict() for invoice in page.data], subscription.id)
        if subscription.current_period_start is not None:
            times.append(subscription.current_period_start)
        return min(times, default=None)
