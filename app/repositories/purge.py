"""SQL that erases old rows; ages are measured by the database's clock."""

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
    """Old rows. Each method erases up to `limit` rows older than `max_age` and returns their number."""

    session: AsyncSession

    async def carried_usage(self) -> int:
        """Erase the usage carryovers of past UTC days, all at once; return their number."""
        today = cast(func.timezone("UTC", func.now()), Date)
        erased = await self.session.scalars(
            delete(CarriedUsage).where(CarriedUsage.day < today).returning(CarriedUsage.day),
            execution_options={"synchronize_session": False},
        )
        return len(erased.all())

    async def sessions(self, *, max_age: timedelta, limit: int) -> int:
        """Erase sessions that ended or expired."""
        then = func.now() - max_age
        is_over = or_(Session.ended_at < then, Session.refresh_expires_at < then)
        return await self._erase(Session.id, is_over, limit=limit)

    async def unverified_signups(self, *, max_age: timedelta, limit: int) -> int:
        """Erase accounts whose number was never verified, with the rows that reference them."""
        is_unverified = and_(
            User.verified_at.is_(None),
            User.banned_at.is_(None),  # a new sign-up would lift the ban
            User.created_at < func.now() - max_age,
            ~exists().where(Session.user_id == User.id),
        )
        return await self._erase(User.id, is_unverified, limit=limit)

    async def stripe_events(self, *, max_age: timedelta, limit: int) -> int:
        """Erase events that were processed."""
        return await self._erase(StripeEvent.id, StripeEvent.processed_at < func.now() - max_age, limit=limit)

    async def checkouts(self, *, max_age: timedelta, limit: int) -> int:
        """Erase checkouts by their creation time, whatever their outcome."""
        return await self._erase(Checkout.id, Checkout.created_at < func.now() - max_age, limit=limit)

    async def subscription_syncs(self, *, max_age: timedelta, limit: int) -> int:
        """Erase the sync cursors of subscriptions by the time of their last fetch."""
        return await self._erase(
            SubscriptionSyncCursor.subscription_id,
            SubscriptionSyncCursor.synced_at < func.now() - max_age,
            limit=limit,
        )

    async def tombstones(self, *, max_age: timedelta, limit: int) -> int:
        """Erase tombstones, except those whose deletion Stripe has not confirmed."""
        is_confirmed = ~exists().where(
            func.sha256(func.uuid_send(AccountDeletion.user_id)) == DeletedAccount.user_digest
        )
        is_over = and_(DeletedAccount.deleted_at < func.now() - max_age, is_confirmed)
        return await self._erase(DeletedAccount.user_digest, is_over, limit=limit)

    async def _erase(
        self, key: InstrumentedAttribute[Any], is_over: ColumnElement[bool], *, limit: int
    ) -> int:
        # Skip locked rows, such as a sign-up that is being verified.
        chosen = select(key).where(is_over).limit(limit).with_for_update(skip_locked=True, of=key.class_)
        erased = await self.session.scalars(
            delete(key.class_).where(key.in_(chosen)).returning(key),
            execution_options={"synchronize_session": False},
        )
        return len(erased.all())
