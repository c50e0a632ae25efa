"""Daily usage of a user: counted messages, refunds and tokens, kept when rooms are deleted."""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class DailyUsage(Base):
    """A UTC day of a user. `used` counts against the daily limit; a refund lowers it."""

    __tablename__ = "daily_usage"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(default=0)
    refunds: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Refunded messages; limited on Basic."""
    input_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    output_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
