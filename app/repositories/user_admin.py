"""SQL about users for operators: found by number or id, counted, and locked for a change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Text, func, literal, select

from app.database import PooledConnection
from app.models import Chatroom, Message, Session, User
from app.security import CLOCK_LEEWAY


class Holdings(NamedTuple):
    """Counts of the rows that a user has."""

    open_sessions: int
    chatrooms: int
    messages: int


@dataclass(frozen=True, slots=True)
class UserAdminRepository:
    """Users as operators see and change them; deleted accounts are not found."""

    connection: PooledConnection

    async def id_of(self, forms: Sequence[str]) -> UUID | None:
        """Return the id of the account of a number in one of these forms, the best first."""
        numbers = literal(list(forms), ARRAY(Text))
        return await self.connection.session.scalar(
            select(User.id)
            .where(User.mobile_number == func.any(numbers), User.deleted_at.is_(None))
            .order_by(func.array_position(numbers, User.mobile_number))
            .limit(1)
        )

    async def lock(self, user_id: UUID) -> User | None:
        """Lock the account until the transaction ends, against charges, sign-ins and other changes."""
        return await self.connection.session.scalar(
            select(User).where(User.id == user_id, User.deleted_at.is_(None)).with_for_update()
        )

    async def holdings(self, user_id: UUID, *, now: datetime) -> Holdings:
        """Count the user's open sessions, rooms and messages."""
        sessions = select(func.count()).where(
            Session.user_id == user_id,
            Session.ended_at.is_(None),
            Session.refresh_expires_at > now - CLOCK_LEEWAY,
        )
        rooms = select(func.count(), func.coalesce(func.sum(Chatroom.message_count), 0)).where(
            Chatroom.user_id == user_id, Chatroom.erase_at.is_(None)
        )
        open_sessions = await self.connection.session.scalar(sessions)
        chatrooms, messages = (await self.connection.session.execute(rooms)).one()
        return Holdings(open_sessions or 0, chatrooms, messages)

    async def message(self, message_id: UUID) -> Message | None:
        """Return a message with its text, unless its room or its user is deleted."""
        return await self.connection.session.scalar(
            select(Message)
            .join(Chatroom, Chatroom.id == Message.chatroom_id)
            .join(User, User.id == Chatroom.user_id)
            .where(Message.id == message_id, Chatroom.erase_at.is_(None), User.deleted_at.is_(None))
        )
