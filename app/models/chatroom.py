"""Chatrooms: the conversations of a user."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, new_id


class TitleSource(StrEnum):
    """Source of a room's title; one given by the user is never replaced."""

    NONE = "none"
    FIRST_WORDS = "first_words"
    MODEL = "gemini"
    USER = "person"


class Chatroom(Base):
    """A chatroom. `last_position` numbers its messages, and is raised under the lock of the row."""

    __tablename__ = "chatrooms"
    __table_args__ = (
        # For the list of a user's rooms, newest activity first.
        Index("ix_chatrooms_list", "user_id", "archived", text("active_at DESC"), text("id DESC")),
        Index("ix_chatrooms_erase_at", "erase_at", postgresql_where=text("erase_at IS NOT NULL")),
        # For the export, which pages by id while the order of activity changes.
        Index("ix_chatrooms_of_user", "user_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str | None]
    title_source: Mapped[TitleSource] = mapped_column(default=TitleSource.NONE)
    description: Mapped[str | None]
    system_instruction: Mapped[str | None]
    stored_model: Mapped[str] = mapped_column("model")
    """The model that the room names; if it names none, the default when it was created."""
    follows_default: Mapped[bool | None]
    """Whether the room names no model. None: created by an earlier version, not yet decided by a worker."""
    archived: Mapped[bool] = mapped_column(default=False)
    message_count: Mapped[int] = mapped_column(default=0)
    last_position: Mapped[int] = mapped_column(default=0)
    bytes_per_token: Mapped[float] = mapped_column(default=4.0)
    """UTF-8 bytes per token, learned from the model's counts in this room; estimates the context size."""
    # Read by workers and exports only: a list of rooms must not load summaries.
    summary: Mapped[str | None] = mapped_column(deferred=True, deferred_raiseload=True)
    """The model's summary of the messages through `summarized_through`, for the model."""
    summarized_through: Mapped[int] = mapped_column("summary_upto", default=0, server_default=text("0"))
    """Position of the last message that the summary covers."""
    last_message_at: Mapped[datetime | None]
    active_at: Mapped[datetime]
    """Order of the list: time of the last message, or of the room's creation."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    erase_at: Mapped[datetime | None]
    """Set when the room is deleted: it is hidden at once, and a worker erases it at this time."""

    @property
    def model(self) -> str | None:
        """The model that the room names; None when it follows the default."""
        return None if self.follows_default else self.stored_model

    def name_model(self, model: str | None, *, default: str) -> None:
        """Set the model that the room names; None makes it follow the default."""
        self.stored_model, self.follows_default = model or default, model is None
