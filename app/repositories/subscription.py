"""SQL about subscriptions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ColumnExpressionArgument,
    Select,
    Table,
    Uuid,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import StripeCustomer, Subscription, VoidedPeriod

PAID = ("active", "trialing")
LIVE = (*PAID, "past_due", "unpaid", "paused")
"""The states in which a subscription may still cost money; of these a person has one."""

_TABLE = cast("Table", Subscription.__table__)


def _is_unvoided(now: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether the period at that moment is paid, as far as a pause of collection tells."""
    end = _TABLE.c.current_period_end
    lasts = and_(_TABLE.c.voided_period == VoidedPeriod.NEXT, or_(end.is_(None), end > now))
    return or_(_TABLE.c.voided_period.is_(None), lasts)


def _is_in_grace(now: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a payment is overdue at that moment and the grace has not ended."""
    return and_(_TABLE.c.status == "past_due", _TABLE.c.grace_until > now)


_IS_PAID = or_(*(_TABLE.c.status == status for status in PAID))
_RANK = case(
    (and_(_IS_PAID, _is_unvoided(func.now())), 0),
    (and_(_is_in_grace(func.now()), _is_unvoided(func.now())), 1),
    (Subscription.status.in_(LIVE), 2),
    else_=3,
)
"""The best subscription of a person first: by the rule of `Subscription.plan_at`, then what is not over."""


def current_of(owner: ColumnExpressionArgument[UUID]) -> Select[Subscription]:
    """The subscription that decides this user's plan: the best one, of several the newest."""
    return (
        select(Subscription)
        .where(Subscription.user_id == owner)
        .order_by(_RANK, Subscription.created_at.desc(), Subscription.id.desc())
        .limit(1)
    )


def is_pro(owner: ColumnElement[UUID], now: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether this user is on Pro at that moment; the same rule as `Subscription.plan_at`."""
    return exists().where(
        _TABLE.c.user_id == owner,
        _is_unvoided(now),
        or_(_IS_PAID, _is_in_grace(now)),
    )


_CURRENT = current_of(bindparam("whom", type_=Uuid))


@dataclass(frozen=True, slots=True)
class SubscriptionRepository:
    """What Stripe last said about people."""

    session: AsyncSession

    async def current(self, user_id: UUID) -> Subscription | None:
        """The subscription that decides the user's plan."""
        return await self.session.scalar(_CURRENT, {"whom": user_id})

    async def find(self, stripe_ids: Sequence[str]) -> dict[str, Subscription]:
        """What is stored of these, by Stripe's id."""
        found = await self.session.scalars(
            select(Subscription).where(Subscription.stripe_subscription_id.in_(stripe_ids))
        )
        return {row.stripe_subscription_id: row for row in found}

    async def live_of(self, user_id: UUID) -> Sequence[Subscription]:
        """The user's live subscriptions, the one to keep first: what is paid, then what began first."""
        rows = await self.session.scalars(
            select(Subscription)
            .where(Subscription.user_id == user_id, Subscription.status.in_(LIVE))
            .order_by(_RANK, Subscription.created_at, Subscription.stripe_subscription_id)
        )
        return rows.all()

    async def of_user(self, user_id: UUID) -> set[str]:
        """Stripe's ids of all that is stored of a user's subscriptions."""
        ids = await self.session.scalars(
            select(Subscription.stripe_subscription_id).where(Subscription.user_id == user_id)
        )
        return set(ids)

    def add(self, row: Subscription) -> None:
        """Store a subscription that was not known."""
        self.session.add(row)

    async def remove(self, row: Subscription) -> None:
        """Forget a subscription that is not ours."""
        await self.session.delete(row)

    async def of_customer(self, customer_id: str) -> Sequence[str]:
        """Stripe's ids of all subscriptions of the person behind a customer of ours."""
        ids = await self.session.scalars(
            select(Subscription.stripe_subscription_id)
            .join(StripeCustomer, StripeCustomer.user_id == Subscription.user_id)
            .where(StripeCustomer.customer_id == customer_id)
        )
        return ids.all()

    async def live_after(self, stripe_id: str, *, limit: int) -> Sequence[Subscription]:
        """Live subscriptions in the order of Stripe's ids, behind this one."""
        rows = await self.session.scalars(
            select(Subscription)
            .where(Subscription.stripe_subscription_id > stripe_id, Subscription.status.in_(LIVE))
            .order_by(Subscription.stripe_subscription_id)
            .limit(limit)
        )
        return rows.all()

    async def of_users_with_several(self) -> Sequence[str]:
        """Return Stripe's id of one live subscription of each user who has several."""
        ids = await self.session.scalars(
            select(func.min(Subscription.stripe_subscription_id))
            .where(Subscription.status.in_(LIVE))
            .group_by(Subscription.user_id)
            .having(func.count() > 1)
        )
        return ids.all()
