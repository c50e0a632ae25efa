"""SQL that reads everything held about a person, in pages behind the last row of the page before.

Of rooms and messages there may be many: they are asked for in an order that only one index has, so that
whatever the planner believes, a page is all that is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Integer, Uuid, bindparam, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Chatroom, Checkout, DailyUsage, Message, Session, Subscription
from app.repositories.page_bytes import DOWNLOAD_PAGE_BYTES, BoundedPage, BoundedQuery

OwnRow = TypeVar("OwnRow", Session, Subscription, Checkout)

_OWNER, _ROOM = bindparam("owner", type_=Uuid), bindparam("room", type_=Uuid)
_MOST = bindparam("most", type_=Integer)

_ROOMS = BoundedQuery.of(
    Chatroom,
    select(Chatroom)
    .where(
        tuple_(Chatroom.user_id, Chatroom.id) > tuple_(_OWNER, bindparam("after", type_=Uuid)),
        Chatroom.user_id <= _OWNER,
        Chatroom.erase_at.is_(None),
    )
    .order_by(Chatroom.user_id, Chatroom.id)
    .limit(_MOST),
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
    .limit(_MOST),
    texts=(Message.content,),
    order=Message.position,
    max_bytes=DOWNLOAD_PAGE_BYTES,
)


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

    async def chatrooms(self, user_id: UUID, *, after: UUID, limit: int) -> BoundedPage[Chatroom]:
        """Rooms with their summaries, oldest first."""
        return await _ROOMS.run(self.session, {"owner": user_id, "after": after, "most": limit})

    async def count_rooms(self, user_id: UUID, ids: Sequence[UUID]) -> int:
        """How many of these rooms are there."""
        count = await self.session.scalar(
            select(func.count()).where(
                Chatroom.id.in_(ids), Chatroom.user_id == user_id, Chatroom.erase_at.is_(None)
            )
        )
        return count or 0

    async def messages(
        self, user_id: UUID, *, chatroom_id: UUID, after: int, limit: int
    ) -> BoundedPage[Message]:
        """Messages of a room, oldest first."""
        values = {"owner": user_id, "room": chatroom_id, "after": after, "most": limit}
        return await _MESSAGES.run(self.session, values)
