"""Messages: what people say and what the model answers. A pending reply's row is the queue."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, new_id


class Role(StrEnum):
    """The author of a message: a user or the model."""

    USER = "user"
    MODEL = "model"


class MessageStatus(StrEnum):
    """pending → generating → completed | failed | cancelled | blocked; a user's message is completed."""

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

_WORDS = (
    "CASE WHEN status NOT IN ('pending', 'generating') AND content <> ''"
    " THEN message_words(user_id, search_text(content)) END"
)
_SEARCHABLE = text("words IS NOT NULL")


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
        # Workers look here every second; it is nearly always empty.
        Index(
            "ix_messages_cancel_requested",
            "lease_token",
            postgresql_where=text("cancel_requested_at IS NOT NULL AND status = 'generating'"),
        ),
        # The queue: small, since finished replies are not in it. It has no other index: of two the planner
        # takes the wrong one as long as its statistics say that nothing waits.
        Index("ix_messages_unfinished_of_room", "chatroom_id", "position", postgresql_where=UNFINISHED),
        # Search: by words, however old; and the newest by themselves, since a word may be in all of them.
        # The list of what is not yet in the index is short: every search reads it, and somebody's message
        # has to wait while it is worked in.
        Index(
            "ix_messages_words",
            "words",
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 512},
            postgresql_where=_SEARCHABLE,
        ),
        Index("ix_messages_newest", "user_id", "id", postgresql_where=_SEARCHABLE),
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
    expired_leases: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """Of `losses` those in which a worker vanished; one that ends properly hands its replies back."""
    priority: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """Of two that wait the higher is claimed first: `reply_priority` of the plan when it was sent."""
    queued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """The database's own time; `created_at` is the application's, whose clock may be another."""
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    has_output: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether an attempt, this one or an earlier one, has generated text or output tokens."""
    uncounted_input_tokens: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    """Tokens of attempts that are not in the day's count yet, as the last renewal of the lease saved them."""
    uncounted_output_tokens: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))

    # What search finds it by, the owner among it; none while it is being written, which would cost a worker
    # with every renewal. No statement but the search's own is to carry it.
    search_vector: Mapped[str | None] = mapped_column(
        "words", TSVECTOR, Computed(_WORDS, persisted=True), deferred=True, deferred_raiseload=True
    )
    __mapper_args__ = {"eager_defaults": False}  # noqa: RUF012  # SQLAlchemy's; an INSERT is not to return it
