"""Chatrooms: a person's conversations."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, new_id


class TitleSource(StrEnum):
    """Who gave a room its title; a person's is never replaced."""

    NONE = "none"
    FIRST_WORDS = "first_words"
    MODEL = "gemini"
    USER = "person"


class Chatroom(Base):
    """A room. `last_position` numbers its messages; whoever raises it holds the room's row lock."""

    __tablename__ = "chatrooms"
    __table_args__ = (
        # Carries the list of a person's rooms, newest activity first.
        Index("ix_chatrooms_list", "user_id", "archived", text("active_at DESC"), text("id DESC")),
        Index("ix_chatrooms_erase_at", "erase_at", postgresql_where=text("erase_at IS NOT NULL")),
        # Carries the export, which goes on while rooms become active.
        Index("ix_chatrooms_of_user", "user_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str | None]
    title_source: Mapped[TitleSource] = mapped_column(default=TitleSource.NONE)
    description: Mapped[str | None]
    system_instruction: Mapped[str | None]
    stored_model: Mapped[str] = mapped_column("model")
    """The model that the room names; the default of its time in a room that names none."""
    follows_default: Mapped[bool | None]
    """Whether the room names no model. None: of an earlier version, and a worker has yet to decide."""
    archived: Mapped[bool] = mapped_column(default=False)
    message_count: Mapped[int] = mapped_column(default=0)
    last_position: Mapped[int] = mapped_column(default=0)
    bytes_per_token: Mapped[float] = mapped_column(default=4.0)
    """Learned from Gemini's own counts in this room; what the context budget is estimated with."""
    # Read by workers only, with `undefer`: a list of rooms must not drag their summaries along.
    summary: Mapped[str | None] = mapped_column(deferred=True, deferred_raiseload=True)
    """What was said up to `summarized_through`, in the model's words, for the model."""
    summarized_through: Mapped[int] = mapped_column("summary_upto", default=0, server_default=text("0"))
    """The position of the last message that the summary covers."""
    last_message_at: Mapped[datetime | None]
    active_at: Mapped[datetime]
    """What the list is ordered by: the last message, or the making of the room."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    erase_at: Mapped[datetime | None]
    """Deleted: nobody sees the room any more, and a worker erases it when this is due."""

    @property
    def model(self) -> str | None:
        """The model that the room names; None when it follows the default."""
        return None if self.follows_default else self.stored_model

    def name_model(self, model: str | None, *, default: str) -> None:
        """Let the room name a model, or follow the default from now on."""
        self.stored_model, self.follows_default = model or default, model is None
