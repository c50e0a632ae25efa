"""The events of a reply's stream (text/event-stream), as they are typed in the OpenAPI document."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from pydantic import BaseModel

from app.schemas.message import MessageOut

# Line breaks to Unicode, though not to the standard of events: many clients' line readers split there.
_LINE_BREAKS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class SseKind(StrEnum):
    """The names of the events."""

    MESSAGE = "message"
    START = "start"
    DELTA = "delta"
    RESTART = "restart"
    END = "end"


class MessageEvent(BaseModel):
    """`message`: what was said, and the reply that is owed for it."""

    message: MessageOut
    reply: MessageOut


class AttemptEvent(BaseModel):
    """`start` and `restart`: an attempt begins; at a restart, what was shown before is to be discarded."""

    attempt: int


class DeltaEvent(BaseModel):
    """`delta`: the next characters."""

    text: str


DATA_OF: Final[dict[SseKind, type[BaseModel]]] = {
    SseKind.MESSAGE: MessageEvent,
    SseKind.START: AttemptEvent,
    SseKind.DELTA: DeltaEvent,
    SseKind.RESTART: AttemptEvent,
    SseKind.END: MessageOut,
}
"""What the `data` of each kind holds, as JSON."""


@dataclass(frozen=True)
class SseEvent:
    """One event with its id; `end` holds the whole reply, as `GET …/message/{id}` answers it.

    Encoded once, for all streams that send it.
    """

    id: int
    kind: SseKind
    data: BaseModel

    @property
    def is_end(self) -> bool:
        """Whether nothing follows."""
        return self.kind is SseKind.END

    @cached_property
    def encoded(self) -> bytes:
        """On the wire."""
        data = self.data.model_dump_json().translate(_LINE_BREAKS)
        return f"id: {self.id}\nevent: {self.kind}\ndata: {data}\n\n".encode()
