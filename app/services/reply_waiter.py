"""Waiting for a reply to come to its end: woken by Redis, and by looking at the row now and then."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from app.errors import ServiceUnavailable
from app.models import Message
from app.redis_client.reply_events import ReplyListener
from app.unit_of_work import UnitOfWork

_LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ReplyWaiter:
    """Waits on behalf of requests; `stop` ends all waits when the process is to end."""

    uow: UnitOfWork
    listener: ReplyListener
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Answer everybody who waits with what there is."""
        self.stopping.set()

    async def wait(self, reply: Message, *, seconds: float) -> Message:
        """The reply as it is when it has ended, or when time is up."""
        if reply.status.is_final or seconds <= 0:
            return reply
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        async with self.listener.listen(reply.id) as wake_up:
            while (left := until - loop.time()) > 0 and not self.stopping.is_set():
                await self._first_of(wake_up, min(left, _LOOK_SECONDS))
                reply = await self._look(reply)
                if reply.status.is_final:
                    break
        return reply

    async def _first_of(self, wake_up: asyncio.Event, seconds: float) -> None:
        tasks = [asyncio.create_task(event.wait()) for event in (wake_up, self.stopping)]
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        wake_up.clear()

    async def _look(self, reply: Message) -> Message:
        with contextlib.suppress(ServiceUnavailable):  # the message is stored; what is asked is only news
            async with self.uow.begin() as tx:
                row = await tx.messages.get_owned(
                    reply.id, chatroom_id=reply.chatroom_id, user_id=reply.user_id
                )
                return row or reply
        return reply
