"""SQL about the Idempotency-Keys that rooms were opened with."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.models import ChatroomKey


@dataclass(frozen=True, slots=True)
class ChatroomKeyRepository:
    """Keys of a user."""

    session: AsyncSession

    async def get(self, user_id: UUID, key_digest: bytes) -> ChatroomKey | None:
        """Return the key with this digest, if the user has opened a room with it."""
        return await self.session.get(ChatroomKey, (user_id, key_digest))

    async def add(self, key: ChatroomKey) -> None:
        """Store a key with the room that was added before it."""
        await self.session.flush()  # the room's row goes first: the key's refers to it
        self.session.add(key)
