"""Sessions: one sign-in on one device. The row decides whether its tokens are valid."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, new_id


class Session(Base):
    """A signed-in device."""

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    """Tokens name it. A new password gives the session a new id, which ends all earlier tokens."""
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    auth_method: Mapped[str] = mapped_column("opened_by")
    """A `SignInMethod`: a password reset allows a new password for a while. Later releases may add others."""
    refresh_hash: Mapped[bytes]
    """SHA-256 of the current refresh token; earlier releases recognise it by that."""
    refresh_count: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """The number of the current refresh token: how often the session was refreshed."""
    chain_hash: Mapped[bytes | None]
    """SHA-256 of the last token of the chained form, once a signed one has replaced it."""
    chain_count: Mapped[int | None]
    """The number of that token."""
    user_agent: Mapped[str | None]
    device_name: Mapped[str | None]
    """The name that the user gave the device at the sign-in."""
    ip_address: Mapped[str | None]
    """Of the sign-in."""
    created_at: Mapped[datetime]
    """The time of the sign-in; neither a refresh nor a new password changes it."""
    last_used_at: Mapped[datetime]
    last_used_ip: Mapped[str | None]
    """None means the address of the sign-in."""
    refresh_expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    @property
    def used_from(self) -> str | None:
        """Return the address of the last use."""
        return self.last_used_ip or self.ip_address
