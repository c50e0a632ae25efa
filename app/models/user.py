"""Users, identified by their mobile number."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, new_id


class User(Base):
    """An account; a sign-in with a code sets `verified_at`."""

    __tablename__ = "users"
    __table_args__ = (Index("ix_users_unproved", "created_at", postgresql_where=text("verified_at IS NULL")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    mobile_number: Mapped[str] = mapped_column(unique=True)
    """E.164; a tombstone while the account is being erased, so that the number is free at once."""
    full_name: Mapped[str | None]
    password_hash: Mapped[str | None]
    verified_at: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    """From then on queries skip the user; a worker erases the rest."""
    banned_at: Mapped[datetime | None]
    """From then on every request of the user is refused; the audit log holds the reason."""
    pro_until: Mapped[datetime | None]
    """Until then the user is on Pro without a subscription: an operator granted it."""
    messages_per_day: Mapped[int | None]
    """The user's own daily limit on Basic, in place of `BASIC_MESSAGES_PER_DAY`."""
