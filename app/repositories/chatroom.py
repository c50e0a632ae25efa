"""SQL about a user's chatrooms; every statement names the user as the owner."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Table, Uuid, and_, bindparam, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Chatroom

_ROOM = cast("Table", Chatroom.__table__)


def is_own_room(room: ColumnElement[UUID], owner: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether this is a room of this user, and not deleted."""
    return and_(_ROOM.c.id == room, _ROOM.c.user_id == owner, _ROOM.c.erase_at.is_(None))


# Bounds and order are those of ix_chatrooms_of_user, so that no plan reads other users' rooms.
_OWNER = bindparam("owner", type_=Uuid)
_COUNTED = (
    select(_ROOM.c.id)
    .where(
        tuple_(_ROOM.c.user_id, _ROOM.c.id) > tuple_(_OWNER, literal(UUID(int=0), Uuid)),
        _ROOM.c.user_id <= _OWNER,
        _ROOM.c.erase_at.is_(None),
    )
    .order_by(_ROOM.c.user_id, _ROOM.c.id)
    .limit(bindparam("limit", type_=Integer))
)
_COUNT = select(func.count()).select_from(_COUNTED.subquery())

_OWNED = select(Chatroom).where(is_own_room(bindparam("room", type_=Uuid), _OWNER))
_OWNED_LOCKED = _OWNED.with_for_update()


@dataclass(frozen=True, slots=True)
class ChatroomRepository:
    """Chatrooms of one user."""

    session: AsyncSession

    def add(self, room: Chatroom) -> None:
        """Store a new room."""
        self.session.add(room)

    async def count(self, user_id: UUID, *, limit: int) -> int:
        """Count the user's rooms without deleted ones; stop reading at `limit`."""
        counted: int | None = await self.session.scalar(_COUNT, {"owner": user_id, "limit": limit})
        return counted or 0

    async def get_owned(self, chatroom_id: UUID, user_id: UUID, *, lock: bool = False) -> Chatroom | None:
        """Return the user's own room; with `lock`, hold its row until the transaction ends."""
        return await self.session.scalar(
            _OWNED_LOCKED if lock else _OWNED, {"room": chatroom_id, "owner": user_id}
        )

    async def page(
        self, user_id: UUID, *, archived: bool, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[Chatroom]:
        """Return up to `limit` rooms by newest activity, after the room at `before`."""
        query = (
            select(Chatroom)
            .where(Chatroom.user_id == user_id, Chatroom.archived.is_(archived), Chatroom.erase_at.is_(None))
            .order_by(Chatroom.active_at.desc(), Chatroom.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(tuple_(Chatroom.active_at, Chatroom.id) < before)
        return list(await self.session.scalars(query))
