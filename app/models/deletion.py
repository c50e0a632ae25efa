"""Deleted accounts: those that are to be erased, and anonymous traces of those that were."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, new_id


class AccountDeletion(Base):
    """An account that a worker is to erase; this row is deleted last."""

    __tablename__ = "deletions"
    __table_args__ = (Index(None, "due_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(unique=True)
    stripe_customer_id: Mapped[str | None]
    """Kept until Stripe has confirmed that the customer and the subscriptions are deleted."""
    due_at: Mapped[datetime]
    """By the database's clock: once no process caches its sessions as open; later after a failure."""


class DeletedAccount(Base):
    """A tombstone: proof that an account was deleted here, for subscriptions that appear later at Stripe."""

    __tablename__ = "deleted_accounts"

    user_digest: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256 of the account's id, to compare Stripe's metadata with; the id itself is erased."""
    deleted_at: Mapped[datetime]
    """By the database's clock."""


class CarriedUsage(Base):
    """A day's count of a deleted account, so that signing up again gives no second allowance."""

    __tablename__ = "carried_usage"

    number_digest: Mapped[bytes] = mapped_column(primary_key=True)
    """An HMAC of the mobile number, which cannot be reversed without the server's key."""
    day: Mapped[date] = mapped_column(primary_key=True)
    used: Mapped[int]
    refunds: Mapped[int] = mapped_column(default=0, server_default=text("0"))
