"""Billing: what ties a person to Stripe, and what came from there. No card and no address is kept."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, new_id

UNPROCESSED = text("processed_at IS NULL")


class StripeCustomer(Base):
    """A person's one customer at Stripe."""

    __tablename__ = "stripe_customers"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    customer_id: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class Checkout(Base):
    """The wish to buy Pro. Its id makes the key under which Stripe creates the session only once."""

    __tablename__ = "checkouts"
    __table_args__ = (
        # At most one open per person: what twenty parallel clicks meet.
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
    """Stripe's session, as soon as its answer has come."""
    session_url: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    """Paid, expired or replaced."""


class StripeEvent(Base):
    """An event that Stripe sent, stored once. Of its content only ids: the state itself is fetched anew."""

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
    """What came of it: `applied`, or why it was ignored."""
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    next_attempt_at: Mapped[datetime | None]
    """By the database's clock; set while somebody works on it, and after a failure."""


class SubscriptionSyncCursor(Base):
    """Who may write a subscription's state: only a fetch that began later than the one applied last."""

    __tablename__ = "subscription_syncs"

    subscription_id: Mapped[str] = mapped_column(primary_key=True)
    sync_seq: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    applied_seq: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    synced_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When the last fetch began, by the database's clock."""


class UnresolvedReason(StrEnum):
    """Why a live subscription was left alone."""

    UNKNOWN_USER = "unknown_user"
    """It sells Pro or names this installation, and its user is neither known nor provably deleted here."""
    OTHER_INSTALLATION = "other_installation"
    """It names another installation, and its user is not known here."""
    NOT_OURS = "not_ours"
    """It is at a customer of a user, and neither sells Pro nor carries metadata of ours."""


class UnresolvedSubscriptions(Base):
    """Live subscriptions that the last reconciliation left alone, counted by reason for operators."""

    __tablename__ = "unresolved_subscriptions"

    reason: Mapped[str] = mapped_column(primary_key=True)
    found: Mapped[int] = mapped_column(BigInteger)
