"""SQL about deleted rooms: `erase_at` hides a room at once and holds the time of its erasure."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, cast, column, delete, func, literal, select, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Chatroom, Message, Role
from app.repositories.intervals import seconds


@dataclass(frozen=True, slots=True)
class RoomDeletionRepository:
    """Room deletions, in the order of their steps; all times are the database's."""

    session: AsyncSession

    async def schedule(self, chatroom_id: UUID, *, after_seconds: float) -> None:
        """Hide a room from the commit on, and make its erasure due after the delay."""
        await self.session.execute(
            update(Chatroom)
            .where(Chatroom.id == chatroom_id)
            .values(erase_at=func.now() + seconds(after_seconds)),
            execution_options={"synchronize_session": False},
        )

    async def claim_due(self, *, lease_seconds: float) -> UUID | None:
        """Claim the deleted room that has been due longest; it is due again after the lease."""
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

    async def messages(self, room_ids: Sequence[UUID], *, limit: int) -> dict[UUID, Role]:
        """Return up to `limit` messages of these rooms by id, and read no more of a long room than that."""
        ids = func.unnest(cast(list(room_ids), ARRAY(Uuid)))
        rooms = ids.table_valued(column("room", Uuid)).render_derived(name="rooms")
        first = (
            select(Message.id, Message.role)
            .where(
                tuple_(Message.chatroom_id, Message.position) > tuple_(rooms.c.room, literal(0)),
                Message.chatroom_id <= rooms.c.room,
            )
            .order_by(Message.chatroom_id, Message.position)
            .limit(limit)
            .lateral("first")
        )
        found = await self.session.execute(
            select(first.c.id, first.c.role).select_from(rooms.join(first, true())).limit(limit)
        )
        return {row[0]: row[1] for row in found}

    async def erase_messages(self, message_ids: Sequence[UUID]) -> None:
        """Erase these messages."""
        await self.session.execute(
            delete(Message).where(Message.id.in_(message_ids)),
            execution_options={"synchronize_session": False},
        )

    async def erase_rooms(self, room_ids: Sequence[UUID]) -> None:
        """Erase these rooms, which have no messages left."""
        await self.session.execute(
            delete(Chatroom).where(Chatroom.id.in_(room_ids)),
            execution_options={"synchronize_session": False},
        )
