"""SQL about deleted accounts: a row of `deletions` names an account that a worker is still to erase."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update

from app.database import PooledConnection
from app.models import AccountDeletion, Chatroom, DailyUsage, DeletedAccount, Session, User
from app.repositories.billing import tombstone_of
from app.repositories.intervals import seconds
from app.repositories.sql import query

_CLAIM = query("claim_account_deletion", lease_seconds="float8")


@dataclass(frozen=True, slots=True)
class ClaimedDeletion:
    """A deletion under a lease of this process."""

    id: UUID
    user_id: UUID
    stripe_customer_id: str | None


@dataclass(frozen=True, slots=True)
class AccountDeletionRepository:
    """Account deletions, in the order of their steps; all times are the database's."""

    connection: PooledConnection

    async def lock_user(self, user_id: UUID) -> User | None:
        """Lock an open account until the transaction ends, against charges, sign-ins and changes."""
        return await self.connection.session.scalar(
            select(User).where(User.id == user_id, User.deleted_at.is_(None)).with_for_update()
        )

    async def signed_in_at(self, *, session_id: UUID, user_id: UUID) -> datetime | None:
        """Return when the session was opened; None if it has ended."""
        return await self.connection.session.scalar(
            select(Session.created_at).where(
                Session.id == session_id, Session.user_id == user_id, Session.ended_at.is_(None)
            )
        )

    async def schedule(self, user_id: UUID, *, customer_id: str | None, after_seconds: float) -> None:
        """Store the tombstone, and have the account and its customer at Stripe erased after the delay."""
        due_at = func.now() + seconds(after_seconds)
        self.connection.session.add(
            AccountDeletion(user_id=user_id, stripe_customer_id=customer_id, due_at=due_at)
        )
        self.connection.session.add(DeletedAccount(user_digest=tombstone_of(user_id), deleted_at=func.now()))
        await self.connection.session.flush()

    async def claim_due(self, *, lease_seconds: float) -> ClaimedDeletion | None:
        """Claim the deletion that has been due longest; it is due again after the lease."""
        row = await self.connection.fetch_row(_CLAIM, {"lease_seconds": lease_seconds})
        return None if row is None else ClaimedDeletion(*row)

    async def reschedule(self, deletion_id: UUID, *, after_seconds: float) -> None:
        """Make a deletion due after the delay."""
        await self.connection.session.execute(
            update(AccountDeletion)
            .where(AccountDeletion.id == deletion_id)
            .values(due_at=func.now() + seconds(after_seconds)),
            execution_options={"synchronize_session": False},
        )

    async def room_ids(self, user_id: UUID, *, limit: int) -> Sequence[UUID]:
        """Return up to `limit` rooms of the account."""
        rooms = await self.connection.session.scalars(
            select(Chatroom.id)
            .where(Chatroom.user_id == user_id)
            .order_by(Chatroom.user_id, Chatroom.id)
            .limit(limit)
        )
        return rooms.all()

    async def usage_days(self, user_id: UUID) -> Sequence[date]:
        """Return the days for which the account has a usage row."""
        days = await self.connection.session.scalars(
            select(DailyUsage.day).where(DailyUsage.user_id == user_id)
        )
        return days.all()

    async def erase_user(self, user_id: UUID) -> None:
        """Erase the account's row after its rooms; sessions, usage and subscriptions cascade."""
        await self.connection.session.execute(
            delete(User).where(User.id == user_id), execution_options={"synchronize_session": False}
        )

    async def finish(self, deletion_id: UUID) -> None:
        """Erase the deletion itself, after everything else."""
        await self.connection.session.execute(
            delete(AccountDeletion).where(AccountDeletion.id == deletion_id)
        )
