"""SQL that reads everything held about a person, in pages behind the last row of the page before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from app.models import Chatroom, Checkout, DailyUsage, Message, Session, Subscription

OwnRow = TypeVar("OwnRow", Session, Subscription, Checkout)


@dataclass(frozen=True, slots=True)
class ExportRepository:
    """A person's rows; `after` is where the page before ended."""

    session: AsyncSession

    async def rows(self, kind: type[OwnRow], user_id: UUID, *, after: UUID, limit: int) -> Sequence[OwnRow]:
        """Rows of a kind that names its owner, oldest first."""
        rows = await self.session.scalars(
            select(kind).where(kind.user_id == user_id, kind.id > after).order_by(kind.id).limit(limit)
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
            .where(Chatroom.user_id == user_id, Chatroom.erase_at.is_(None), Chatroom.id > after)
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
