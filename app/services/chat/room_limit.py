"""Rooms of a user: at most so many by plan, exact also when many are opened at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.errors import AuthenticationRequired, ChatroomLimitReached
from app.kit.clock import Clock
from app.models import Plan
from app.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class RoomLimit:
    """Bounds what a user stores. Archived rooms count, deleted ones do not."""

    by_plan: Mapping[Plan, int]
    clock: Clock

    async def lock(self, tx: Transaction, user_id: UUID) -> Plan:
        """Let the user open no other room until the transaction ends; return the plan.

        Raises:
            AuthenticationRequired: the account was deleted a moment ago.
        """
        is_pro = await tx.users.lock_plan(user_id, now=self.clock())
        if is_pro is None:
            raise AuthenticationRequired
        return Plan.of(is_pro=is_pro)

    async def require_space(self, tx: Transaction, user_id: UUID, plan: Plan) -> None:
        """Refuse a room too many; call it behind the lock.

        Raises:
            ChatroomLimitReached: the plan allows no more rooms.
        """
        limit = self.by_plan[plan]
        # A statement of its own, behind the lock: it sees the rooms of whoever held the lock before.
        if await tx.chatrooms.count(user_id, limit=limit) >= limit:
            raise ChatroomLimitReached(limit=limit, can_upgrade=plan is Plan.BASIC)
