"""SQL about rooms of an earlier version, which do not record whether the user named a model."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Chatroom


@dataclass(frozen=True, slots=True)
class RoomModelRepository:
    """Reads and updates rooms in batches by id, so that locks are short."""

    session: AsyncSession

    async def batch_end(self, *, after: UUID, limit: int) -> UUID | None:
        """Return the last id of the next `limit` rooms; None if there are none."""
        ids = select(Chatroom.id).where(Chatroom.id > after).order_by(Chatroom.id).limit(limit).subquery()
        return await self.session.scalar(select(ids.c.id).order_by(ids.c.id.desc()).limit(1))

    async def decide(self, *, after: UUID, through: UUID, default: str) -> None:
        """Make undecided rooms with the default model follow it, and the others name theirs.

        Rooms that another transaction has locked stay undecided.
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
        """Whether any room of this batch is undecided."""
        found = await self.session.scalar(
            select(Chatroom.id)
            .where(Chatroom.id > after, Chatroom.id <= through, Chatroom.follows_default.is_(None))
            .limit(1)
        )
        return found is not None
