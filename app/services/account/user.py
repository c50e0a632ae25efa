"""Read and change the caller's own account."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.errors import AuthenticationRequired
from app.kit.clock import Clock
from app.models import User, plan_of
from app.schemas.user import UsageDay, UsageOut, UserOut
from app.services.usage.quota import DailyQuota
from app.unit_of_work import Transaction, UnitOfWork


@dataclass(frozen=True, slots=True)
class UserService:
    """Profile, name and usage of the caller."""

    uow: UnitOfWork
    quota: DailyQuota
    clock: Clock

    async def me(self, user_id: UUID) -> UserOut:
        """Return the caller's account with its current plan.

        Raises:
            AuthenticationRequired: the account was deleted concurrently.
        """
        async with self.uow.autocommit() as tx:
            account = await tx.users.account(user_id, now=self.clock())
        if account is None:
            raise AuthenticationRequired
        return UserOut.model_validate(account)

    async def rename(self, user_id: UUID, full_name: str | None) -> UserOut:
        """Change the caller's name; None clears it.

        Raises:
            AuthenticationRequired: the account was deleted concurrently.
        """
        async with self.uow.begin() as tx:
            return await self._to_schema(tx, await tx.users.rename(user_id, full_name))

    async def usage(self, user_id: UUID, *, days: int) -> UsageOut:
        """Return today's quota and the usage of the last `days` UTC days, newest first.

        Raises:
            AuthenticationRequired: the account was deleted concurrently.
        """
        async with self.uow.begin() as tx:
            quota = await self.quota.read(tx, user_id)
            today = quota.resets_at.date() - timedelta(days=1)
            rows = await tx.usage.days(user_id=user_id, first=today - timedelta(days=days - 1), last=today)
        used = {row.day: row for row in rows}
        every_day = [today - timedelta(days=back) for back in range(days)]
        return UsageOut(
            **quota.model_dump(),
            days=[UsageDay.of(used[day]) if day in used else UsageDay.empty(day) for day in every_day],
        )

    async def _to_schema(self, tx: Transaction, user: User | None) -> UserOut:
        if user is None:
            raise AuthenticationRequired
        subscription = await tx.subscriptions.current(user.id)
        return UserOut.of(user, plan_of(user, subscription, self.clock()))
