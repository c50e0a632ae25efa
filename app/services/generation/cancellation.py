"""Cancels one reply: at once if it waits, otherwise through the worker that writes it."""

from dataclasses import dataclass
from uuid import UUID

from app.kit.user_limiter import PerUserLimiter
from app.schemas.message import MessageOut
from app.services.generation.reply_canceller import ReplyCanceller
from app.services.generation.reply_feed import ReplyFeed
from app.services.ownership import own_reply
from app.unit_of_work import UnitOfWork

_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CancellationService:
    """Cancels replies; the text generated so far is kept."""

    uow: UnitOfWork
    canceller: ReplyCanceller
    feed: ReplyFeed
    user_limiter: PerUserLimiter

    async def cancel(
        self, *, user_id: UUID, chatroom_id: UUID, reply_id: UUID, request_id: str
    ) -> MessageOut:
        """Cancel a reply and return it; a reply that has ended stays unchanged.

        Raises:
            ChatroomNotFound: not a room of this user.
            MessageNotFound: not a reply in it.
        """
        async with self.user_limiter.acquire(user_id), self.uow.begin() as tx:
            reply = await own_reply(tx, user_id, chatroom_id, reply_id)
            ended = await self.canceller.cancel_one(tx, reply, request_id=request_id)
        if ended is None:
            return await self.feed.wait(MessageOut.of(reply), seconds=_WAIT_SECONDS)
        return MessageOut.of(ended)
