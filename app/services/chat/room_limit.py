"""Limit on the rooms of a user by plan; exact under simultaneous requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.errors import AuthenticationRequired, ChatroomLimitReached
from app.kit.clock import Clock
from app.models import Plan
from app.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class RoomLimit:
    """Limits the number of rooms. Archived rooms count, deleted ones do not."""

    by_plan: Mapping[Plan, int]
    clock: Clock

    async def lock(self, tx: Transaction, user_id: UUID) -> Plan:
        """Lock the creation of rooms for this user until the transaction ends, and return the plan.

        Raises:
            AuthenticationRequired: the account has just been deleted.
        """
        is_pro = await tx.users.lock_plan(user_id, now=self.clock())
        if is_pro is None:
            raise AuthenticationRequired
        return Plan.of(is_pro=is_pro)

    async def require_space(self, tx: Transaction, user_id: UUID, plan: Plan) -> None:
        """Check that the user may create a room; requires the lock.

        Raises:
            ChatroomLimitReached: the plan allows no more rooms.
        """
        limit = self.by_plan[plan]
        # A separate statement after the lock sees the rooms of earlier holders of the lock.
        if await tx.chatrooms.count(user_id, limit=limit) >= limit:
            raise ChatroomLimitReached(limit=limit, can_upgrade=plan is Plan.BASIC)
