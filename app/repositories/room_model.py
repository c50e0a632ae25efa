"""SQL about rooms of an earlier version, which do not tell whether their user named a model."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Chatroom


@dataclass(frozen=True, slots=True)
class RoomModelRepository:
    """Reads and decides in batches by id, so that each lock is short."""

    session: AsyncSession

    async def batch_end(self, *, after: UUID, limit: int) -> UUID | None:
        """Return the last id of the next `limit` rooms; None if there are no more."""
        ids = select(Chatroom.id).where(Chatroom.id > after).order_by(Chatroom.id).limit(limit).subquery()
        return await self.session.scalar(select(ids.c.id).order_by(ids.c.id.desc()).limit(1))

    async def decide(self, *, after: UUID, through: UUID, default: str) -> None:
        """Let undecided rooms that have the default model follow it; the others name theirs.

        Rooms that are in use at the moment are left undecided.
        """
        undecided = (
            select(Chatroom.id)
            .where(Chatroom.id > after, Chatroom.id <= through, Chatroom.follows_default.is_(None))
            .with_for_update(skip_locked=True)
        )
        await self.session.execute(
            update(Chatroom)
            .where(Chatroom.id.in_(undecided))
            .values(follows_default=Chatroom.stored_model == default),
            execution_options={"synchronize_session": False},
        )

    async def has_undecided(self, *, after: UUID, through: UUID) -> bool:
        """Whether a room of this batch is undecided."""
        found = await self.session.scalar(
            select(Chatroom.id)
            .where(Chatroom.id > after, Chatroom.id <= through, Chatroom.follows_default.is_(None))
            .limit(1)
        )
        return found is not None
