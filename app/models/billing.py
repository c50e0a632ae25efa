"""Billing: users' customers and checkouts at Stripe, and its events. No card or address is stored."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, new_id

UNPROCESSED = text("processed_at IS NULL")


class StripeCustomer(Base):
    """A user's customer at Stripe."""

    __tablename__ = "stripe_customers"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    customer_id: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class Checkout(Base):
    """A checkout for Pro. Its id is the idempotency key under which Stripe creates the session."""

    __tablename__ = "checkouts"
    __table_args__ = (
        # At most one open checkout per user, also under concurrent requests.
        Index(
            "uq_checkouts_open_of_user", "user_id", unique=True, postgresql_where=text("closed_at IS NULL")
        ),
        Index(None, "user_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    success_url: Mapped[str]
    cancel_url: Mapped[str]
    checkout_session_id: Mapped[str | None] = mapped_column("session_id", unique=True)
    """The id of Stripe's session, once it is created."""
    session_url: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    """When it was paid, expired or replaced."""


class StripeEvent(Base):
    """An event from Stripe, stored once. Only ids are kept of it: processing fetches the state."""

    __tablename__ = "stripe_events"
    __table_args__ = (Index("ix_stripe_events_unprocessed", "received_at", postgresql_where=UNPROCESSED),)

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    livemode: Mapped[bool]
    api_version: Mapped[str | None]
    subscription_id: Mapped[str | None]
    customer_id: Mapped[str | None]
    checkout_session_id: Mapped[str | None] = mapped_column("session_id")
    created_at: Mapped[datetime]
    """Stripe's time."""
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    """The outcome of its processing, or why it was ignored."""
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    next_attempt_at: Mapped[datetime | None]
    """The end of its lease, or of the pause after a failure, by the database's clock."""


class SubscriptionSyncCursor(Base):
    """Orders the fetches of a subscription: only one that began after the last applied is applied."""

    __tablename__ = "subscription_syncs"

    subscription_id: Mapped[str] = mapped_column(primary_key=True)
    sync_seq: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """The sequence number of the last fetch that began."""
    applied_seq: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """The sequence number of the last fetch that was stored."""
    synced_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When the last fetch began, by the database's clock."""


class UnresolvedReason(StrEnum):
    """Why a live subscription was not changed."""

    UNKNOWN_USER = "unknown_user"
    """It sells Pro or names this installation; its user does not exist, and was not deleted here."""
    OTHER_INSTALLATION = "other_installation"
    """It names another installation, and its user does not exist here."""
    NOT_OURS = "not_ours"
    """It belongs to a user's customer, but neither sells Pro nor carries our metadata."""


class UnresolvedSubscriptions(Base):
    """Live subscriptions that the last reconciliation did not change, counted by reason."""

    __tablename__ = "unresolved_subscriptions"

    reason: Mapped[str] = mapped_column(primary_key=True)
    found: Mapped[int] = mapped_column(BigInteger)
