"""Claiming replies for a worker process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncSession

from app.repositories.claims import (
    CLAIM_DUE,
    CLAIM_NAMED,
    CLAIM_NEXT_OF_ROOM,
    CLAIM_SUSPECT,
    FIND_SUSPECT,
    ClaimedReply,
    ClaimLimits,
)


@dataclass(frozen=True, slots=True)
class ClaimRepository:
    """Replies as they are taken; a claim that is rolled back has taken nothing."""

    session: AsyncSession

    async def named(
        self, reply_ids: Sequence[UUID], limits: ClaimLimits, *, lease_seconds: float
    ) -> list[ClaimedReply]:
        """Claim those of these replies that are due and first of their rooms, with the newest exchanges."""
        values = {"ids": list(reply_ids), "lease_seconds": lease_seconds}
        return await self._claim(CLAIM_NAMED, values | limits.values())

    async def due(
        self, limits: ClaimLimits, *, lease_seconds: float, unclaimed_seconds: float
    ) -> list[ClaimedReply]:
        """Claim replies that are due, in the order of the queue.

        A new one counts as due once nobody has claimed it for `unclaimed_seconds`: its job may be under way.
        """
        values = {"lease_seconds": lease_seconds, "unclaimed_seconds": unclaimed_seconds}
        return await self._claim(CLAIM_DUE, values | limits.values())

    async def suspect(self, *, lease_seconds: float) -> ClaimedReply | None:
        """Claim a reply that may be what its workers died of; for a process that holds nothing else."""
        claimed = await self._claim(
            CLAIM_SUSPECT, {"lease_seconds": lease_seconds, "late_seconds": 0, "places": 1}
        )
        return claimed[0] if claimed else None

    async def has_suspect(self, *, lease_seconds: float, late_seconds: float) -> bool:
        """Whether such a reply has been due for so long."""
        values = {"lease_seconds": lease_seconds, "late_seconds": late_seconds}
        return await self.session.scalar(FIND_SUSPECT, values) is not None

    async def next_of_room(self, chatroom_id: UUID, *, lease_seconds: float) -> ClaimedReply | None:
        """Claim the reply that comes next in a room; call it after the one before it has ended."""
        values = {"room": chatroom_id, "lease_seconds": lease_seconds, "places": 1}
        claimed = await self._claim(CLAIM_NEXT_OF_ROOM, values)
        return claimed[0] if claimed else None

    async def _claim(self, claim: Executable, values: Mapping[str, object]) -> list[ClaimedReply]:
        return [ClaimedReply.of(row) for row in await self.session.execute(claim, values)]
