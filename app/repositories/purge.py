"""SQL that erases what is not needed any more; what is old is said by the database's clock."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, and_, cast, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.models import (
    AccountDeletion,
    CarriedUsage,
    Checkout,
    DeletedAccount,
    Session,
    StripeEvent,
    SubscriptionSyncCursor,
    User,
)


@dataclass(frozen=True, slots=True)
class PurgeRepository:
    """What is left behind. Each method erases at most `limit` rows and returns how many it erased."""

    session: AsyncSession

    async def carried_usage(self) -> None:
        """Erase the counts of deleted accounts of UTC days gone by."""
        today = cast(func.timezone("UTC", func.now()), Date)
        await self.session.execute(
            delete(CarriedUsage).where(CarriedUsage.day < today),
            execution_options={"synchronize_session": False},
        )

    async def sessions(self, *, kept: timedelta, limit: int) -> int:
        """Erase sessions that ended or ran out so long ago."""
        then = func.now() - kept
        is_over = or_(Session.ended_at < then, Session.refresh_expires_at < then)
        return await self._erase(Session.id, is_over, limit=limit)

    async def unproved_signups(self, *, kept: timedelta, limit: int) -> int:
        """Erase accounts that nobody proved, so long after the last sign-up, with all that hangs on them."""
        is_unproved = and_(
            User.verified_at.is_(None),
            User.created_at < func.now() - kept,
            ~exists().where(Session.user_id == User.id),
        )
        return await self._erase(User.id, is_unproved, limit=limit)

    async def stripe_events(self, *, kept: timedelta, limit: int) -> int:
        """Erase events that were worked off so long ago."""
        return await self._erase(StripeEvent.id, StripeEvent.processed_at < func.now() - kept, limit=limit)

    async def checkouts(self, *, kept: timedelta, limit: int) -> int:
        """Erase checkouts that began so long ago, whatever came of them."""
        return await self._erase(Checkout.id, Checkout.created_at < func.now() - kept, limit=limit)

    async def subscription_syncs(self, *, kept: timedelta, limit: int) -> int:
        """Erase the numbers of subscriptions that were last fetched so long ago."""
        return await self._erase(
            SubscriptionSyncCursor.subscription_id,
            SubscriptionSyncCursor.synced_at < func.now() - kept,
            limit=limit,
        )

    async def tombstones(self, *, kept: timedelta, limit: int) -> int:
        """Erase tombstones so old, but none whose deletion Stripe has not confirmed."""
        is_confirmed = ~exists().where(
            func.sha256(func.uuid_send(AccountDeletion.user_id)) == DeletedAccount.user_digest
        )
        is_over = and_(DeletedAccount.deleted_at < func.now() - kept, is_confirmed)
        return await self._erase(DeletedAccount.user_digest, is_over, limit=limit)

    async def _erase(
        self, key: InstrumentedAttribute[Any], is_over: ColumnElement[bool], *, limit: int
    ) -> int:
        # A row that is in use at the moment, such as a sign-up that is being proved, is left alone.
        chosen = select(key).where(is_over).limit(limit).with_for_update(skip_locked=True, of=key.class_)
        erased = await self.session.scalars(
            delete(key.class_).where(key.in_(chosen)).returning(key),
            execution_options={"synchronize_session": False},
        )
        return len(erased.all())
