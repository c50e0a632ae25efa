"""SQL about the daily quota: Postgres alone decides, in one atomic statement."""

from dataclasses import dataclass
from datetime import date
from typing import cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Executable,
    Integer,
    Table,
    Uuid,
    bindparam,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import DailyUsage

_TABLE = cast("Table", DailyUsage.__table__)


def _charging(condition: ColumnElement[bool] | None) -> Executable:
    """Counts one; built once, since it is run for every message."""
    one = insert(_TABLE).values(
        user_id=bindparam("whom", type_=Uuid),
        day=bindparam("on", type_=Date),
        used=1,
        input_tokens=0,
        output_tokens=0,
    )
    return one.on_conflict_do_update(
        index_elements=[DailyUsage.user_id, DailyUsage.day],
        set_={"used": DailyUsage.used + 1},
        where=condition,
    ).returning(DailyUsage.used)


_CHARGE = _charging(DailyUsage.used < bindparam("most", type_=Integer))
_CHARGE_UNLIMITED = _charging(None)


@dataclass(frozen=True, slots=True)
class UsageRepository:
    """What people used on a UTC day."""

    session: AsyncSession

    async def charge(self, *, user_id: UUID, day: date, limit: int | None) -> int | None:
        """Count one message and return the day's count; None when `limit` is reached already.

        The row stays locked until the transaction ends, so parallel charges queue up behind it.
        """
        if limit == 0:
            return None
        used: int | None = await self.session.scalar(
            _CHARGE_UNLIMITED if limit is None else _CHARGE,
            {"whom": user_id, "on": day} | ({} if limit is None else {"most": limit}),
        )
        return used

    async def refund(self, *, user_id: UUID, day: date) -> int | None:
        """Give one message back to the day it was charged on; returns that day's count."""
        return await self.session.scalar(
            update(DailyUsage)
            .where(DailyUsage.user_id == user_id, DailyUsage.day == day, DailyUsage.used > literal(0))
            .values(used=DailyUsage.used - 1)
            .returning(DailyUsage.used)
        )

    async def used(self, *, user_id: UUID, day: date) -> int:
        """The day's count."""
        found = await self.session.scalar(
            select(DailyUsage.used).where(DailyUsage.user_id == user_id, DailyUsage.day == day)
        )
        return found or 0

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
