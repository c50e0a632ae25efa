"""SQL about subscriptions."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Subscription


@dataclass(frozen=True, slots=True)
class SubscriptionRepository:
    """What Stripe last said about people."""

    session: AsyncSession

    async def latest(self, user_id: UUID) -> Subscription | None:
        """The user's newest subscription, whatever its state."""
        return await self.session.scalar(
            select(Subscription)
            .where(Subscription.user_id == user_id)
            .order_by(Subscription.created_at.desc(), Subscription.id.desc())
            .limit(1)
        )
