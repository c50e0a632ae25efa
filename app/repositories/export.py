"""SQL that reads everything held about a person, in pages behind the last row of the page before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from app.models import Chatroom, Checkout, DailyUsage, Message, Session, Subscription


@dataclass(frozen=True, slots=True)
class ExportRepository:
    """A person's rows; `after` is where the page before ended."""

    session: AsyncSession

    async def sessions(self, user_id: UUID, *, after: UUID, limit: int) -> Sequence[Session]:
        """Sign-ins, oldest first."""
        rows = await self.session.scalars(
            select(Session)
            .where(Session.user_id == user_id, Session.id > after)
            .order_by(Session.id)
            .limit(limit)
        )
        return rows.all()

    async def subscriptions(self, user_id: UUID, *, after: UUID, limit: int) -> Sequence[Subscription]:
        """What Stripe said."""
        rows = await self.session.scalars(
            select(Subscription)
            .where(Subscription.user_id == user_id, Subscription.id > after)
            .order_by(Subscription.id)
            .limit(limit)
        )
        return rows.all()

    async def checkouts(self, user_id: UUID, *, after: UUID, limit: int) -> Sequence[Checkout]:
        """Wishes to buy, oldest first."""
        rows = await self.session.scalars(
            select(Checkout)
            .where(Checkout.user_id == user_id, Checkout.id > after)
            .order_by(Checkout.id)
            .limit(limit)
        )
        return rows.all()

    async def usage(self, user_id: UUID, *, after: date, limit: int) -> Sequence[DailyUsage]:
        """Days, oldest first."""
        rows = await self.session.scalars(
            select(DailyUsage)
            .where(DailyUsage.user_id == user_id, DailyUsage.day > after)
            .order_by(DailyUsage.day)
            .limit(limit)
        )
        return rows.all()

    async def chatrooms(self, user_id: UUID, *, after: UUID, limit: int) -> Sequence[Chatroom]:
        """Rooms with their summaries, oldest first."""
        rows = await self.session.scalars(
            select(Chatroom)
            .where(Chatroom.user_id == user_id, Chatroom.id > after)
            .order_by(Chatroom.id)
            .limit(limit)
            .options(undefer(Chatroom.summary))
        )
        return rows.all()

    async def messages(
        self, user_id: UUID, *, chatroom_id: UUID, after: int, limit: int
    ) -> Sequence[Message]:
        """Messages of a room, oldest first."""
        rows = await self.session.scalars(
            select(Message)
            .where(Message.chatroom_id == chatroom_id, Message.user_id == user_id, Message.position > after)
            .order_by(Message.position)
            .limit(limit)
        )
        return rows.all()
