"""Events of a reply's stream (text/event-stream) and the models of their data."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final, Literal, Protocol, get_args

from pydantic import BaseModel, ConfigDict, Field

from app.kit.event_id import EventId
from app.schemas.message import MessageOut

# One line break each: after two, httpx-sse and fetch-event-source dispatch an empty event `message`.
RETRY: Final = b"retry: 2000\n"
"""Tells the client how long to wait before it reconnects, in milliseconds."""
_RETRY_SOON: Final = b"retry: 500\n"
_KEEP_ALIVE: Final = b": still here\n"
_JOINED: Final = 20
"""Events written at once; each write waits until a slow client has read most of what was written before."""

# Line breaks in Unicode but not in the standard of events: many clients split lines there.
_LINE_BREAKS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class SseKind(StrEnum):
    """Names of the events."""

    MESSAGE = "message"
    START = "start"
    DELTA = "delta"
    RESTART = "restart"
    END = "end"


_ALWAYS_SENT: Final = ConfigDict(json_schema_serialization_defaults_required=True)


class ReplyMessageEvent(BaseModel):
    """The user's message and its reply at the time the stream opens."""

    model_config = _ALWAYS_SENT

    type: Literal["message"] = "message"
    message: MessageOut
    reply: MessageOut


class ReplyStartEvent(BaseModel):
    """The first attempt begins."""

    model_config = _ALWAYS_SENT

    type: Literal["start"] = "start"
    attempt: int


class ReplyDeltaEvent(BaseModel):
    """The next characters of the text."""

    model_config = _ALWAYS_SENT

    type: Literal["delta"] = "delta"
    text: str


class ReplyRestartEvent(BaseModel):
    """A later attempt begins: discard the text that was received before."""

    model_config = _ALWAYS_SENT

    type: Literal["restart"] = "restart"
    attempt: int


class ReplyEndEvent(MessageOut):
    """The reply has ended and is stored. This is the whole reply; no event follows."""

    model_config = _ALWAYS_SENT

    type: Literal["end"] = "end"


ReplyEventData = Annotated[
    ReplyMessageEvent | ReplyStartEvent | ReplyDeltaEvent | ReplyRestartEvent | ReplyEndEvent,
    Field(discriminator="type"),
]
"""JSON in the `data` of an event. Its `type` is the event's name."""

PAYLOADS: Final[dict[SseKind, type[BaseModel]]] = {
    SseKind(model.model_fields["type"].default): model for model in get_args(get_args(ReplyEventData)[0])
}
"""Model of each event's data."""


@dataclass(frozen=True)
class SseEvent:
    """One event with its id; all streams that send it share one encoding."""

    id: EventId
    data: ReplyEventData

    @property
    def kind(self) -> SseKind:
        """The name of the event."""
        return SseKind(self.data.type)

    @property
    def is_end(self) -> bool:
        """Whether this is the last event."""
        return isinstance(self.data, ReplyEndEvent)

    @cached_property
    def encoded(self) -> bytes:
        """The event as bytes of the stream."""
        data = self.data.model_dump_json().translate(_LINE_BREAKS)
        return f"id: {self.id}\nevent: {self.data.type}\ndata: {data}\n\n".encode()


class EventSource(Protocol):
    """Events of one stream as they happen."""

    @property
    def is_over(self) -> bool:
        """Whether no events follow."""

    async def next(self) -> Sequence[SseEvent]:
        """Wait for events; none: a heartbeat, or the stream is over."""


async def write_events(source: EventSource, write: Callable[[bytes], Awaitable[None]]) -> None:
    """Encode a stream. If it is over without `end`, ask for a quick reconnect."""
    await write(RETRY)
    has_ended = False
    while not source.is_over:
        # As an argument, so that the events written last are not kept while the next are awaited.
        has_ended = await _write_batch(await source.next(), source, write)
    if not has_ended:
        await write(_RETRY_SOON)  # this process shuts down; another one continues the stream


async def _write_batch(
    events: Sequence[SseEvent], source: EventSource, write: Callable[[bytes], Awaitable[None]]
) -> bool:
    """Return whether the last event is `end`."""
    if not events:
        if not source.is_over:
            await write(_KEEP_ALIVE)
        return False
    for begin in range(0, len(events), _JOINED):
        await write(b"".join([event.encoded for event in events[begin : begin + _JOINED]]))
    return events[-1].is_end
