"""Requests and responses about chatrooms."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, StrictBool, StringConstraints

from app.schemas.base import STORABLE, Moment, Name, Patch, Request, Response, Row
from app.schemas.message import MessageOut

Description = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), STORABLE
]
Instruction = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000), STORABLE
]


class ChatroomIn(Request):
    """A new room. Without a title, it is named after the first words of its first message.

    Without a model, it follows the default of `GET /models`, including later changes.
    """

    title: Name | None = None
    description: Description | None = None
    system_instruction: Instruction | None = None
    model: Name | None = None


class ChatroomPatch(Patch):
    """The changes to a chatroom. Absent fields stay unchanged.

    Null clears a description or system instruction. With a title of null, the next message names the room.
    With a model of null, the room follows the default of `GET /models`.
    """

    title: Name | None = None
    description: Description | None = None
    system_instruction: Instruction | None = None
    model: Name | None = None
    archived: StrictBool = False


class ChatroomOut(Response):
    """A room. `model` is the model it names, even if that is no longer offered; null if it names none.

    Rooms that name no model, or one that is no longer offered, use the default of `GET /models`.
    """

    id: UUID
    title: str | None
    description: str | None
    system_instruction: str | None
    model: str | None
    archived: bool
    message_count: int
    last_message_at: Moment | None
    created_at: Moment
    updated_at: Moment


_FIELDS = tuple(ChatroomOut.model_fields)


def room_fields(row: Row, *, prefix: str = "") -> dict[str, object]:
    """Return the fields of a `ChatroomOut` from a row, for `write_json`; `prefix` begins its columns."""
    return {name: row[prefix + name] for name in _FIELDS}


class ChatroomPage(BaseModel):
    """Chatrooms, newest activity first."""

    chatrooms: list[ChatroomOut]
    next_cursor: str | None


class ChatroomWithMessages(ChatroomOut):
    """A chatroom with its newest messages, oldest first; `next_cursor` continues with older ones."""

    messages: list[MessageOut]
    next_cursor: str | None
