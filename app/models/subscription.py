"""Subscriptions: what Stripe last said, and the plan that follows from it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, new_id


class Plan(StrEnum):
    """The tiers."""

    BASIC = "basic"
    PRO = "pro"


class VoidedPeriod(StrEnum):
    """Which period is not paid, because a pause of collection at Stripe voids its invoice."""

    CURRENT = "current"
    """The paid period is over."""
    NEXT = "next"
    """The current period is paid; the paid time ends with it."""


class Subscription(Base):
    """Stripe's subscription as last seen; the plan is computed on reading, never stored."""

    __tablename__ = "subscriptions"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    stripe_subscription_id: Mapped[str] = mapped_column(unique=True)
    stripe_customer_id: Mapped[str | None]
    status: Mapped[str]
    current_period_start: Mapped[datetime | None]
    current_period_end: Mapped[datetime | None]
    cancel_at_period_end: Mapped[bool] = mapped_column(default=False)
    grace_until: Mapped[datetime | None]
    voided_period: Mapped[str | None]
    """See `VoidedPeriod`."""
    product_id: Mapped[str | None]
    """Pro's product at Stripe when an item was last seen to be of it."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(default=func.now(), onupdate=func.now())

    def plan_at(self, now: datetime) -> Plan:
        """Pro while paid or trying, and while past due until the grace ends; not in a voided period."""
        if self._is_voided_at(now):
            return Plan.BASIC
        if self.status in ("active", "trialing"):
            return Plan.PRO
        if self.status == "past_due" and self.grace_until is not None and now < self.grace_until:
            return Plan.PRO
        return Plan.BASIC

    def pro_until(self, now: datetime) -> datetime | None:
        """Return when Pro ends unless something is paid or resumed; None if it goes on, or on Basic."""
        if self.plan_at(now) is Plan.BASIC:
            return None
        if self.status == "past_due":
            return self.grace_until
        ends = self.cancel_at_period_end or self.voided_period is not None
        return self.current_period_end if ends else None

    def _is_voided_at(self, now: datetime) -> bool:
        if self.voided_period is None:
            return False
        is_paid = self.voided_period == VoidedPeriod.NEXT
        return not is_paid or (self.current_period_end is not None and self.current_period_end <= now)


def plan_of(subscription: Subscription | None, now: datetime) -> Plan:
    """The plan of somebody whose newest subscription this is; Basic without one."""
    return subscription.plan_at(now) if subscription else Plan.BASIC
