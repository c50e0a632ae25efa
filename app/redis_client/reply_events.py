"""The events of replies: a stream each at `reply:{id}:events`, and a wake-up for whoever listens.

An event's id is `attempt * 10^9 + characters of text up to and including it`, so a place in the text is
a place in the stream, and the other way round. A stream refuses what is older than its newest event.
"""

import contextlib
import json
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.redis_client.connection import RedisConnection, RedisUnavailableError

IDS_PER_ATTEMPT = 10**9
END_OFFSET = IDS_PER_ATTEMPT - 1
_KEPT_SECONDS = 3600

# Refused: the stream has seen a later attempt or the end. Gap: it does not end where the writer believes,
# because Redis was emptied or an answer was lost; the writer then sends its whole text again.
_APPEND = """
local id = tonumber(ARGV[1])
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local newest = last and tonumber(string.match(last[1], '^%d+')) or 0
if newest >= id or newest % 1e9 == 999999999 then
  return 'refused'
end
if ARGV[2] ~= '' and newest ~= tonumber(ARGV[2]) then
  return 'gap'
end
redis.call('XADD', KEYS[1], ARGV[1] .. '-1', 'event', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', KEYS[2], ARGV[3])
return 'added'
"""


class EventKind(StrEnum):
    """What happened to a reply."""

    START = "start"
    DELTA = "delta"
    END = "end"


@dataclass(frozen=True, slots=True)
class ReplyEvent:
    """One event; `text` are the characters that it adds."""

    id: int
    kind: EventKind
    text: str = ""

    @property
    def attempt(self) -> int:
        """Which attempt at the reply this belongs to."""
        return self.id // IDS_PER_ATTEMPT

    @property
    def offset(self) -> int:
        """How many characters stand before this event's text."""
        return self.id % IDS_PER_ATTEMPT - len(self.text)

    @property
    def is_end(self) -> bool:
        """Whether the row now says how the reply ended."""
        return self.kind is EventKind.END

    def encoded(self) -> str:
        """As Redis keeps and carries it."""
        return json.dumps([self.id, self.kind, self.text])

    @classmethod
    def decoded(cls, encoded: str) -> "ReplyEvent":
        """The event that `encoded` made this of."""
        number, kind, text = json.loads(encoded)
        return cls(number, EventKind(kind), text)


class Appended(StrEnum):
    """What became of an event that was to be appended."""

    ADDED = "added"
    GAP = "gap"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


def channel_of(reply_id: UUID) -> str:
    """Where a reply's events are announced."""
    return f"reply:{reply_id}"


def stream_of(reply_id: UUID) -> str:
    """Where a reply's events are kept."""
    return f"reply:{reply_id}:events"


class ReplyEvents:
    """Writes and reads the streams. Without Redis nothing is lost but speed: the rows have it all."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def append(self, reply_id: UUID, event: ReplyEvent, *, after: int | None = None) -> Appended:
        """Add an event and wake the listeners; with `after`, only behind the event of that id."""
        try:
            async with self._redis.use() as redis:
                done = await redis.eval(
                    _APPEND,
                    2,
                    stream_of(reply_id),
                    channel_of(reply_id),
                    str(event.id),
                    "" if after is None else str(after),
                    event.encoded(),
                    str(_KEPT_SECONDS),
                )
        except RedisUnavailableError:
            return Appended.UNAVAILABLE
        return Appended(done)

    async def end(self, reply_id: UUID, attempt: int) -> None:
        """Say that a reply has come to its end; call it after the commit."""
        await self.append(reply_id, ReplyEvent(attempt * IDS_PER_ATTEMPT + END_OFFSET, EventKind.END))

    async def read(self, reply_id: UUID, *, attempt: int) -> list[ReplyEvent]:
        """The events since the beginning of an attempt; none without Redis."""
        with contextlib.suppress(RedisUnavailableError):
            async with self._redis.use() as redis:
                entries = await redis.xrange(stream_of(reply_id), min=str(attempt * IDS_PER_ATTEMPT))
                return [ReplyEvent.decoded(str(fields["event"])) for _, fields in entries or () if fields]
        return []
