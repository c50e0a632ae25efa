"""Subscriptions as Stripe last reported them, and the rule that derives the plan from them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, overload
from uuid import UUID

from sqlalchemy import Column, ColumnElement, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from app.models.base import Base, new_id
from app.models.plan import Plan
from app.models.user import User


class VoidedPeriod(StrEnum):
    """The unpaid period, when a pause of collection at Stripe voids its invoice."""

    CURRENT = "current"
    """The paid period is over."""
    NEXT = "next"
    """The current period is paid; the paid time ends with it."""


class Subscription(Base):
    """A subscription as Stripe last reported it; the plan is computed when it is read, and never stored."""

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
    """Pro's product at Stripe, if an item was of it at a sync."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(default=func.now(), onupdate=func.now())

    def plan_at(self, now: datetime) -> Plan:
        """Return the plan that this subscription gives at `now`; see `gives_pro`."""
        return Plan.of(is_pro=gives_pro(self, now))

    def pro_until(self, now: datetime) -> datetime | None:
        """Return when Pro ends unless the user pays or resumes; None if it goes on, or on Basic."""
        if self.plan_at(now) is Plan.BASIC:
            return None
        if self.status == "past_due":
            return self.grace_until
        ends = self.cancel_at_period_end or self.voided_period is not None
        return self.current_period_end if ends else None


def plan_of(user: User, subscription: Subscription | None, now: datetime) -> Plan:
    """Return the plan of a user whose current subscription this is: Pro while either gives it."""
    return Plan.of(is_pro=is_paid_pro(subscription, now) or _granted_until(user, now) is not None)


def is_paid_pro(subscription: Subscription | None, now: datetime) -> bool:
    """Return whether a user whose current subscription this is needs no checkout."""
    return subscription is not None and gives_pro(subscription, now)


def pro_until(user: User, subscription: Subscription | None, now: datetime) -> datetime | None:
    """Return when Pro ends unless the user pays or resumes; None if it goes on, or on Basic."""
    granted = _granted_until(user, now)
    if subscription is None or not gives_pro(subscription, now):
        return granted
    paid = subscription.pro_until(now)
    return paid if paid is None or granted is None else max(paid, granted)


def _granted_until(user: User, now: datetime) -> datetime | None:
    return user.pro_until if user.pro_until is not None and user.pro_until > now else None


@overload
def gives_pro(row: Subscription, now: datetime) -> bool: ...
@overload
def gives_pro(
    row: ReadOnlyColumnCollection[str, Column[Any]], now: ColumnElement[datetime]
) -> ColumnElement[bool]: ...
def gives_pro(row: Any, now: Any) -> Any:  # a row or columns: see the overloads
    """Decide whether a subscription gives Pro at `now`; the only place that decides it.

    Pro while paid or in trial, and while past due until the grace ends; never in a period that is voided.

    The same expression yields a bool for a row, and a condition of SQL for the table's columns. The statement
    `user_plan` holds it as SQL text, which a test compares with this function.
    """
    is_paid = (row.status == "active") | (row.status == "trialing")
    is_in_grace = (row.status == "past_due") & _is_after(row.grace_until, now)
    is_running = _is_null(row.current_period_end) | _is_after(row.current_period_end, now)
    is_collected = _is_null(row.voided_period) | ((row.voided_period == VoidedPeriod.NEXT) & is_running)
    return (is_paid | is_in_grace) & is_collected


def _is_null(value: Any) -> Any:  # noqa: ANN401  # a value or a column
    return value.is_(None) if isinstance(value, ColumnElement) else value is None


def _is_after(time: Any, now: Any) -> Any:  # noqa: ANN401  # values or columns
    """Compare times; without a time false in Python, and NULL in SQL."""
    return time > now if isinstance(time, ColumnElement) else time is not None and time > now
