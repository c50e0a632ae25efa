"""SQL about the daily quota: Postgres alone decides, in one atomic statement."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import DailyUsage


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
        one = insert(DailyUsage).values(user_id=user_id, day=day, used=1, input_tokens=0, output_tokens=0)
        return await self.session.scalar(
            one.on_conflict_do_update(
                index_elements=[DailyUsage.user_id, DailyUsage.day],
                set_={"used": DailyUsage.used + 1},
                where=None if limit is None else DailyUsage.used < limit,
            ).returning(DailyUsage.used)
        )

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
