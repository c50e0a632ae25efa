"""Cancels replies: waiting ones at once, running ones through their workers."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import ServiceUnavailable
from app.models import Message
from app.queue import wake_ups
from app.repositories.message import ReplyScope
from app.services.usage.quota import DailyQuota
from app.unit_of_work import Transaction, UnitOfWork

LISTENER_GRACE_SECONDS = 5.0
"""Time after its end by which every subscriber has read a reply's row, also without Redis."""

_TRIES = 5
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ReplyCanceller:
    """Cancels one reply, or the unfinished replies of a user or a room."""

    uow: UnitOfWork
    quota: DailyQuota

    async def cancel_one(self, tx: Transaction, reply: Message, *, request_id: str | None) -> Message | None:
        """Cancel a reply that waits, and wake the room's next one; return it.

        None if a worker holds it, which then cancels it, or if it has ended.
        """
        await tx.replies.request_cancel(reply.id)
        ended = await tx.replies.cancel_waiting(reply.id)
        if ended is not None:
            tx.reply_ended(ended)
            await self.quota.settle_cancelled(tx, [ended])
            following = await tx.replies.next_of_room(reply.chatroom_id)
            if following is not None:
                tx.enqueue(wake_ups.ProcessGeminiMessage(following.id, request_id))
        return ended

    async def cancel_unlocked(self, tx: Transaction, scope: ReplyScope) -> Sequence[Message]:
        """Cancel or request to cancel all replies whose rows are not locked; return those that ended.

        After the commit, call `cancel_all` for the others.
        """
        await tx.replies.request_all_cancels(scope)
        ended = await tx.replies.cancel_all_waiting(scope)
        for reply in ended:
            tx.reply_ended(reply)
        await self.quota.settle_cancelled(tx, ended)
        return ended

    async def cancel_all(self, scope: ReplyScope) -> None:
        """Cancel or request to cancel all replies, retrying those whose rows are locked.

        Never fails: the erasure cancels what is left.
        """
        with contextlib.suppress(ServiceUnavailable):
            for _ in range(_TRIES):
                async with self.uow.begin() as tx:
                    if not await tx.replies.has_unasked(scope):
                        return
                    await self.cancel_unlocked(tx, scope)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def all_settled(self, scope: ReplyScope) -> bool:
        """Cancel what is left; return whether all replies ended more than `LISTENER_GRACE_SECONDS` ago."""
        async with self.uow.begin() as tx:
            await self.cancel_unlocked(tx, scope)
            return await tx.replies.are_over(scope, for_seconds=LISTENER_GRACE_SECONDS)
