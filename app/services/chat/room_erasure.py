"""Erases deleted rooms, piece by piece; whatever interrupts it, the next look goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from app.errors import ServiceUnavailable
from app.models import Role
from app.redis_client.account_keys import AccountKeys
from app.redis_client.connection import RedisUnavailableError
from app.repositories.message import of_room
from app.services.generation.stopping import ReplyStopper
from app.unit_of_work import UnitOfWork

_LEASE_SECONDS = 15.0
_REPLIES_STOP_SECONDS = 2.0
_MESSAGES_AT_ONCE = 1000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RoomErasure:
    """What a worker does about rooms that are out of sight. Every step may be done twice."""

    uow: UnitOfWork
    stopper: ReplyStopper
    keys: AccountKeys
    is_stopping: Callable[[], bool]

    async def erase_due(self) -> None:
        """Erase every room that is due; ends early when this process is to end.

        A room whose erasure is interrupted, or cannot go on without Redis, is due again soon.
        """
        while not self.is_stopping():
            try:
                async with self.uow.begin() as tx:
                    room_id = await tx.account_deletions.claim_due_room(lease_seconds=_LEASE_SECONDS)
                if room_id is None:
                    return
                await self._erase(room_id)
            except (ServiceUnavailable, RedisUnavailableError) as error:
                log.warning("room_erasure_interrupted", error=type(error).__name__)
                return

    async def _erase(self, room_id: UUID) -> None:
        if not await self.stopper.is_over(of_room(room_id)):
            await self._reschedule(room_id, seconds=_REPLIES_STOP_SECONDS)
            return
        while not self.is_stopping():
            if await self.erase_some([room_id]):
                log.info("room_erased", chatroom_id=str(room_id))
                return
            await self._reschedule(room_id, seconds=_LEASE_SECONDS)

    async def _reschedule(self, room_id: UUID, *, seconds: float) -> None:
        async with self.uow.autocommit() as tx:
            await tx.account_deletions.erase_room_in(room_id, seconds_from_now=seconds)

    async def erase_some(self, rooms: Sequence[UUID]) -> bool:
        """Erase a batch of messages of these rooms, or the rooms when empty; True when they are gone.

        What Redis holds goes first: the rows know its keys.

        Raises:
            RedisUnavailableError: Redis could not be told.
        """
        async with self.uow.autocommit() as tx:
            messages = await tx.account_deletions.messages(rooms, limit=_MESSAGES_AT_ONCE)
        await self.keys.erase_streams([id_ for id_, role in messages.items() if role is Role.MODEL])
        async with self.uow.begin() as tx:
            if messages:
                await tx.account_deletions.erase_messages(list(messages))
            else:
                await tx.account_deletions.erase_rooms(rooms)
        return not messages
