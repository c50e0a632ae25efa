"""What plan somebody is on."""

from dataclasses import dataclass
from uuid import UUID

from app.models import plan_of
from app.schemas.subscription import SubscriptionOut
from app.services.clock import Clock
from app.services.quota import DailyQuota
from app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class SubscriptionService:
    """Plans, computed from what Stripe last said."""

    uow: UnitOfWork
    quota: DailyQuota
    clock: Clock

    async def status(self, user_id: UUID) -> SubscriptionOut:
        """The plan now and today's use."""
        async with self.uow.begin() as tx:
            subscription = await tx.subscriptions.current(user_id)
            usage = await self.quota.read(tx, user_id)
        return SubscriptionOut(
            plan=plan_of(subscription, self.clock()),
            status=subscription.status if subscription else None,
            current_period_end=subscription.current_period_end if subscription else None,
            cancel_at_period_end=bool(subscription and subscription.cancel_at_period_end),
            grace_until=subscription.grace_until if subscription else None,
            usage=usage,
        )
