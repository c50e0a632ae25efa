"""Erase deleted rooms in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from app.errors import ServiceUnavailable
from app.kit.leased_work import process_due
from app.redis_client.connection import RedisUnavailableError
from app.repositories.message import of_room
from app.services.chat.batch_erasure import LEASE_SECONDS, BatchErasure
from app.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RoomErasure:
    """Erases rooms that are hidden already."""

    uow: UnitOfWork
    batches: BatchErasure

    async def erase_due(self) -> None:
        """Erase every room that is due, until this process drains.

        A room whose erasure is interrupted, or needs Redis while it is unavailable, is due again after its
        lease.
        """
        try:
            await process_due(self._claim, self._erase, batch_size=1, is_stopping=self.batches.is_stopping)
        except (ServiceUnavailable, RedisUnavailableError) as error:
            log.warning("room_erasure_interrupted", error=type(error).__name__, reason=str(error))

    async def _claim(self, _limit: int) -> Sequence[UUID]:
        async with self.uow.begin() as tx:
            room_id = await tx.room_deletions.claim_due(lease_seconds=LEASE_SECONDS)
        return [] if room_id is None else [room_id]

    async def _erase(self, room_id: UUID) -> None:
        async def reschedule(seconds: float) -> None:
            async with self.uow.autocommit() as tx:
                await tx.room_deletions.schedule(room_id, after_seconds=seconds)

        async def erase_batch() -> bool:
            return await self.batches.erase_rooms([room_id])

        if await self.batches.run(of_room(room_id), reschedule=reschedule, erase_batch=erase_batch):
            log.info("room_erased", chatroom_id=str(room_id))
