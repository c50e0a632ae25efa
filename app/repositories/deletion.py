"""SQL about accounts and rooms on their way out: marked at once, erased by workers piece by piece."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, cast, column, delete, func, literal, select, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import (
    Chatroom,
    DailyUsage,
    DeletedAccount,
    Deletion,
    Message,
    Role,
    Session,
    StripeCustomer,
    User,
)
from app.repositories.billing import tombstone_of
from app.repositories.intervals import seconds


@dataclass(frozen=True, slots=True)
class DeletionRepository:
    """Deletions; their times are the database's own."""

    session: AsyncSession

    async def lock_account(self, user_id: UUID) -> User | None:
        """The account, held until the transaction ends: nobody charges, signs in or renames meanwhile."""
        return await self.session.scalar(
            select(User).where(User.id == user_id, User.deleted_at.is_(None)).with_for_update()
        )

    async def signed_in_at(self, *, session_id: UUID, user_id: UUID) -> datetime | None:
        """When the session was opened; None when it has ended."""
        return await self.session.scalar(
            select(Session.created_at).where(
                Session.id == session_id, Session.user_id == user_id, Session.ended_at.is_(None)
            )
        )

    async def add(self, user_id: UUID, *, after_seconds: float) -> None:
        """Leave a tombstone, and have an account erased in so many seconds, then its customer at Stripe."""
        customer_id = await self.session.scalar(
            select(StripeCustomer.customer_id).where(StripeCustomer.user_id == user_id)
        )
        due_at = func.now() + seconds(after_seconds)
        self.session.add(Deletion(user_id=user_id, stripe_customer_id=customer_id, due_at=due_at))
        self.session.add(DeletedAccount(user_digest=tombstone_of(user_id), deleted_at=func.now()))
        await self.session.flush()

    async def claim_due(self, *, lease_seconds: float) -> Deletion | None:
        """Take the deletion that is due the longest; after so many seconds it is due again."""
        due = (
            select(Deletion.id)
            .where(Deletion.due_at <= func.now())
            .order_by(Deletion.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        return await self.session.scalar(
            update(Deletion)
            .where(Deletion.id == due)
            .values(due_at=func.now() + seconds(lease_seconds))
            .returning(Deletion),
            execution_options={"synchronize_session": False},
        )

    async def postpone(self, deletion_id: UUID, *, seconds_from_now: float) -> None:
        """Let a deletion be due in so many seconds."""
        await self.session.execute(
            update(Deletion)
            .where(Deletion.id == deletion_id)
            .values(due_at=func.now() + seconds(seconds_from_now)),
            execution_options={"synchronize_session": False},
        )

    async def remove(self, deletion_id: UUID) -> None:
        """Nothing is left to do."""
        await self.session.execute(delete(Deletion).where(Deletion.id == deletion_id))

    async def claim_due_room(self, *, lease_seconds: float) -> UUID | None:
        """Take the deleted room that is due the longest; after so many seconds it is due again."""
        due = (
            select(Chatroom.id)
            .where(Chatroom.erase_at <= func.now())
            .order_by(Chatroom.erase_at)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        return await self.session.scalar(
            update(Chatroom)
            .where(Chatroom.id == due)
            .values(erase_at=func.now() + seconds(lease_seconds))
            .returning(Chatroom.id),
            execution_options={"synchronize_session": False},
        )

    async def erase_room_in(self, chatroom_id: UUID, *, seconds_from_now: float) -> None:
        """Have a room erased in so many seconds; from the commit on nobody sees it."""
        await self.session.execute(
            update(Chatroom)
            .where(Chatroom.id == chatroom_id)
            .values(erase_at=func.now() + seconds(seconds_from_now)),
            execution_options={"synchronize_session": False},
        )

    async def rooms(self, user_id: UUID, *, limit: int) -> Sequence[UUID]:
        """Some rooms of an account."""
        rooms = await self.session.scalars(
            select(Chatroom.id)
            .where(Chatroom.user_id == user_id)
            .order_by(Chatroom.user_id, Chatroom.id)
            .limit(limit)
        )
        return rooms.all()

    async def messages(self, rooms: Sequence[UUID], *, limit: int) -> dict[UUID, Role]:
        """Some messages of these rooms, and who said them; of a long room no more is read than that."""
        ids = func.unnest(cast(list(rooms), ARRAY(Uuid)))
        taken = ids.table_valued(column("room", Uuid)).render_derived(name="taken")
        first = (
            select(Message.id, Message.role)
            .where(
                tuple_(Message.chatroom_id, Message.position) > tuple_(taken.c.room, literal(0)),
                Message.chatroom_id <= taken.c.room,
            )
            .order_by(Message.chatroom_id, Message.position)
            .limit(limit)
            .lateral("first")
        )
        found = await self.session.execute(
            select(first.c.id, first.c.role).select_from(taken.join(first, true())).limit(limit)
        )
        return {row[0]: row[1] for row in found}

    async def erase_messages(self, message_ids: Sequence[UUID]) -> None:
        """Erase these messages."""
        await self.session.execute(
            delete(Message).where(Message.id.in_(message_ids)),
            execution_options={"synchronize_session": False},
        )

    async def erase_rooms(self, rooms: Sequence[UUID]) -> None:
        """Erase these rooms."""
        await self.session.execute(
            delete(Chatroom).where(Chatroom.id.in_(rooms)), execution_options={"synchronize_session": False}
        )

    async def usage_days(self, user_id: UUID) -> Sequence[date]:
        """The days on which an account used something."""
        days = await self.session.scalars(select(DailyUsage.day).where(DailyUsage.user_id == user_id))
        return days.all()

    async def erase_account(self, user_id: UUID) -> None:
        """Erase an account whose rooms are gone; sessions, days and subscriptions hang on it and go along."""
        await self.session.execute(
            delete(User).where(User.id == user_id), execution_options={"synchronize_session": False}
        )
