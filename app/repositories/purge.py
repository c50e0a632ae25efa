"""SQL that erases what nobody needs any more."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import CarriedUsage, Session, StripeEvent


@dataclass(frozen=True, slots=True)
class PurgeRepository:
    """What has outlived its use."""

    session: AsyncSession

    async def carried_usage(self, *, before: date) -> None:
        """Erase the counts of deleted accounts of earlier days."""
        await self.session.execute(delete(CarriedUsage).where(CarriedUsage.day < before))

    async def stripe_events(self, *, processed_before: datetime) -> None:
        """Erase events that were worked off before this; Stripe sends none again after so long."""
        await self.session.execute(
            delete(StripeEvent).where(StripeEvent.processed_at < processed_before),
            execution_options={"synchronize_session": False},
        )

    async def sessions(self, *, over_before: datetime, limit: int) -> int:
        """Erase some sessions that ended or ran out before this; returns how many."""
        over = select(Session.id).where(
            or_(Session.ended_at < over_before, Session.refresh_expires_at < over_before)
        )
        erased = await self.session.scalars(
            delete(Session).where(Session.id.in_(over.limit(limit))).returning(Session.id),
            execution_options={"synchronize_session": False},
        )
        return len(erased.all())
