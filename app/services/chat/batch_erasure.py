"""The steps that erasing a room and erasing an account share. Each may run twice."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.models import Role
from app.redis_client.account_keys import AccountKeys
from app.repositories.message import ReplyScope
from app.services.generation.reply_canceller import ReplyCanceller
from app.unit_of_work import UnitOfWork

LEASE_SECONDS: Final = 15.0
"""How long a claimed deletion is left to its worker; every batch renews it."""
_REPLIES_STOP_SECONDS = 2.0
_MESSAGES_PER_BATCH = 1000


@dataclass(frozen=True, slots=True)
class BatchErasure:
    """Erases what a worker has claimed, in batches that keep transactions short."""

    uow: UnitOfWork
    canceller: ReplyCanceller
    keys: AccountKeys
    is_stopping: Callable[[], bool]

    async def run(
        self,
        replies: ReplyScope,
        *,
        reschedule: Callable[[float], Awaitable[None]],
        erase_batch: Callable[[], Awaitable[bool]],
    ) -> bool:
        """Wait for the replies to end, then erase batch by batch, renewing the lease before each.

        Args:
            replies: The replies of the room or the account.
            reschedule: Makes the deletion due after so many seconds.
            erase_batch: Erases one batch; True once nothing is left.

        Returns:
            Whether everything is erased. If not, replies are still being written or the process drains, and
            the deletion is due again.
        """
        if not await self.canceller.all_settled(replies):
            await reschedule(_REPLIES_STOP_SECONDS)
            return False
        while not self.is_stopping():
            await reschedule(LEASE_SECONDS)
            if await erase_batch():
                return True
        return False

    async def erase_rooms(self, room_ids: Sequence[UUID]) -> bool:
        """Erase a batch of messages of these rooms, or the rooms if they have none left; True for the latter.

        Keys in Redis go first: they are found by the rows.

        Raises:
            RedisUnavailableError: the keys of this batch may still be in Redis; its rows are not erased.
        """
        async with self.uow.autocommit() as tx:
            messages = await tx.room_deletions.messages(room_ids, limit=_MESSAGES_PER_BATCH)
        await self.keys.erase_streams([id_ for id_, role in messages.items() if role is Role.MODEL])
        async with self.uow.begin() as tx:
            if messages:
                await tx.room_deletions.erase_messages(list(messages))
            else:
                await tx.room_deletions.erase_rooms(room_ids)
        return not messages
