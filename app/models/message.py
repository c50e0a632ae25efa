"""Messages: what people say and what the model answers. A pending reply's row is the queue."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, new_id


class Role(StrEnum):
    """Who speaks, in Gemini's own words."""

    USER = "user"
    MODEL = "model"


class MessageStatus(StrEnum):
    """pending → generating → completed | failed | cancelled | blocked; a person's message is completed."""

    PENDING = "pending"
    GENERATING = "generating"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"

    @property
    def is_final(self) -> bool:
        """Whether a reply in this state will never change again."""
        return self not in (MessageStatus.PENDING, MessageStatus.GENERATING)


# Written out, since PostgreSQL does not use a partial index for values that are bound later.
UNFINISHED = text("role = 'model' AND status IN ('pending', 'generating')")


class Message(Base):
    """A line of a conversation; `position` orders a room, not a clock.

    A reply (`role` model) also holds its work: who leases it until when, what was tried, what it cost.
    Lease and retry times come from the database's clock.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("chatroom_id", "position"),
        # One current reply per message, one message per key: what "exactly once" rests on.
        Index(
            "uq_messages_current_reply",
            "reply_to",
            unique=True,
            postgresql_where=text("reply_to IS NOT NULL AND NOT superseded"),
        ),
        Index(
            "uq_messages_idempotency_key",
            "user_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        # The queue: small, since finished replies are not in it.
        Index("ix_messages_unfinished", "created_at", postgresql_where=UNFINISHED),
        # Workers look here every second; it is nearly always empty.
        Index(
            "ix_messages_cancel_requested",
            "lease_token",
            postgresql_where=text("cancel_requested_at IS NOT NULL AND status = 'generating'"),
        ),
        Index("ix_messages_unfinished_of_room", "chatroom_id", "position", postgresql_where=UNFINISHED),
        CheckConstraint("(role = 'model') = (reply_to IS NOT NULL)", "replies_answer_something"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    chatroom_id: Mapped[UUID] = mapped_column(ForeignKey("chatrooms.id", ondelete="CASCADE"))
    user_id: Mapped[UUID]  # the room's owner; rows go with the room, which goes with the user
    position: Mapped[int]
    role: Mapped[Role]
    status: Mapped[MessageStatus]
    content: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]

    idempotency_key: Mapped[str | None]

    reply_to: Mapped[UUID | None]
    superseded: Mapped[bool] = mapped_column(default=False)
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    finish_reason: Mapped[str | None]
    model: Mapped[str | None]
    input_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    thinking_tokens: Mapped[int | None]
    time_to_first_token_ms: Mapped[int | None]
    duration_ms: Mapped[int | None]

    request_id: Mapped[str | None]
    charged_on: Mapped[date | None]
    attempt: Mapped[int] = mapped_column(default=0)
    retries: Mapped[int] = mapped_column(default=0)
    losses: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
