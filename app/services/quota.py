"""The daily quota: Postgres decides, in the transaction that stores the message."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.errors import DailyLimitReached
from app.models import Message, Plan, plan_of
from app.schemas.quota import Quota
from app.services.clock import Clock, next_midnight
from app.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class DailyQuota:
    """Basic's messages of a UTC day; Pro is counted, never limited."""

    basic_limit: int
    clock: Clock

    async def charge(self, tx: Transaction, user_id: UUID) -> tuple[date, Quota]:
        """Count one message in this transaction; returns the day it is charged to.

        Raises:
            DailyLimitReached: the plan, as it is now, allows no more today.
        """
        now = self.clock()
        limit = await self._limit(tx, user_id, now)
        used = await tx.usage.charge(user_id=user_id, day=now.date(), limit=limit)
        if used is None:
            raise self._refusal(await tx.usage.used(user_id=user_id, day=now.date()), now)
        tx.usage_changed(user_id=user_id, day=now.date(), used=used)
        return now.date(), self._quota(limit, used, now)

    async def refund(self, tx: Transaction, reply: Message) -> None:
        """Give back what a reply was charged; the statement that ended it makes sure this happens once."""
        if reply.charged_on is None:
            return
        used = await tx.usage.refund(user_id=reply.user_id, day=reply.charged_on)
        if used is not None:
            tx.usage_changed(user_id=reply.user_id, day=reply.charged_on, used=used, refunded=True)

    async def read(self, tx: Transaction, user_id: UUID) -> Quota:
        """Today's count, without changing it."""
        now = self.clock()
        limit = await self._limit(tx, user_id, now)
        return self._quota(limit, await tx.usage.used(user_id=user_id, day=now.date()), now)

    async def _limit(self, tx: Transaction, user_id: UUID, now: datetime) -> int | None:
        subscription = await tx.subscriptions.current(user_id)
        plan = plan_of(subscription, now)
        return None if plan is Plan.PRO else self.basic_limit

    def _quota(self, limit: int | None, used: int, now: datetime) -> Quota:
        remaining = None if limit is None else max(limit - used, 0)
        return Quota(limit=limit, used=used, remaining=remaining, resets_at=next_midnight(now))

    def _refusal(self, used: int, now: datetime) -> DailyLimitReached:
        resets_at = next_midnight(now)
        return DailyLimitReached(
            limit=self.basic_limit,
            used=used,
            resets_at=resets_at,
            retry_after=max(int((resets_at - now).total_seconds()), 1),
        )
