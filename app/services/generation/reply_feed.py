"""What happens to replies, for whoever in this process wants to know: live from Redis, else from the rows."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from app.errors import ServiceUnavailable
from app.models import Message
from app.redis_client.reply_listener import STOP, Inbox, Look, ReplyListener, Stop
from app.repositories.reply import ReplyProgress
from app.schemas.message import MessageOut
from app.unit_of_work import UnitOfWork

_QUIET_SECONDS = 2.0
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ReplyFeed:
    """Inboxes for listeners; those that hear nothing are served from Postgres, all with one query."""

    uow: UnitOfWork
    listener: ReplyListener
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _seen: dict[UUID, ReplyProgress] = field(default_factory=dict)
    _reads: dict[UUID, asyncio.Task[Message | None]] = field(default_factory=dict)
    """Queries that have not begun."""

    @asynccontextmanager
    async def listen(self, reply_id: UUID, *, is_new: bool = False) -> AsyncIterator[Inbox]:
        """News of a reply, beginning with a hint to look at it; of a new one only if nothing is heard."""
        async with self.listener.listen(reply_id, is_new=is_new) as inbox:
            if self._stopping.is_set():
                inbox.put(STOP)
            yield inbox

    async def wait(self, reply: MessageOut, *, seconds: float, is_new: bool = False) -> MessageOut:
        """The reply as it is when it has ended, when time is up, or when this process is to end."""
        if seconds <= 0 or reply.status.is_final:
            return reply
        until = time.monotonic() + seconds
        async with self.listen(reply.id, is_new=is_new) as inbox:
            while (left := until - time.monotonic()) > 0:
                news = await inbox.get(left)
                if isinstance(news, Stop):
                    break
                if isinstance(news, Look) or (news is not None and news.is_end):
                    try:
                        row = await self.read(reply.id)
                    except ServiceUnavailable:
                        continue  # it is stored; what is asked is only news
                    reply = MessageOut.of(row) if row else reply
                    if row is None or row.status.is_final:
                        break
        return reply

    async def read(self, reply_id: UUID) -> Message | None:
        """The row; None when it is gone. One query for all who ask in the same moment, as after an event.

        Raises:
            ServiceUnavailable: the database is away.
        """
        reading = self._reads.get(reply_id)
        if reading is None:
            reading = self._reads[reply_id] = asyncio.create_task(self._read(reply_id))
            reading.add_done_callback(_retrieve)
        return await asyncio.shield(reading)

    async def _read(self, reply_id: UUID) -> Message | None:
        del self._reads[reply_id]  # a later caller may know of more than this query will see
        async with self.uow.autocommit() as tx:
            return await tx.replies.get(reply_id)

    def stop(self) -> None:
        """The process is about to end: tell everybody who listens."""
        self._stopping.set()
        for inbox in self.listener.inboxes:
            inbox.put(STOP)

    async def watch(self) -> None:
        """Look after replies of which nothing was heard for a while; runs as long as the process."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            quiet_since = time.monotonic() - _QUIET_SECONDS
            quiet = [inbox for inbox in self.listener.inboxes if inbox.last_news_at < quiet_since]
            if not quiet:
                self._seen.clear()
                continue
            with contextlib.suppress(ServiceUnavailable):
                await self._look_after(quiet)

    async def _look_after(self, quiet: list[Inbox]) -> None:
        async with self.uow.autocommit() as tx:
            progress = await tx.replies.progress({inbox.reply_id for inbox in quiet})
        for inbox in quiet:
            now = progress.get(inbox.reply_id)
            if now is None or now != self._seen.get(inbox.reply_id):
                inbox.look()
        self._seen.clear()
        self._seen.update(progress)


def _retrieve(reading: asyncio.Task[Message | None]) -> None:
    """Take the failure of a query that nobody waits for any more."""
    if not reading.cancelled():
        reading.exception()
