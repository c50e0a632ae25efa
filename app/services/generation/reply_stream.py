"""One listener's stream of a reply: from any place in the text, over retries, lost workers and lost Redis."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from app.errors import ServiceUnavailable
from app.models import Message, MessageStatus
from app.redis_client.reply_events import END_OFFSET, IDS_PER_ATTEMPT, ReplyEvent, ReplyEvents
from app.redis_client.reply_listener import ReplySubscription, Shutdown
from app.schemas.message import MessageOut
from app.schemas.sse import (
    ReplyDeltaEvent,
    ReplyEndEvent,
    ReplyMessageEvent,
    ReplyRestartEvent,
    ReplyStartEvent,
    SseEvent,
)
from app.services.generation.reply_feed import ReplyFeed
from app.services.ownership import own_reply
from app.unit_of_work import UnitOfWork

HEARTBEAT_SECONDS = 10.0
_MIN_REPLAY_SECONDS = 0.25
_SHARED_CHARACTERS = 4096  # of live events; what is caught up on may be a whole reply


class StreamCursor:
    """Where in which attempt's text a listener is.

    `has_text`: something may be shown that a later attempt replaces. `is_over`: nothing follows.
    """

    def __init__(self, last_event_id: int | None) -> None:
        self.has_message = last_event_id is not None
        self.attempt, self.characters = divmod(last_event_id or 0, IDS_PER_ATTEMPT)
        self.has_text = self.attempt > 0
        self.is_over = False
        self.replayed_at = 0.0

    @property
    def id(self) -> int:
        """The id of the last event that was sent."""
        return self.attempt * IDS_PER_ATTEMPT + self.characters

    def advance(self, attempt: int, offset: int, text: str) -> tuple[list[SseEvent], bool]:
        """The events that lead from here over this text, and whether something before it is missing."""
        if attempt < self.attempt:
            return [], False
        if attempt == self.attempt and offset > self.characters:
            return [], True
        if attempt > self.attempt and offset > 0:
            return [], True
        events = []
        if attempt > self.attempt:
            begin = ReplyRestartEvent if self.has_text else ReplyStartEvent
            self.attempt, self.characters, self.has_text = attempt, 0, False
            events.append(SseEvent(self.id, begin(attempt=attempt)))
        if fresh := text[self.characters - offset :]:
            self.characters += len(fresh)
            self.has_text = True
            delta = _delta if len(fresh) > _SHARED_CHARACTERS else _shared_delta
            events.append(delta(self.id, fresh))
        return events, False


@dataclass(frozen=True, slots=True)
class ReplyStreams:
    """Opens streams."""

    uow: UnitOfWork
    feed: ReplyFeed
    events: ReplyEvents

    async def open(
        self, *, user_id: UUID, chatroom_id: UUID, reply_id: UUID, last_event_id: int | None
    ) -> AsyncGenerator[SseEvent | None, None] | None:
        """The events behind `last_event_id`, then the live ones; None when the end was seen already.

        The stream yields None as a sign of life, and ends after `end` or when this process is to end.

        Raises:
            ChatroomNotFound: not a room of this user.
            MessageNotFound: not a reply in it.
        """
        async with self.uow.autocommit() as tx:
            reply = await own_reply(tx, user_id, chatroom_id, reply_id)
            question = await tx.messages.question_of(reply)
        if last_event_id is not None and last_event_id == _end_id(reply):
            return None
        opening = ReplyMessageEvent(message=MessageOut.of(question), reply=MessageOut.of(reply))
        return self._follow(opening, _cursor_after(reply, last_event_id))

    def begin(self, opening: ReplyMessageEvent, *, is_new: bool) -> AsyncGenerator[SseEvent | None, None]:
        """The events of a reply from the start; a new one was asked for just now."""
        return self._follow(opening, StreamCursor(None), is_new=is_new)

    async def _follow(
        self, opening: ReplyMessageEvent, cursor: StreamCursor, *, is_new: bool = False
    ) -> AsyncGenerator[SseEvent | None, None]:
        if not cursor.has_message:
            yield SseEvent(0, opening)
        async with self.feed.subscribe(opening.reply.id, is_new=is_new) as subscription:
            while not cursor.is_over:
                async for event in self._next(subscription, cursor):
                    yield event

    async def _next(
        self, subscription: ReplySubscription, cursor: StreamCursor
    ) -> AsyncIterator[SseEvent | None]:
        """What the next signal mean for somebody at this cursor."""
        signal = await subscription.get(HEARTBEAT_SECONDS)
        if signal is None:
            yield None
        elif isinstance(signal, Shutdown):
            cursor.is_over = True
        elif isinstance(signal, ReplyEvent) and not signal.is_end:
            events, is_missing = cursor.advance(signal.attempt, signal.offset, signal.text)
            for event in events:
                yield event
            if is_missing and time.monotonic() > cursor.replayed_at + _MIN_REPLAY_SECONDS:
                subscription.request_recheck()
        else:
            async for event in self._read_row(subscription, cursor):
                yield event

    async def _read_row(
        self, subscription: ReplySubscription, cursor: StreamCursor
    ) -> AsyncIterator[SseEvent]:
        cursor.replayed_at = time.monotonic()
        try:
            row = await self.feed.read(subscription.reply_id)
        except ServiceUnavailable:
            await asyncio.sleep(_MIN_REPLAY_SECONDS)
            subscription.request_recheck()
            return
        if row is None:  # the room is gone, and everything with it
            cursor.is_over = True
            return
        async for event in self._replay(cursor, row):
            yield event
        if row.status.is_final:
            yield _end(row)
            cursor.is_over = True

    async def _replay(self, cursor: StreamCursor, row: Message) -> AsyncIterator[SseEvent]:
        """What the stream and the row have behind this cursor. An ended row has everything."""
        if not row.status.is_final:
            for event in await self.events.read(row.id, attempt=max(cursor.attempt, 0)):
                if not event.is_end:
                    for sent in cursor.advance(event.attempt, event.offset, event.text)[0]:
                        yield sent
        if row.status is not MessageStatus.PENDING:
            for sent in cursor.advance(row.attempt, 0, row.content)[0]:
                yield sent


def _delta(event_id: int, text: str) -> SseEvent:
    return SseEvent(event_id, ReplyDeltaEvent(text=text))


# One object, and so one encoding, for all who hear the same. Id and text are all that a delta is made of.
_shared_delta = lru_cache(maxsize=256)(_delta)


@lru_cache(maxsize=32)
def _end(row: Message) -> SseEvent:
    """The end, one object for all who were given the same row."""
    return SseEvent(_end_id(row), ReplyEndEvent.of(row))


def _end_id(reply: Message) -> int:
    return reply.attempt * IDS_PER_ATTEMPT + END_OFFSET


def _cursor_after(reply: Message, last_event_id: int | None) -> StreamCursor:
    """Where a listener stands who saw this id; behind an id that cannot be, all is sent anew."""
    cursor = StreamCursor(last_event_id)
    is_ahead = cursor.attempt > reply.attempt or (
        reply.status.is_final and cursor.attempt == reply.attempt and cursor.characters > len(reply.content)
    )
    if is_ahead:
        cursor.attempt, cursor.characters, cursor.has_text = reply.attempt - 1, 0, True
    return cursor
