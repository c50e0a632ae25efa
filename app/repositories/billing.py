"""SQL about who is whose customer at Stripe, and about whose fetch of a subscription counts."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import StripeCustomer, SubscriptionSync, User

_SILENT = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class BillingRepository:
    """Customers, and the order of what is written about subscriptions."""

    session: AsyncSession

    async def begin_sync(self, subscription_id: str) -> int:
        """Draw the next number for a fetch; to be done before the fetch begins."""
        number = insert(SubscriptionSync).values(subscription_id=subscription_id, sync_seq=1)
        drawn: int | None = await self.session.scalar(
            number.on_conflict_do_update(
                index_elements=[SubscriptionSync.subscription_id],
                set_={"sync_seq": SubscriptionSync.sync_seq + 1},
            ).returning(SubscriptionSync.sync_seq)
        )
        if drawn is None:
            raise RuntimeError("an upsert returned nothing")
        return drawn

    async def claim_sync(self, subscription_id: str, number: int) -> bool:
        """Take the right to write what this fetch found; not if one that began later was written.

        Others that would write wait until this transaction ends.
        """
        taken = await self.session.scalar(
            update(SubscriptionSync)
            .where(SubscriptionSync.subscription_id == subscription_id, SubscriptionSync.applied_seq < number)
            .values(applied_seq=number)
            .returning(SubscriptionSync.applied_seq),
            execution_options=_SILENT,
        )
        return taken is not None

    async def lock_person(self, user_id: UUID) -> bool:
        """Hold an account, so that its subscriptions are looked at by one at a time; False if it is gone."""
        found = await self.session.scalar(
            select(User.id)
            .where(User.id == user_id, User.deleted_at.is_(None))
            .with_for_update(key_share=True)
        )
        return found is not None

    async def person_of(self, customer_id: str) -> UUID | None:
        """Whose customer this is."""
        return await self.session.scalar(
            select(StripeCustomer.user_id).where(StripeCustomer.customer_id == customer_id)
        )

    async def known_people(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Which of these accounts exist and are not being deleted."""
        rows = await self.session.scalars(
            select(User.id).where(User.id.in_(user_ids), User.deleted_at.is_(None))
        )
        return set(rows)

    async def known_customers(self, customer_ids: Collection[str]) -> set[str]:
        """Which of these customers are ours."""
        rows = await self.session.scalars(
            select(StripeCustomer.customer_id).where(StripeCustomer.customer_id.in_(customer_ids))
        )
        return set(rows)
