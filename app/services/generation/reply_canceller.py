"""Cancels all replies of a user or a room: waiting ones at once, running ones through their workers."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import ServiceUnavailable
from app.models import Message
from app.repositories.message import ReplyScope
from app.services.usage.quota import DailyQuota
from app.unit_of_work import Transaction, UnitOfWork

LISTENER_GRACE_SECONDS = 5.0
"""Time after its end by which every subscriber has read a reply's row, also without Redis."""

_TRIES = 5
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ReplyCanceller:
    """Cancels the unfinished replies of a deleted user or room."""

    uow: UnitOfWork
    quota: DailyQuota

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
