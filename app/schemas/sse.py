"""The events of a reply's stream (text/event-stream), as they are typed in the OpenAPI document."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from app.kit.event_id import EventId
from app.schemas.message import MessageOut

# One line break each: with two, httpx-sse and fetch-event-source read an empty event `message`.
RETRY: Final = b"retry: 2000\n"
"""How long the client waits before it connects again, in milliseconds."""
_RETRY_SOON: Final = b"retry: 500\n"
_KEEP_ALIVE: Final = b": still here\n"

# Line breaks to Unicode, though not to the standard of events: many clients' line readers split there.
_LINE_BREAKS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class SseKind(StrEnum):
    """The names of the events."""

    MESSAGE = "message"
    START = "start"
    DELTA = "delta"
    RESTART = "restart"
    END = "end"


_ALWAYS_SENT: Final = ConfigDict(json_schema_serialization_defaults_required=True)


class ReplyMessageEvent(BaseModel):
    """The user's message and its reply, as they are when the stream is opened."""

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
    """The reply has ended and is stored; this is all of it, and nothing follows."""

    model_config = _ALWAYS_SENT

    type: Literal["end"] = "end"


ReplyEventData = Annotated[
    ReplyMessageEvent | ReplyStartEvent | ReplyDeltaEvent | ReplyRestartEvent | ReplyEndEvent,
    Field(discriminator="type"),
]
"""The JSON in the `data` of an event. Its `type` is the event's name."""

PAYLOADS: Final[dict[SseKind, type[BaseModel]]] = {
    SseKind(model.model_fields["type"].default): model for model in get_args(get_args(ReplyEventData)[0])
}
"""The model of each event's data."""


@dataclass(frozen=True)
class SseEvent:
    """One event with its id. Encoded once, for all streams that send it."""

    id: EventId
    data: ReplyEventData

    @property
    def kind(self) -> SseKind:
        """The name of the event."""
        return SseKind(self.data.type)

    @property
    def is_end(self) -> bool:
        """Whether nothing follows."""
        return isinstance(self.data, ReplyEndEvent)

    @cached_property
    def encoded(self) -> bytes:
        """On the wire."""
        data = self.data.model_dump_json().translate(_LINE_BREAKS)
        return f"id: {self.id}\nevent: {self.data.type}\ndata: {data}\n\n".encode()


async def on_the_wire(events: AsyncGenerator[SseEvent | None, None]) -> AsyncIterator[bytes]:
    """Encode a stream; None is a keep-alive. Without `end`, the client is told to reconnect soon."""
    last = None
    async with aclosing(events):
        yield RETRY
        async for event in events:
            yield _KEEP_ALIVE if event is None else event.encoded
            last = event or last
    if last is None or not last.is_end:
        yield _RETRY_SOON  # this process stops; another one has the rest
