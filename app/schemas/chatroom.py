"""Requests and answers about chatrooms."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, StrictBool, StringConstraints

from app.schemas.base import STORABLE, Moment, Name, Patch, Request, Response
from app.schemas.message import MessageOut

Description = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), STORABLE
]
Instruction = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000), STORABLE
]


class ChatroomIn(Request):
    """A new room. Without a title it takes the first words of its first message.

    Without a model it follows the default of `GET /models`, also when that changes.
    """

    title: Name | None = None
    description: Description | None = None
    system_instruction: Instruction | None = None
    model: Name | None = None


class ChatroomPatch(Patch):
    """The changes to a chatroom. Fields that are absent stay as they are.

    Null clears a description or system instruction. A title of null lets the next message name the room; a
    model of null lets the room follow the default of `GET /models`.
    """

    title: Name | None = None
    description: Description | None = None
    system_instruction: Instruction | None = None
    model: Name | None = None
    archived: StrictBool = False


class ChatroomOut(Response):
    """A room. `model` is the one that it names, also when that is no longer offered; null: it names none.

    A room that names none, or one that is no longer offered, is answered by the default of `GET /models`.
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


class ChatroomPage(BaseModel):
    """Chatrooms, newest activity first."""

    chatrooms: list[ChatroomOut]
    next_cursor: str | None


class ChatroomWithMessages(ChatroomOut):
    """A chatroom with its newest messages, oldest first; `next_cursor` is for older ones."""

    messages: list[MessageOut]
    next_cursor: str | None
