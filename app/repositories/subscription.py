"""SQL about subscriptions."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Subscription

_LATEST = (
    select(Subscription)
    .where(Subscription.user_id == bindparam("whom", type_=Uuid))
    .order_by(Subscription.created_at.desc(), Subscription.id.desc())
    .limit(1)
)  # built once, since it is run for every message


@dataclass(frozen=True, slots=True)
class SubscriptionRepository:
    """What Stripe last said about people."""

    session: AsyncSession

    async def latest(self, user_id: UUID) -> Subscription | None:
        """The user's newest subscription, whatever its state."""
        return await self.session.scalar(_LATEST, {"whom": user_id})
