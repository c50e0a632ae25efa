"""SQL about the daily quota: Postgres alone decides, in one atomic statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    FromClause,
    Integer,
    LargeBinary,
    Table,
    Uuid,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningInsert

from app.models import CarriedUsage, DailyUsage, User
from app.repositories.subscription import is_pro

_TABLE = cast("Table", DailyUsage.__table__)
_USER = cast("Table", User.__table__)
_USER_ID = bindparam("user_id", type_=Uuid)
_DAY = bindparam("day", type_=Date)
_COLUMNS = ["user_id", "day", "used", "refunds", "input_tokens", "output_tokens"]


@dataclass(frozen=True, slots=True)
class UsageStatus:
    """What a person's limit of the day follows from."""

    is_pro: bool
    used: int


USAGE_STATUS = (
    select(
        is_pro(_USER.c.id, bindparam("now", type_=DateTime(timezone=True))), func.coalesce(_TABLE.c.used, 0)
    )
    .select_from(_USER)
    .outerjoin(_TABLE, (_TABLE.c.user_id == _USER.c.id) & (_TABLE.c.day == _DAY))
    .where(_USER.c.id == _USER_ID, _USER.c.deleted_at.is_(None))
)
"""Somebody's `UsageStatus` at a moment: no row if there is no such account."""


def charging(
    condition: ColumnElement[bool] | None, *, behind: FromClause | None = None
) -> ReturningInsert[int, UUID]:
    """Counts one for every row of `behind`, which has one at most, if the condition holds; to be built once.

    Whose account is being deleted is charged no more: the count that is carried over is the last one.
    """
    owner = (
        select(_USER.c.id, _DAY, literal(1), *(literal(0),) * 3)
        .select_from(_USER if behind is None else behind.join(_USER, true()))
        .where(_USER.c.id == _USER_ID, _USER.c.deleted_at.is_(None))
        .with_for_update(read=True, key_share=True, of=_USER)
    )
    one = insert(_TABLE).from_select(_COLUMNS, owner)
    return one.on_conflict_do_update(
        index_elements=[_TABLE.c.user_id, _TABLE.c.day],
        set_={"used": _TABLE.c.used + 1},
        where=condition,
    ).returning(_TABLE.c.used, _TABLE.c.user_id)


_CHARGE = charging(_TABLE.c.used < bindparam("limit", type_=Integer))
_CHARGE_UNLIMITED = charging(None)


@dataclass(frozen=True, slots=True)
class UsageRepository:
    """What people used on a UTC day."""

    session: AsyncSession

    async def status(self, *, user_id: UUID, now: datetime) -> UsageStatus | None:
        """The plan and the day's count as they are committed; None when there is no such account."""
        values = {"user_id": user_id, "now": now, "day": now.date()}
        row = (await self.session.execute(USAGE_STATUS, values)).one_or_none()
        return None if row is None else UsageStatus(*row)

    async def charge(self, *, user_id: UUID, day: date, limit: int | None) -> int | None:
        """Count one message and return the day's count.

        None when `limit` is reached already, or the account is deleted.

        The row stays locked until the transaction ends, so parallel charges queue up behind it.
        """
        if limit == 0:
            return None
        used: int | None = await self.session.scalar(
            _CHARGE_UNLIMITED if limit is None else _CHARGE,
            {"user_id": user_id, "day": day} | ({} if limit is None else {"limit": limit}),
        )
        return used

    async def refund(
        self, *, user_id: UUID, day: date, messages: int, max_refunds: int, now: datetime
    ) -> int | None:
        """Give messages back to the day they were charged on, on Basic `max_refunds` of them a day in all.

        Returns that day's count, None if nothing was given back. Of parallel refunds each sees the one
        before it: they queue up for the row.
        """
        left = case(
            (is_pro(_TABLE.c.user_id, literal(now, DateTime(timezone=True))), messages),
            else_=max_refunds - _TABLE.c.refunds,
        )
        given = func.least(messages, _TABLE.c.used, left, type_=Integer)
        used: int | None = await self.session.scalar(
            update(_TABLE)
            .where(_TABLE.c.user_id == user_id, _TABLE.c.day == day, given > literal(0))
            .values(used=_TABLE.c.used - given, refunds=_TABLE.c.refunds + given)
            .returning(_TABLE.c.used)
        )
        return used

    async def days(self, *, user_id: UUID, first: date, last: date) -> Sequence[DailyUsage]:
        """The days of this stretch, both ends included, on which something was used."""
        days = await self.session.scalars(
            select(DailyUsage).where(DailyUsage.user_id == user_id, DailyUsage.day.between(first, last))
        )
        return days.all()

    async def save_carryover(self, *, number_digest: bytes, user_id: UUID, day: date) -> None:
        """Keep the day's counts of an account that goes, for whoever signs up with its number."""
        count = select(
            literal(number_digest, LargeBinary), DailyUsage.day, DailyUsage.used, DailyUsage.refunds
        ).where(
            DailyUsage.user_id == user_id,
            DailyUsage.day == day,
            or_(DailyUsage.used > literal(0), DailyUsage.refunds > literal(0)),
        )
        carried = insert(CarriedUsage).from_select(["number_digest", "day", "used", "refunds"], count)
        await self.session.execute(
            carried.on_conflict_do_update(
                index_elements=[CarriedUsage.number_digest, CarriedUsage.day],
                set_={
                    name: func.greatest(CarriedUsage.__table__.c[name], carried.excluded[name])
                    for name in ("used", "refunds")
                },
            )
        )

    async def restore_carryover(self, *, number_digest: bytes, user_id: UUID, day: date) -> None:
        """Let a new account go on where the number's last one stood today."""
        count = select(
            literal(user_id, Uuid),
            CarriedUsage.day,
            CarriedUsage.used,
            CarriedUsage.refunds,
            literal(0),
            literal(0),
        ).where(CarriedUsage.number_digest == number_digest, CarriedUsage.day == day)
        await self.session.execute(insert(_TABLE).from_select(_COLUMNS, count).on_conflict_do_nothing())

    async def add_tokens(self, *, user_id: UUID, day: date, input_tokens: int, output_tokens: int) -> None:
        """Add what a reply cost to the day."""
        spent = insert(DailyUsage).values(
            user_id=user_id, day=day, used=0, input_tokens=input_tokens, output_tokens=output_tokens
        )
        await self.session.execute(
            spent.on_conflict_do_update(
                index_elements=[DailyUsage.user_id, DailyUsage.day],
                set_={
                    "input_tokens": DailyUsage.input_tokens + input_tokens,
                    "output_tokens": DailyUsage.output_tokens + output_tokens,
                },
            )
        )
