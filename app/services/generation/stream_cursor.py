"""Position of one client in the stream of a reply, and the events that lead on from it."""

from functools import lru_cache

from app.kit.event_id import STREAM_START, EventId
from app.schemas.sse import ReplyDeltaEvent, ReplyRestartEvent, ReplyStartEvent, SseEvent

_MAX_SHARED_CHARACTERS = 4096  # of live text; a replayed delta may be a whole reply


class StreamCursor:
    """Advances over text from any source, in any order; text that was sent is never sent twice.

    `has_text`: the client may show text that a later attempt replaces.
    """

    def __init__(self, position: EventId = STREAM_START) -> None:
        self.position = position
        self.has_text = position.attempt > 0

    @classmethod
    def resume(cls, last_event_id: EventId, *, newest: EventId) -> "StreamCursor":
        """Return the cursor of a client whose last event had this id.

        `newest` is the last position that text can have. A client that names a later one receives the whole
        attempt again, as a restart.
        """
        if last_event_id <= newest:
            return cls(last_event_id)
        cursor = cls(EventId(newest.attempt - 1, 0))
        cursor.has_text = True
        return cursor

    def advance(self, attempt: int, offset: int, text: str) -> list[SseEvent] | None:
        """Advance over `text`, which begins at `offset`, and return the new events.

        Return None if text before `offset` is missing.
        """
        position = self.position
        if attempt < position.attempt:
            return []
        if offset > (position.offset if attempt == position.attempt else 0):
            return None
        events = []
        if attempt > position.attempt:
            kind = ReplyRestartEvent if self.has_text else ReplyStartEvent
            position, self.has_text = EventId(attempt, 0), False
            events.append(SseEvent(position, kind(attempt=attempt)))
        if fresh := text[position.offset - offset :]:
            position, self.has_text = position.advanced(len(fresh)), True
            delta = _delta if len(fresh) > _MAX_SHARED_CHARACTERS else _shared_delta
            events.append(delta(position, fresh))
        self.position = position
        return events


def _delta(event_id: EventId, text: str) -> SseEvent:
    return SseEvent(event_id, ReplyDeltaEvent(text=text))


# Clients at the same position share one event, and so one encoding.
_shared_delta = lru_cache(maxsize=256)(_delta)
