"""SQL about the order of syncs, the accounts they concern, and subscriptions left unresolved."""

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
    SubscriptionSyncCursor,
    UnresolvedReason,
    UnresolvedSubscriptions,
    User,
)

_SILENT = {"synchronize_session": False}


def tombstone_of(user_id: UUID) -> bytes:
    """Return the digest of an account's id in its tombstone; migrations compute the same in SQL."""
    return sha256(user_id.bytes).digest()


@dataclass(frozen=True, slots=True)
class BillingRepository:
    """Sync sequences, live and deleted accounts, and counts of unresolved subscriptions."""

    session: AsyncSession

    async def begin_sync(self, subscription_id: str) -> int:
        """Draw the next sequence number of a subscription; call it before the fetch begins."""
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
        """Mark this fetch as applied; False if one that began later was applied before.

        Concurrent claims of the same subscription wait until this transaction ends.
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
        """Lock an account, so that its subscriptions are synced one at a time; False if it is deleted."""
        found = await self.session.scalar(
            select(User.id)
            .where(User.id == user_id, User.deleted_at.is_(None))
            .with_for_update(key_share=True)
        )
        return found is not None

    async def existing_user_ids(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Return the ids of those accounts that exist and are not being deleted."""
        rows = await self.session.scalars(
            select(User.id).where(User.id.in_(user_ids), User.deleted_at.is_(None))
        )
        return set(rows)

    async def deleted_user_ids(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Return the ids of those users that have a tombstone."""
        tombstones = {tombstone_of(user_id): user_id for user_id in user_ids}
        rows = await self.session.scalars(
            select(DeletedAccount.user_digest).where(DeletedAccount.user_digest.in_(tombstones))
        )
        return {tombstones[digest] for digest in rows}

    async def is_being_deleted(self, user_id: UUID, *, customer_id: str) -> bool:
        """Check for a deletion of this user and customer that Stripe has not confirmed yet."""
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
