"""Streams of a reply's events to one client, across retries, lost workers and Redis outages."""

import asyncio
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Self
from uuid import UUID

from app.errors import ServiceUnavailable
from app.kit.event_id import END_OFFSET, STREAM_START, EventId
from app.models import Message, MessageStatus
from app.redis_client.reply_events import ReplyEvent, ReplyEvents
from app.redis_client.reply_subscription import HEARTBEAT, RECHECK, SHUTDOWN, Signal
from app.schemas.message import MessageOut
from app.schemas.sse import ReplyEndEvent, ReplyMessageEvent, SseEvent
from app.services.generation.reply_feed import ReplyFeed
from app.services.generation.stream_cursor import StreamCursor
from app.services.ownership import own_reply
from app.unit_of_work import UnitOfWork

_MIN_READ_INTERVAL_SECONDS = 0.25


class ReplyStream:
    """Events of one reply for one client. Entering it subscribes; leaving it ends the subscription."""

    __slots__ = (
        "_cursor",
        "_events",
        "_feed",
        "_is_new",
        "_last_read_at",
        "_opening",
        "_reply_id",
        "_subscription",
        "is_over",
    )

    def __init__(
        self,
        feed: ReplyFeed,
        events: ReplyEvents,
        reply_id: UUID,
        cursor: StreamCursor,
        *,
        opening: ReplyMessageEvent | None = None,
        is_new: bool = False,
    ) -> None:
        self._feed = feed
        self._events = events
        self._reply_id = reply_id
        self._cursor = cursor
        self._opening = opening
        self._is_new = is_new
        self._last_read_at = 0.0
        self.is_over = False

    def __enter__(self) -> Self:
        """Subscribe."""
        self._subscription = self._feed.subscribe(self._reply_id, is_new=self._is_new)
        return self

    def __exit__(self, *_: object) -> None:
        """End the subscription."""
        self._feed.unsubscribe(self._subscription)

    def stop(self) -> None:
        """End the stream: the client has left."""
        self.is_over = True
        self._subscription.put(SHUTDOWN)

    async def next(self) -> list[SseEvent]:
        """Return the next events, or none as a heartbeat or if the stream is over.

        The last event is `end`, unless the client has left, this process shuts down, or the reply was erased.
        """
        if self._opening is not None:
            opening, self._opening = self._opening, None
            return [SseEvent(STREAM_START, opening)]
        events: list[SseEvent] = []
        while not (events or self.is_over):
            signals = await self._subscription.take()
            if self._advance(signals, events) and not self.is_over:
                await self._read_row(events)
            if SHUTDOWN in signals:
                self.is_over = True
            if HEARTBEAT in signals:
                break
        self._subscription.last_sent_at = time.monotonic()
        return events

    def _advance(self, signals: list[Signal], events: list[SseEvent]) -> bool:
        """Add the events that follow from live ones; return whether the row must be read."""
        must_read = False
        for signal in signals:
            if isinstance(signal, ReplyEvent) and not signal.is_end:
                fresh = self._cursor.advance(signal.attempt, signal.offset, signal.text)
                if fresh is None:  # something is missing before it
                    must_read |= time.monotonic() > self._last_read_at + _MIN_READ_INTERVAL_SECONDS
                else:
                    events += fresh
            else:
                must_read |= signal is RECHECK or isinstance(signal, ReplyEvent)
        return must_read

    async def _read_row(self, events: list[SseEvent]) -> None:
        self._last_read_at = time.monotonic()
        try:
            row = await self._feed.read(self._reply_id)
        except ServiceUnavailable:
            await asyncio.sleep(_MIN_READ_INTERVAL_SECONDS)
            self._subscription.request_recheck()
            return
        if row is None:  # its room was erased
            self.is_over = True
            return
        await self._replay(row, events)
        if row.status.is_final:
            events.append(_end(row))
            self.is_over = True

    async def _replay(self, row: Message, events: list[SseEvent]) -> None:
        """Add what Redis and the row have after the cursor; a row that has ended is complete."""
        cursor = self._cursor
        if not row.status.is_final:
            for event in await self._events.read(row.id, attempt=max(cursor.position.attempt, 0)):
                if not event.is_end:
                    events += cursor.advance(event.attempt, event.offset, event.text) or ()
        if row.status is not MessageStatus.PENDING:
            events += cursor.advance(row.attempt, 0, row.content) or ()


@dataclass(frozen=True, slots=True)
class ReplyStreams:
    """Opens streams: live events from Redis; what is missing there, from the row."""

    uow: UnitOfWork
    feed: ReplyFeed
    events: ReplyEvents

    async def open(
        self, *, user_id: UUID, chatroom_id: UUID, reply_id: UUID, last_event_id: EventId | None
    ) -> ReplyStream | None:
        """Return the events after `last_event_id`, past and live; None if that is the id of `end`.

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
        return ReplyStream(self.feed, self.events, reply.id, cursor)

    def begin(self, opening: ReplyMessageEvent, *, is_new: bool) -> ReplyStream:
        """Return all events of a reply; `is_new`: this request created it."""
        return ReplyStream(
            self.feed, self.events, opening.reply.id, StreamCursor(), opening=opening, is_new=is_new
        )


@lru_cache(maxsize=32)
def _end(row: Message) -> SseEvent:
    """Return the `end` event, one object for all streams that read the same row."""
    return SseEvent(EventId.end_of(row.attempt), ReplyEndEvent.of(row))
