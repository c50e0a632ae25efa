"""The plan of a user: reads it, cancels the subscription and resumes it."""

from dataclasses import dataclass
from uuid import UUID

from app.errors import AuthenticationRequired, NotSubscribed
from app.kit.clock import Clock
from app.models import plan_of, pro_until
from app.schemas.subscription import SubscriptionOut
from app.services.billing.checkout import CheckoutService
from app.services.billing.payments import StripeBudget, calling_stripe
from app.services.billing.subscription_sync import SubscriptionSync
from app.services.identity.session import CurrentUser, SessionService
from app.services.usage.quota import DailyQuota
from app.stripe_client import ENDED, StripeMissingError, StripeSubscriptions
from app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class SubscriptionService:
    """Plans, computed from the subscriptions as Stripe last reported them."""

    uow: UnitOfWork
    quota: DailyQuota
    checkouts: CheckoutService
    subscriptions: StripeSubscriptions
    syncs: SubscriptionSync
    sessions: SessionService
    clock: Clock

    async def status(
        self, user: CurrentUser, budget: StripeBudget, *, checkout_session_id: str | None = None
    ) -> SubscriptionOut:
        """Return the current plan and today's usage; given a checkout session, refresh it from Stripe first.

        Stripe is called only if `checkout_session_id` is given.

        Raises:
            CheckoutNotFound: the session was not opened for this user.
            PaymentsNotConfigured: Stripe rejects the key.
            PaymentsUnavailable: Stripe is unavailable.
        """
        if checkout_session_id is not None:
            await self.checkouts.refresh_from_stripe(user.id, checkout_session_id, budget)
            self.sessions.refresh_plan(user)  # so that a new plan's limits apply from the next request
        return await self._now(user.id)

    async def cancel(self, user: CurrentUser, budget: StripeBudget) -> SubscriptionOut:
        """Cancel the subscription at the end of the paid period; the plan lasts until then.

        Raises:
            NotSubscribed: no subscription, or one that has ended.
            PaymentsNotConfigured: Stripe rejects the key.
            PaymentsUnavailable: Stripe is unavailable.
        """
        return await self._set_end(user, budget, cancel=True)

    async def resume(self, user: CurrentUser, budget: StripeBudget) -> SubscriptionOut:
        """Undo a cancellation while the period lasts.

        Raises:
            NotSubscribed: no subscription, or one that has ended.
            PaymentsNotConfigured: Stripe rejects the key.
            PaymentsUnavailable: Stripe is unavailable.
        """
        return await self._set_end(user, budget, cancel=False)

    async def _set_end(self, user: CurrentUser, budget: StripeBudget, *, cancel: bool) -> SubscriptionOut:
        async with self.uow.autocommit() as tx:
            subscription = await tx.subscriptions.current(user.id)
        if subscription is None or subscription.status in ENDED:
            raise NotSubscribed
        stripe_id, has_ended = subscription.stripe_subscription_id, False
        async with calling_stripe(budget):
            try:
                await self.subscriptions.set_cancel_at_period_end(stripe_id, cancel=cancel)
            except StripeMissingError:
                has_ended = True
            await self.syncs.sync(stripe_id)
        if has_ended:
            raise NotSubscribed
        return await self._now(user.id)

    async def _now(self, user_id: UUID) -> SubscriptionOut:
        async with self.uow.begin() as tx:
            user = await tx.users.get(user_id)
            subscription = await tx.subscriptions.current(user_id)
            usage = await self.quota.read(tx, user_id)
        if user is None:
            raise AuthenticationRequired
        now = self.clock()
        return SubscriptionOut(
            plan=plan_of(user, subscription, now),
            status=subscription.status if subscription else None,
            current_period_end=subscription.current_period_end if subscription else None,
            cancel_at_period_end=bool(subscription and subscription.cancel_at_period_end),
            grace_until=subscription.grace_until if subscription else None,
            pro_until=pro_until(user, subscription, now),
            usage=usage,
        )
