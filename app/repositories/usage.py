"""SQL about a user's UTC days: counted messages, refunds, tokens, and the carryover of a deleted account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self
from uuid import UUID

from sqlalchemy import select

from app.database import PooledConnection, Record
from app.models import DailyUsage, Plan
from app.repositories.sql import query

_READ = query("user_plan", "read_usage", user_id="uuid", now="timestamptz", day="date")
_CHARGE = query("charge_message", user_id="uuid", day="date", limit="integer")
_REFUND = query(
    "user_plan",
    "refund_messages",
    user_id="uuid",
    now="timestamptz",
    day="date",
    messages="integer",
    max_refunds="integer",
    refunds_per_message="integer",
)
_ADD_TOKENS = query("add_tokens", user_id="uuid", day="date", input_tokens="bigint", output_tokens="bigint")
_SAVE_CARRYOVER = query("save_carryover", number_digest="bytea", user_id="uuid", day="date")
_RESTORE_CARRYOVER = query("restore_carryover", number_digest="bytea", user_id="uuid", day="date")


@dataclass(frozen=True, slots=True)
class UsageStatus:
    """A user's plan and count of the day."""

    plan: Plan
    used: int
    own_limit: int | None = None
    """The user's own daily limit on Basic."""
    is_banned: bool = False

    @classmethod
    def of(cls, row: Record) -> Self:
        """Read a row of a statement that begins with `user_plan`."""
        return cls(Plan.of(is_pro=row["is_pro"]), row["used"], row["own_limit"], row["is_banned"])


@dataclass(frozen=True, slots=True)
class UsageRepository:
    """Counts of a user's UTC days."""

    connection: PooledConnection

    async def status(self, *, user_id: UUID, now: datetime) -> UsageStatus | None:
        """Read the plan and the day's count, without a lock; None if the account is deleted."""
        values = {"user_id": user_id, "now": now, "day": now.date()}
        row = await self.connection.fetch_row(_READ, values)
        return None if row is None else UsageStatus.of(row)

    async def charge(self, *, user_id: UUID, day: date, limit: int | None) -> int | None:
        """Count one message and return the day's count.

        None if `limit` is reached, or the account is deleted or banned.

        The day's row stays locked until the transaction ends.
        """
        row = await self.connection.fetch_row(_CHARGE, {"user_id": user_id, "day": day, "limit": limit})
        return None if row is None else int(row["used"])

    async def refund(
        self,
        *,
        user_id: UUID,
        day: date,
        messages: int,
        max_refunds: int | None,
        refunds_per_message: int,
        now: datetime,
    ) -> int | None:
        """Take messages off the day's count and return that count; None if nothing was refunded.

        On Basic a day refunds at most `max_refunds` messages, or `refunds_per_message` times the user's own
        limit. The day's row stays locked until the
        transaction ends.
        """
        values = {
            "user_id": user_id,
            "now": now,
            "day": day,
            "messages": messages,
            "max_refunds": max_refunds,
            "refunds_per_message": refunds_per_message,
        }
        row = await self.connection.fetch_row(_REFUND, values)
        return None if row is None else int(row["used"])

    async def days(self, *, user_id: UUID, first: date, last: date) -> Sequence[DailyUsage]:
        """Return the days from `first` to `last`, both included, that have a row."""
        days = await self.connection.session.scalars(
            select(DailyUsage).where(DailyUsage.user_id == user_id, DailyUsage.day.between(first, last))
        )
        return days.all()

    async def add_tokens(self, *, user_id: UUID, day: date, input_tokens: int, output_tokens: int) -> None:
        """Add the tokens of an attempt to the day."""
        values = {
            "user_id": user_id,
            "day": day,
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
        }
        await self.connection.fetch(_ADD_TOKENS, values)

    async def save_carryover(self, *, number_digest: bytes, user_id: UUID, day: date) -> None:
        """Copy the day's counts of an account to its number."""
        values = {"number_digest": number_digest, "user_id": user_id, "day": day}
        await self.connection.fetch(_SAVE_CARRYOVER, values)

    async def restore_carryover(self, *, number_digest: bytes, user_id: UUID, day: date) -> None:
        """Begin a new account's day with the counts of its number, if a deleted account left any."""
        values = {"number_digest": number_digest, "user_id": user_id, "day": day}
        await self.connection.fetch(_RESTORE_CARRYOVER, values)
