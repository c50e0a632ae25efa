"""Idempotency-Keys of create requests for rooms."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class ChatroomKey(Base):
    """A user's key, as a digest. It outlives its room, so a retry never recreates a deleted room."""

    __tablename__ = "chatroom_keys"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key_digest: Mapped[bytes] = mapped_column(primary_key=True)
    body_digest: Mapped[bytes]
    """Digest of the request body; distinguishes a retry from another request with the same key."""
    chatroom_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("chatrooms.id", ondelete="SET NULL"), index=True
    )
    """None once the room is erased."""
    created_at: Mapped[datetime]
