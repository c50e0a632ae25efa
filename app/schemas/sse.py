"""Events of a reply's stream (text/event-stream) and the models of their data."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from app.kit.event_id import EventId
from app.schemas.message import MessageOut

# One line break each: after two, httpx-sse and fetch-event-source dispatch an empty event `message`.
RETRY: Final = b"retry: 2000\n"
"""Tells the client how long to wait before it reconnects, in milliseconds."""
_RETRY_SOON: Final = b"retry: 500\n"
_KEEP_ALIVE: Final = b": still here\n"

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


async def on_the_wire(events: AsyncGenerator[SseEvent | None, None]) -> AsyncIterator[bytes]:
    """Encode a stream; None becomes a keep-alive. If it finishes without `end`, ask for a quick reconnect."""
    last = None
    async with aclosing(events):
        yield RETRY
        async for event in events:
            yield _KEEP_ALIVE if event is None else event.encoded
            last = event or last
    if last is None or not last.is_end:
        yield _RETRY_SOON  # this process shuts down; another one continues the stream
