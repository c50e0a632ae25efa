"""Idempotency-Keys that rooms were opened with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class ChatroomKey(Base):
    """A key of a user, as a digest. It outlives its room: a retry never makes a deleted room again."""

    __tablename__ = "chatroom_keys"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key_digest: Mapped[bytes] = mapped_column(primary_key=True)
    body_digest: Mapped[bytes]
    """Digest of the request's body, which tells a retry from another request with the same key."""
    chatroom_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("chatrooms.id", ondelete="SET NULL"), index=True
    )
    """None once the room is erased."""
    created_at: Mapped[datetime]
