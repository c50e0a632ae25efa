"""SQL that erases what nobody needs any more; ages of billing's rows are by the database's clock."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.models import (
    CarriedUsage,
    Checkout,
    DeletedAccount,
    Deletion,
    Session,
    StripeEvent,
    SubscriptionSync,
)


@dataclass(frozen=True, slots=True)
class PurgeRepository:
    """What has outlived its use."""

    session: AsyncSession

    async def carried_usage(self, *, before: date) -> None:
        """Erase the counts of deleted accounts of earlier days."""
        await self.session.execute(delete(CarriedUsage).where(CarriedUsage.day < before))

    async def stripe_events(self, *, kept: timedelta, limit: int) -> int:
        """Erase some events that were worked off so long ago; return how many."""
        return await self._erase(StripeEvent.id, StripeEvent.processed_at < func.now() - kept, limit=limit)

    async def checkouts(self, *, kept: timedelta, limit: int) -> int:
        """Erase some wishes to buy that began so long ago, whatever came of them; return how many."""
        return await self._erase(Checkout.id, Checkout.created_at < func.now() - kept, limit=limit)

    async def subscription_syncs(self, *, kept: timedelta, limit: int) -> int:
        """Erase the numbers of some subscriptions that were last fetched so long ago; return how many."""
        return await self._erase(
            SubscriptionSync.subscription_id, SubscriptionSync.synced_at < func.now() - kept, limit=limit
        )

    async def tombstones(self, *, kept: timedelta, limit: int) -> int:
        """Erase some tombstones so old, but none whose deletion Stripe has not confirmed; return how many."""
        is_confirmed = ~exists().where(
            func.sha256(func.uuid_send(Deletion.user_id)) == DeletedAccount.user_digest
        )
        is_over = and_(DeletedAccount.deleted_at < func.now() - kept, is_confirmed)
        return await self._erase(DeletedAccount.user_digest, is_over, limit=limit)

    async def _erase(
        self, key: InstrumentedAttribute[Any], is_over: ColumnElement[bool], *, limit: int
    ) -> int:
        erased = await self.session.scalars(
            delete(key.class_).where(key.in_(select(key).where(is_over).limit(limit))).returning(key),
            execution_options={"synchronize_session": False},
        )
        return len(erased.all())

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
