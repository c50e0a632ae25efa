"""Streams of a reply's events to one client, across retries, lost workers and Redis outages."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from app.errors import ServiceUnavailable
from app.kit.event_id import END_OFFSET, STREAM_START, EventId
from app.models import Message, MessageStatus
from app.redis_client.reply_events import ReplyEvent, ReplyEvents
from app.redis_client.reply_subscription import ReplySubscription, Shutdown
from app.schemas.message import MessageOut
from app.schemas.sse import ReplyEndEvent, ReplyMessageEvent, SseEvent
from app.services.generation.reply_feed import ReplyFeed
from app.services.generation.stream_cursor import StreamCursor
from app.services.ownership import own_reply
from app.unit_of_work import UnitOfWork

HEARTBEAT_SECONDS = 10.0
_MIN_READ_INTERVAL_SECONDS = 0.25


@dataclass(slots=True)
class _OpenStream:
    subscription: ReplySubscription
    cursor: StreamCursor
    last_read_at: float = 0.0
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class ReplyStreams:
    """Opens streams: live events from Redis; what is missing there, from the row."""

    uow: UnitOfWork
    feed: ReplyFeed
    events: ReplyEvents

    async def open(
        self, *, user_id: UUID, chatroom_id: UUID, reply_id: UUID, last_event_id: EventId | None
    ) -> AsyncGenerator[SseEvent | None, None] | None:
        """Return the events after `last_event_id`, past and live; None if that is the id of `end`.

        The stream yields None as a heartbeat. It finishes after `end`, or when this process shuts down.

        Raises:
            ChatroomNotFound: not a room of this user.
            MessageNotFound: not a reply in it.
        """
        async with self.uow.autocommit() as tx:
            reply = await own_reply(tx, user_id, chatroom_id, reply_id)
            question = await tx.messages.question_of(reply)
        if last_event_id is None:
            opening = ReplyMessageEvent(message=MessageOut.of(question), reply=MessageOut.of(reply))
            return self.begin(opening, is_new=False)
        if last_event_id == EventId.end_of(reply.attempt):
            return None
        written = len(reply.content) if reply.status.is_final else END_OFFSET
        cursor = StreamCursor.resume(last_event_id, newest=EventId(reply.attempt, written))
        return self._follow(reply.id, cursor)

    def begin(self, opening: ReplyMessageEvent, *, is_new: bool) -> AsyncGenerator[SseEvent | None, None]:
        """Return all events of a reply; `is_new`: this request created it."""
        return self._follow(opening.reply.id, StreamCursor(), opening=opening, is_new=is_new)

    async def _follow(
        self,
        reply_id: UUID,
        cursor: StreamCursor,
        *,
        opening: ReplyMessageEvent | None = None,
        is_new: bool = False,
    ) -> AsyncGenerator[SseEvent | None, None]:
        if opening is not None:
            yield SseEvent(STREAM_START, opening)
        async with self.feed.subscribe(reply_id, is_new=is_new) as subscription:
            stream = _OpenStream(subscription, cursor)
            while not stream.is_over:
                async for event in self._next(stream):
                    yield event

    async def _next(self, stream: _OpenStream) -> AsyncIterator[SseEvent | None]:
        """Wait for the next signal and yield the events that follow from it."""
        signal = await stream.subscription.get(HEARTBEAT_SECONDS)
        if signal is None:
            yield None
        elif isinstance(signal, Shutdown):
            stream.is_over = True
        elif isinstance(signal, ReplyEvent) and not signal.is_end:
            events = stream.cursor.advance(signal.attempt, signal.offset, signal.text)
            for event in events or ():
                yield event
            if events is None and time.monotonic() > stream.last_read_at + _MIN_READ_INTERVAL_SECONDS:
                stream.subscription.request_recheck()
        else:
            async for event in self._read_row(stream):
                yield event

    async def _read_row(self, stream: _OpenStream) -> AsyncIterator[SseEvent]:
        stream.last_read_at = time.monotonic()
        try:
            row = await self.feed.read(stream.subscription.reply_id)
        except ServiceUnavailable:
            await asyncio.sleep(_MIN_READ_INTERVAL_SECONDS)
            stream.subscription.request_recheck()
            return
        if row is None:  # its room was erased
            stream.is_over = True
            return
        async for event in self._replay(stream.cursor, row):
            yield event
        if row.status.is_final:
            yield _end(row)
            stream.is_over = True

    async def _replay(self, cursor: StreamCursor, row: Message) -> AsyncIterator[SseEvent]:
        """Yield what Redis and the row have after the cursor; a row that has ended is complete."""
        if not row.status.is_final:
            for event in await self.events.read(row.id, attempt=max(cursor.position.attempt, 0)):
                if not event.is_end:
                    for sent in cursor.advance(event.attempt, event.offset, event.text) or ():
                        yield sent
        if row.status is not MessageStatus.PENDING:
            for sent in cursor.advance(row.attempt, 0, row.content) or ():
                yield sent


@lru_cache(maxsize=32)
def _end(row: Message) -> SseEvent:
    """Return the `end` event, one object for all streams that read the same row."""
    return SseEvent(EventId.end_of(row.attempt), ReplyEndEvent.of(row))
