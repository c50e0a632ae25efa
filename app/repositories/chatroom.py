"""SQL about a user's chatrooms; every statement names the user as the owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Table, Uuid, and_, bindparam, func, literal, select, tuple_

from app.database import PooledConnection, Record
from app.models import Chatroom
from app.repositories.sql import query

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
_LIST = query(
    "list_rooms",
    user_id="uuid",
    archived="boolean",
    before_at="timestamptz",
    before_id="uuid",
    limit="integer",
)
_NEWEST: Final = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))
"""The position before which a first page starts."""


@dataclass(frozen=True, slots=True)
class ChatroomRepository:
    """Chatrooms of one user."""

    connection: PooledConnection

    def add(self, room: Chatroom) -> None:
        """Store a new room."""
        self.connection.session.add(room)

    async def count(self, user_id: UUID, *, limit: int) -> int:
        """Count the user's rooms without deleted ones; stop reading at `limit`."""
        counted: int | None = await self.connection.session.scalar(_COUNT, {"owner": user_id, "limit": limit})
        return counted or 0

    async def get_owned(self, chatroom_id: UUID, user_id: UUID, *, lock: bool = False) -> Chatroom | None:
        """Return the user's own room; with `lock`, hold its row until the transaction ends."""
        return await self.connection.session.scalar(
            _OWNED_LOCKED if lock else _OWNED, {"room": chatroom_id, "owner": user_id}
        )

    async def page(
        self, user_id: UUID, *, archived: bool, before: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[Record]:
        """Return up to `limit` rooms by newest activity, after the room at `before`."""
        before_at, before_id = before or _NEWEST
        values = {
            "user_id": user_id,
            "archived": archived,
            "before_at": before_at,
            "before_id": before_id,
            "limit": limit,
        }
        return await self.connection.fetch(_LIST, values)
