"""People's own accounts."""

from dataclasses import dataclass
from uuid import UUID

from app.errors import AuthenticationRequired
from app.models import plan_of
from app.schemas.user import UserOut
from app.services.clock import Clock
from app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class UserService:
    """Accounts as their owners see them."""

    uow: UnitOfWork
    clock: Clock

    async def me(self, user_id: UUID) -> UserOut:
        """The caller's account, with the plan it is on now."""
        async with self.uow.begin() as tx:
            user = await tx.users.get(user_id)
            subscription = await tx.subscriptions.current(user_id)
        if user is None:  # deleted a moment ago
            raise AuthenticationRequired
        return UserOut.of(user, plan_of(subscription, self.clock()))
