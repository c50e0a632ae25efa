"""SQL about the Idempotency-Keys of create requests for rooms."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.models import ChatroomKey


@dataclass(frozen=True, slots=True)
class ChatroomKeyRepository:
    """Idempotency-Keys of users."""

    session: AsyncSession

    async def get(self, user_id: UUID, key_digest: bytes) -> ChatroomKey | None:
        """Return the user's key with this digest, if it has created a room."""
        return await self.session.get(ChatroomKey, (user_id, key_digest))

    async def add(self, key: ChatroomKey) -> None:
        """Store a key and the room added before it."""
        await self.session.flush()  # inserts the room first: the key references it
        self.session.add(key)
