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
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Subscription, gives_pro

LIVE = ("active", "trialing", "past_due", "unpaid", "paused")
"""The states in which a subscription may still cost money; a user has at most one such subscription."""

_TABLE = cast("Table", Subscription.__table__)
_gives_pro = gives_pro(_TABLE.c, func.now())
_RANK = case(
    (and_(_gives_pro, _TABLE.c.status != "past_due"), 0),
    (_gives_pro, 1),
    (_TABLE.c.status.in_(LIVE), 2),
    else_=3,
)
"""Order of a user's subscriptions: Pro and paid, Pro in grace, other live ones, ended ones."""


def current_of(owner: ColumnExpressionArgument[UUID]) -> Select[Subscription]:
    """Select the subscription that decides the user's plan: the best by rank, then the newest."""
    return (
        select(Subscription)
        .where(Subscription.user_id == owner)
        .order_by(_RANK, Subscription.created_at.desc(), Subscription.id.desc())
        .limit(1)
    )


def is_pro(owner: ColumnElement[UUID], now: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Build the condition that a subscription of this user gives Pro at `now`."""
    return exists().where(_TABLE.c.user_id == owner, gives_pro(_TABLE.c, now))


_CURRENT = current_of(bindparam("user_id", type_=Uuid))


@dataclass(frozen=True, slots=True)
class SubscriptionRepository:
    """Subscriptions as Stripe last reported them."""

    session: AsyncSession

    async def current(self, user_id: UUID) -> Subscription | None:
        """Return the subscription that decides the user's plan."""
        return await self.session.scalar(_CURRENT, {"user_id": user_id})

    async def find(self, stripe_ids: Sequence[str]) -> dict[str, Subscription]:
        """Return the stored subscriptions among these, by Stripe's id."""
        found = await self.session.scalars(
            select(Subscription).where(Subscription.stripe_subscription_id.in_(stripe_ids))
        )
        return {row.stripe_subscription_id: row for row in found}

    async def live_of(self, user_id: UUID) -> Sequence[Subscription]:
        """Return the user's live subscriptions; the first is kept: the best by rank, then the oldest."""
        rows = await self.session.scalars(
            select(Subscription)
            .where(Subscription.user_id == user_id, Subscription.status.in_(LIVE))
            .order_by(_RANK, Subscription.created_at, Subscription.stripe_subscription_id)
        )
        return rows.all()

    async def of_user(self, user_id: UUID) -> set[str]:
        """Return Stripe's ids of all stored subscriptions of a user."""
        ids = await self.session.scalars(
            select(Subscription.stripe_subscription_id).where(Subscription.user_id == user_id)
        )
        return set(ids)

    def add(self, row: Subscription) -> None:
        """Store a new subscription."""
        self.session.add(row)

    async def remove(self, row: Subscription) -> None:
        """Delete a subscription that is not ours."""
        await self.session.delete(row)

    async def live_after(self, stripe_id: str, *, limit: int) -> Sequence[Subscription]:
        """Return a page of live subscriptions, ordered by Stripe's id, after this one."""
        rows = await self.session.scalars(
            select(Subscription)
            .where(Subscription.stripe_subscription_id > stripe_id, Subscription.status.in_(LIVE))
            .order_by(Subscription.stripe_subscription_id)
            .limit(limit)
        )
        return rows.all()

    async def of_users_with_several(self) -> Sequence[str]:
        """Return Stripe's id of one live subscription of each user with several."""
        ids = await self.session.scalars(
            select(func.min(Subscription.stripe_subscription_id))
            .where(Subscription.status.in_(LIVE))
            .group_by(Subscription.user_id)
            .having(func.count() > 1)
        )
        return ids.all()
