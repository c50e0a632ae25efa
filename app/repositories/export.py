"""SQL that reads everything stored about a user, in keyset pages.

Rooms and messages may be many. Only one index has the order of their queries, so that the planner always
reads a single page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Integer, Uuid, bindparam, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AuditEntry, Chatroom, Checkout, DailyUsage, Message, Session, Subscription
from app.repositories.page_bytes import DOWNLOAD_PAGE_BYTES, BoundedPage, BoundedQuery

OwnRow = TypeVar("OwnRow", Session, Subscription, Checkout, AuditEntry)

_OWNER, _ROOM = bindparam("owner", type_=Uuid), bindparam("room", type_=Uuid)
_LIMIT = bindparam("limit", type_=Integer)

_ROOMS = BoundedQuery.of(
    Chatroom,
    select(Chatroom)
    .where(
        tuple_(Chatroom.user_id, Chatroom.id) > tuple_(_OWNER, bindparam("after", type_=Uuid)),
        Chatroom.user_id <= _OWNER,
        Chatroom.erase_at.is_(None),
    )
    .order_by(Chatroom.user_id, Chatroom.id)
    .limit(_LIMIT),
    texts=(Chatroom.title, Chatroom.description, Chatroom.system_instruction, Chatroom.summary),
    order=Chatroom.id,
    max_bytes=DOWNLOAD_PAGE_BYTES,
    undeferred=(Chatroom.summary,),
)
_MESSAGES = BoundedQuery.of(
    Message,
    select(Message)
    .where(
        tuple_(Message.chatroom_id, Message.position) > tuple_(_ROOM, bindparam("after", type_=Integer)),
        Message.chatroom_id <= _ROOM,
        Message.user_id == _OWNER,
    )
    .order_by(Message.chatroom_id, Message.position)
    .limit(_LIMIT),
    texts=(Message.content,),
    order=Message.position,
    max_bytes=DOWNLOAD_PAGE_BYTES,
)


@dataclass(frozen=True, slots=True)
class ExportRepository:
    """A user's rows; `after` is the key of the previous page's last row."""

    session: AsyncSession

    async def rows(self, kind: type[OwnRow], user_id: UUID, *, after: UUID, limit: int) -> Sequence[OwnRow]:
        """Return rows of a table with an owner, oldest first."""
        rows = await self.session.scalars(
            select(kind).where(kind.user_id == user_id, kind.id > after).order_by(kind.id).limit(limit)
        )
        return rows.all()

    async def usage(self, user_id: UUID, *, after: date, limit: int) -> Sequence[DailyUsage]:
        """Return usage by day, oldest first."""
        rows = await self.session.scalars(
            select(DailyUsage)
            .where(DailyUsage.user_id == user_id, DailyUsage.day > after)
            .order_by(DailyUsage.day)
            .limit(limit)
        )
        return rows.all()

    async def chatrooms(self, user_id: UUID, *, after: UUID, limit: int) -> BoundedPage[Chatroom]:
        """Return rooms with their summaries, oldest first."""
        return await _ROOMS.run(self.session, {"owner": user_id, "after": after, "limit": limit})

    async def count_rooms(self, user_id: UUID, ids: Sequence[UUID]) -> int:
        """Count those of these rooms that are not deleted."""
        count = await self.session.scalar(
            select(func.count()).where(
                Chatroom.id.in_(ids), Chatroom.user_id == user_id, Chatroom.erase_at.is_(None)
            )
        )
        return count or 0

    async def messages(
        self, user_id: UUID, *, chatroom_id: UUID, after: int, limit: int
    ) -> BoundedPage[Message]:
        """Return messages of a room, oldest first."""
        values = {"owner": user_id, "room": chatroom_id, "after": after, "limit": limit}
        return await _MESSAGES.run(self.session, values)
