"""SQL about chatrooms; every statement that serves a person names them as the owner."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Chatroom


@dataclass(frozen=True, slots=True)
class ChatroomRepository:
    """A person's rooms."""

    session: AsyncSession

    def add(self, room: Chatroom) -> None:
        """Open a room."""
        self.session.add(room)

    async def get(self, chatroom_id: UUID) -> Chatroom | None:
        """The room of a reply that a worker holds; people's requests use `get_owned`."""
        return await self.session.get(Chatroom, chatroom_id)

    async def get_owned(self, chatroom_id: UUID, user_id: UUID, *, lock: bool = False) -> Chatroom | None:
        """The user's own room; with `lock`, held until the transaction ends, so its writers queue up."""
        query = select(Chatroom).where(Chatroom.id == chatroom_id, Chatroom.user_id == user_id)
        return await self.session.scalar(query.with_for_update() if lock else query)

    async def page(
        self, user_id: UUID, *, archived: bool, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[Chatroom]:
        """Up to `limit` rooms by newest activity, after the room at `before`."""
        query = (
            select(Chatroom)
            .where(Chatroom.user_id == user_id, Chatroom.archived.is_(archived))
            .order_by(Chatroom.active_at.desc(), Chatroom.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(tuple_(Chatroom.active_at, Chatroom.id) < before)
        return list(await self.session.scalars(query))

    async def learn_bytes_per_token(self, chatroom_id: UUID, rate: float) -> None:
        """Keep Gemini's own rate for this room's text."""
        await self.session.execute(
            update(Chatroom).where(Chatroom.id == chatroom_id).values(bytes_per_token=rate)
        )
