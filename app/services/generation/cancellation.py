"""Cancelling a reply: at once while it waits, else by asking the worker that writes it."""

from dataclasses import dataclass
from uuid import UUID

from app.kit.user_limiter import PerUserLimiter
from app.queue import jobs
from app.redis_client.reply_events import ReplyEvents
from app.schemas.message import MessageOut
from app.services.generation.reply_feed import ReplyFeed
from app.services.ownership import own_reply
from app.services.usage.quota import DailyQuota
from app.unit_of_work import UnitOfWork

_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CancellationService:
    """Ends replies that nobody wants any more; what was generated is kept."""

    uow: UnitOfWork
    quota: DailyQuota
    feed: ReplyFeed
    events: ReplyEvents
    user_limiter: PerUserLimiter

    async def cancel(
        self, *, user_id: UUID, chatroom_id: UUID, reply_id: UUID, request_id: str
    ) -> MessageOut:
        """Cancel a reply, and answer with it as it then is; a reply that has ended stays as it is.

        Raises:
            ChatroomNotFound: not a room of this user.
            MessageNotFound: not a reply in it.
        """
        async with self.user_limiter.acquire(user_id), self.uow.begin() as tx:
            reply = await own_reply(tx, user_id, chatroom_id, reply_id)
            await tx.replies.request_cancel(reply_id)
            ended = await tx.replies.cancel_waiting(reply_id)
            if ended is not None:
                await self.quota.settle_cancelled(tx, [ended])
                following = await tx.replies.next_of_room(chatroom_id)
                if following is not None:
                    tx.enqueue(jobs.ProcessGeminiMessage(following.id, request_id))
        if ended is None:
            return await self.feed.wait(MessageOut.of(reply), seconds=_WAIT_SECONDS)
        await self.events.end(ended.id, ended.attempt)
        return MessageOut.of(ended)
