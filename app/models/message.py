"""Messages of users and replies of the model. The rows of pending replies are the queue."""

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
        """Whether a reply in this state never changes again."""
        return self not in (MessageStatus.PENDING, MessageStatus.GENERATING)


# Literal values, since PostgreSQL does not use a partial index for values that are bound later.
UNFINISHED = text("role = 'model' AND status IN ('pending', 'generating')")

_WORDS = (
    "CASE WHEN status NOT IN ('pending', 'generating') AND content <> ''"
    " THEN message_words(user_id, search_text(content)) END"
)
_SEARCHABLE = text("words IS NOT NULL")


class Message(Base):
    """A message or a reply. `position` orders a room, not a clock.

    The row of a reply (`role` model) is also its job: lease, attempts, costs. Lease and retry times are those
    of the database's clock.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("chatroom_id", "position"),
        # One current reply per message, one exchange per key: these make "exactly once".
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
        # Workers read it every second; it is nearly always empty.
        Index(
            "ix_messages_cancel_requested",
            "lease_token",
            postgresql_where=text("cancel_requested_at IS NOT NULL AND status = 'generating'"),
        ),
        # The queue: small, since finished replies are not in it. There is only one index: of two, the planner
        # takes the wrong one while its statistics say that nothing is pending.
        Index("ix_messages_unfinished_of_room", "chatroom_id", "position", postgresql_where=UNFINISHED),
        # Search by words, of any age; and the newest messages apart, since a word may be in all messages. The
        # pending list is short: every search reads it, and one INSERT waits while it is merged.
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
    user_id: Mapped[UUID]  # the room's owner; deleted with the room, and the room with the user
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
    traceparent: Mapped[str | None]
    """Where a reply's request is in its trace; NULL without traces."""
    charged_on: Mapped[date | None]
    attempt: Mapped[int] = mapped_column(default=0)
    retries: Mapped[int] = mapped_column(default=0)
    worker_losses: Mapped[int] = mapped_column("losses", default=0)
    expired_leases: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """Those of `worker_losses` in which the worker died; a worker that shuts down releases its replies."""
    priority: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """The higher is claimed first: `reply_priority` of the plan when the message was sent."""
    queued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """The database's time; `created_at` is the application's, and the clocks may differ."""
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    """While a worker holds the reply: since when the attempt was due, if no lease ran out before it."""
    cancel_requested_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    has_output: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether any attempt has generated text or output tokens."""
    uncounted_input_tokens: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    """Tokens that are not in the day's count yet, as of the last lease renewal."""
    uncounted_output_tokens: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))

    # The words and the owner, for search. NULL until the reply has ended: each lease renewal would compute it
    # again. Only search statements may select it.
    search_vector: Mapped[str | None] = mapped_column(
        "words", TSVECTOR, Computed(_WORDS, persisted=True), deferred=True, deferred_raiseload=True
    )
    __mapper_args__ = {"eager_defaults": False}  # noqa: RUF012  # SQLAlchemy's name; an INSERT must not return it
