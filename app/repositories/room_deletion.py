"""SQL about deleted rooms: `erase_at` hides a room at once and holds the time of its erasure."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, update

from app.database import PooledConnection
from app.models import Chatroom, Message, Role
from app.repositories.intervals import seconds
from app.repositories.sql import query

_CLAIM = query("claim_room_deletion", lease_seconds="float8")
_MESSAGES = query("messages_of_rooms", room_ids="uuid[]", limit="integer")


@dataclass(frozen=True, slots=True)
class RoomDeletionRepository:
    """Room deletions, in the order of their steps; all times are the database's."""

    connection: PooledConnection

    async def schedule(self, chatroom_id: UUID, *, after_seconds: float) -> None:
        """Hide a room from the commit on, and make its erasure due after the delay."""
        await self.connection.session.execute(
            update(Chatroom)
            .where(Chatroom.id == chatroom_id)
            .values(erase_at=func.now() + seconds(after_seconds)),
            execution_options={"synchronize_session": False},
        )

    async def claim_due(self, *, lease_seconds: float) -> UUID | None:
        """Claim the deleted room that has been due longest; it is due again after the lease."""
        row = await self.connection.fetch_row(_CLAIM, {"lease_seconds": lease_seconds})
        claimed: UUID | None = None if row is None else row["id"]
        return claimed

    async def messages(self, room_ids: Sequence[UUID], *, limit: int) -> dict[UUID, Role]:
        """Return up to `limit` messages of these rooms by id, and read no more of a long room than that."""
        found = await self.connection.fetch(_MESSAGES, {"room_ids": list(room_ids), "limit": limit})
        return {row["id"]: Role(row["role"]) for row in found}

    async def erase_messages(self, message_ids: Sequence[UUID]) -> None:
        """Erase these messages."""
        await self.connection.session.execute(
            delete(Message).where(Message.id.in_(message_ids)),
            execution_options={"synchronize_session": False},
        )

    async def erase_rooms(self, room_ids: Sequence[UUID]) -> None:
        """Erase these rooms, which have no messages left."""
        await self.connection.session.execute(
            delete(Chatroom).where(Chatroom.id.in_(room_ids)),
            execution_options={"synchronize_session": False},
        )
