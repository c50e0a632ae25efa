"""Events of replies in Redis: one stream per reply at `reply:{id}:events`, published to its subscribers.

The id of an entry is that of the event. A stream refuses events that are not newer than its newest one.
"""

import contextlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast
from uuid import UUID

from app.kit.event_id import END_OFFSET, IDS_PER_ATTEMPT, EventId
from app.redis_client.connection import RedisConnection, RedisUnavailableError, Script

_KEPT_SECONDS = 3600

# refused: the stream holds a newer event, of a later attempt or the end.
# gap: the stream's last event is not the one that the writer appended last, because Redis was emptied or a
# response was lost; the writer then appends its whole text again.
_APPEND: Final = Script[str](f"""
local id = tonumber(ARGV[1])
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local newest = last and tonumber(string.match(last[1], '^%d+')) or 0
if newest >= id or newest % {IDS_PER_ATTEMPT} == {END_OFFSET} then
  return 'refused'
end
if ARGV[2] ~= '' and newest ~= tonumber(ARGV[2]) then
  return 'gap'
end
redis.call('XADD', KEYS[1], ARGV[1] .. '-1', 'event', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', KEYS[2], ARGV[3])
return 'added'
""")


class EventKind(StrEnum):
    """Kinds of events in Redis."""

    START = "start"
    DELTA = "delta"
    END = "end"


@dataclass(frozen=True, slots=True)
class ReplyEvent:
    """One event; `id` is the position after its `text`."""

    id: EventId
    kind: EventKind
    text: str = ""

    @property
    def attempt(self) -> int:
        """The attempt at the reply that this event belongs to."""
        return self.id.attempt

    @property
    def offset(self) -> int:
        """Number of characters before this event's text."""
        return self.id.offset - len(self.text)

    @property
    def is_end(self) -> bool:
        """Whether the reply has ended; the row holds the result."""
        return self.kind is EventKind.END

    def encoded(self) -> str:
        """Encode the event for Redis."""
        return json.dumps([int(self.id), self.kind, self.text])

    @classmethod
    def decoded(cls, encoded: str) -> "ReplyEvent":
        """Decode what `encoded` returned."""
        number, kind, text = json.loads(encoded)
        return cls(EventId.decode(number), EventKind(kind), text)


class Appended(StrEnum):
    """Result of appending an event."""

    ADDED = "added"
    GAP = "gap"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


def channel_of(reply_id: UUID) -> str:
    """Return the pub/sub channel of a reply's events."""
    return f"reply:{reply_id}"


def stream_of(reply_id: UUID) -> str:
    """Return the key of the stream of a reply's events."""
    return f"reply:{reply_id}:events"


class ReplyEvents:
    """Writes and reads the streams. They only add speed: the rows hold all text, also without Redis."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def append(self, reply_id: UUID, event: ReplyEvent, *, after: EventId | None = None) -> Appended:
        """Append an event and publish it; with `after`, only if that is the id of the newest event."""
        try:
            done = await self._redis.run_script(
                _APPEND,
                [stream_of(reply_id), channel_of(reply_id)],
                [str(event.id), "" if after is None else str(after), event.encoded(), _KEPT_SECONDS],
            )
        except RedisUnavailableError:
            return Appended.UNAVAILABLE
        return Appended(done)

    async def end(self, reply_id: UUID, attempt: int) -> None:
        """Append the end of a reply, whose committed row holds the result. Never fails."""
        await self.append(reply_id, ReplyEvent(EventId.end_of(attempt), EventKind.END))

    async def read(self, reply_id: UUID, *, attempt: int) -> list[ReplyEvent]:
        """Return the events from the start of an attempt on; none if Redis is unavailable."""
        with contextlib.suppress(RedisUnavailableError):
            reply = await self._redis.run("XRANGE", stream_of(reply_id), str(EventId(attempt, 0)), "+")
            entries = cast(
                "list[tuple[str, tuple[str, str]]]", reply
            )  # of each: its id, and "event" with the text
            return [ReplyEvent.decoded(event) for _, (_, event) in entries]
        return []
