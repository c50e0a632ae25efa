"""SQL about customers at Stripe, tombstones of deleted accounts, and the order of fetches."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import (
    AccountDeletion,
    DeletedAccount,
    StripeCustomer,
    SubscriptionSyncCursor,
    UnresolvedReason,
    UnresolvedSubscriptions,
    User,
)

_SILENT = {"synchronize_session": False}


def tombstone_of(user_id: UUID) -> bytes:
    """Return what a tombstone holds of an account's id; migrations compute the same in SQL."""
    return sha256(user_id.bytes).digest()


@dataclass(frozen=True, slots=True)
class BillingRepository:
    """Customers, tombstones, and the order of what is written about subscriptions."""

    session: AsyncSession

    async def begin_sync(self, subscription_id: str) -> int:
        """Draw the next number for a fetch; to be done before the fetch begins."""
        drawing = insert(SubscriptionSyncCursor).values(subscription_id=subscription_id, sync_seq=1)
        drawn: int | None = await self.session.scalar(
            drawing.on_conflict_do_update(
                index_elements=[SubscriptionSyncCursor.subscription_id],
                set_={"sync_seq": SubscriptionSyncCursor.sync_seq + 1, "synced_at": func.now()},
            ).returning(SubscriptionSyncCursor.sync_seq)
        )
        if drawn is None:
            raise RuntimeError("an upsert returned nothing")
        return drawn

    async def claim_sync(self, subscription_id: str, sequence: int) -> bool:
        """Take the right to write what this fetch found; not if one that began later was written.

        Others that would write wait until this transaction ends.
        """
        taken = await self.session.scalar(
            update(SubscriptionSyncCursor)
            .where(
                SubscriptionSyncCursor.subscription_id == subscription_id,
                SubscriptionSyncCursor.applied_seq < sequence,
            )
            .values(applied_seq=sequence)
            .returning(SubscriptionSyncCursor.applied_seq),
            execution_options=_SILENT,
        )
        return taken is not None

    async def lock_user(self, user_id: UUID) -> bool:
        """Hold an account, so that its subscriptions are looked at by one at a time; False if it is gone."""
        found = await self.session.scalar(
            select(User.id)
            .where(User.id == user_id, User.deleted_at.is_(None))
            .with_for_update(key_share=True)
        )
        return found is not None

    async def user_id_of(self, customer_id: str) -> UUID | None:
        """Whose customer this is."""
        return await self.session.scalar(
            select(StripeCustomer.user_id).where(StripeCustomer.customer_id == customer_id)
        )

    async def existing_user_ids(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Which of these accounts exist and are not being deleted."""
        rows = await self.session.scalars(
            select(User.id).where(User.id.in_(user_ids), User.deleted_at.is_(None))
        )
        return set(rows)

    async def user_ids_of(self, customer_ids: Collection[str]) -> dict[str, UUID]:
        """Map those of these customers that are ours to their users."""
        rows = await self.session.execute(
            select(StripeCustomer.customer_id, StripeCustomer.user_id).where(
                StripeCustomer.customer_id.in_(customer_ids)
            )
        )
        return {row[0]: row[1] for row in rows}

    async def deleted_user_ids(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Return those of these users that were deleted here, as far as tombstones tell."""
        tombstones = {tombstone_of(user_id): user_id for user_id in user_ids}
        rows = await self.session.scalars(
            select(DeletedAccount.user_digest).where(DeletedAccount.user_digest.in_(tombstones))
        )
        return {tombstones[digest] for digest in rows}

    async def is_being_deleted(self, user_id: UUID, *, customer_id: str) -> bool:
        """Tell whether a deletion that Stripe has not confirmed yet names this user and this customer."""
        found = await self.session.scalar(
            select(AccountDeletion.id).where(
                AccountDeletion.user_id == user_id, AccountDeletion.stripe_customer_id == customer_id
            )
        )
        return found is not None

    async def record_unresolved(self, found: Mapping[UnresolvedReason, int]) -> None:
        """Replace the numbers of live subscriptions that were left alone."""
        await self.session.execute(delete(UnresolvedSubscriptions), execution_options=_SILENT)
        rows = [{"reason": reason.value, "found": number} for reason, number in found.items()]
        if rows:
            await self.session.execute(insert(UnresolvedSubscriptions), rows)

    async def unresolved(self) -> dict[str, int]:
        """Return how many live subscriptions the last reconciliation left alone, by reason."""
        rows = await self.session.execute(
            select(UnresolvedSubscriptions.reason, UnresolvedSubscriptions.found)
        )
        return {row[0]: row[1] for row in rows}
