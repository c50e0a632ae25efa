"""SQL about the daily quota: Postgres alone decides, in one atomic statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Executable,
    Integer,
    LargeBinary,
    Table,
    Uuid,
    bindparam,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.models import CarriedUsage, DailyUsage, Subscription, User
from app.repositories.subscription import current_of

_TABLE = cast("Table", DailyUsage.__table__)
_COLUMNS = ["user_id", "day", "used", "input_tokens", "output_tokens"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person's limit of the day follows from."""

    subscription: Subscription | None
    used: int


_current = current_of(User.id).correlate(User).lateral("current_subscription")
_Current = aliased(Subscription, _current)
_STANDING = (
    select(_Current, func.coalesce(DailyUsage.used, 0))
    .select_from(User)
    .outerjoin(_current, true())
    .outerjoin(DailyUsage, (DailyUsage.user_id == User.id) & (DailyUsage.day == bindparam("on", type_=Date)))
    .where(User.id == bindparam("whom", type_=Uuid), User.deleted_at.is_(None))
)


def _charging(condition: ColumnElement[bool] | None) -> Executable:
    """Counts one; built once, since it is run for every message.

    Whose account is being deleted is charged no more: the count that is carried over is the last one.
    """
    whom = select(User.id, bindparam("on", type_=Date), literal(1), literal(0), literal(0)).where(
        User.id == bindparam("whom", type_=Uuid), User.deleted_at.is_(None)
    )
    one = insert(_TABLE).from_select(_COLUMNS, whom.with_for_update(read=True, key_share=True))
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

    async def standing(self, *, user_id: UUID, day: date) -> Standing | None:
        """The subscription that counts and the day's committed count; None when there is no such account."""
        row = (await self.session.execute(_STANDING, {"whom": user_id, "on": day})).one_or_none()
        return None if row is None else Standing(subscription=row[0], used=row[1])

    async def charge(self, *, user_id: UUID, day: date, limit: int | None) -> int | None:
        """Count one message and return the day's count.

        None when `limit` is reached already, or the account is deleted.

        The row stays locked until the transaction ends, so parallel charges queue up behind it.
        """
        if limit == 0:
            return None
        used: int | None = await self.session.scalar(
            _CHARGE_UNLIMITED if limit is None else _CHARGE,
            {"whom": user_id, "on": day} | ({} if limit is None else {"most": limit}),
        )
        return used

    async def refund(self, *, user_id: UUID, day: date, messages: int = 1) -> int | None:
        """Give messages back to the day they were charged on; returns that day's count."""
        return await self.session.scalar(
            update(DailyUsage)
            .where(DailyUsage.user_id == user_id, DailyUsage.day == day, DailyUsage.used >= messages)
            .values(used=DailyUsage.used - messages)
            .returning(DailyUsage.used)
        )

    async def days(self, *, user_id: UUID, first: date, last: date) -> Sequence[DailyUsage]:
        """The days of this stretch, both ends included, on which something was used."""
        days = await self.session.scalars(
            select(DailyUsage).where(DailyUsage.user_id == user_id, DailyUsage.day.between(first, last))
        )
        return days.all()

    async def carry_over(self, *, number_digest: bytes, user_id: UUID, day: date) -> None:
        """Keep the day's count of an account that goes, for whoever signs up with its number."""
        count = select(literal(number_digest, LargeBinary), DailyUsage.day, DailyUsage.used).where(
            DailyUsage.user_id == user_id, DailyUsage.day == day, DailyUsage.used > literal(0)
        )
        carried = insert(CarriedUsage).from_select(["number_digest", "day", "used"], count)
        await self.session.execute(
            carried.on_conflict_do_update(
                index_elements=[CarriedUsage.number_digest, CarriedUsage.day],
                set_={"used": func.greatest(CarriedUsage.used, carried.excluded.used)},
            )
        )

    async def take_over(self, *, number_digest: bytes, user_id: UUID, day: date) -> None:
        """Let a new account go on where the number's last one stood today."""
        count = select(
            literal(user_id, Uuid), CarriedUsage.day, CarriedUsage.used, literal(0), literal(0)
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
