"""Stopping all replies of a person or of a room: those that wait end at once, workers end the others."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import ServiceUnavailable
from app.models import Message
from app.redis_client.reply_events import ReplyEvents
from app.repositories.message import ReplyScope
from app.services.usage.quota import DailyQuota
from app.unit_of_work import Transaction, UnitOfWork

SEEN_AFTER_SECONDS = 5.0
"""Listeners without Redis look at a reply about every three seconds, and are to see how it ended."""

_TRIES = 5
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ReplyStopper:
    """Ends replies whose person or room goes away."""

    uow: UnitOfWork
    quota: DailyQuota
    events: ReplyEvents

    async def stop_free(self, tx: Transaction, whose: ReplyScope) -> Sequence[Message]:
        """End or stop all that nobody has locked this very moment; returns those that ended.

        After the commit `tell` their listeners, and `stop` the others.
        """
        await tx.replies.request_all_cancels(whose)
        ended = await tx.replies.cancel_all_waiting(whose)
        await self.quota.settle_cancelled(tx, ended)
        return ended

    async def stop(self, whose: ReplyScope) -> None:
        """End or stop all of them, also those that a worker is just writing to, in a second look.

        Never fails: whoever erases the rows asks again.
        """
        with contextlib.suppress(ServiceUnavailable):
            for _ in range(_TRIES):
                async with self.uow.begin() as tx:
                    if not await tx.replies.has_unasked(whose):
                        return
                    ended = await self.stop_free(tx, whose)
                await self.tell(ended)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def is_over(self, whose: ReplyScope) -> bool:
        """Stop what is left; True when all ended so long ago that whoever listens has seen it in the rows."""
        async with self.uow.begin() as tx:
            ended = await self.stop_free(tx, whose)
            is_over = await tx.replies.are_over(whose, for_seconds=SEEN_AFTER_SECONDS)
        await self.tell(ended)
        return is_over

    async def tell(self, ended: Sequence[Message]) -> None:
        """Tell the listeners of these replies that they have ended."""
        for reply in ended:
            await self.events.end(reply.id, reply.attempt)
