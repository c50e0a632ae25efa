"""Requests and answers about chatrooms."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StrictBool, StringConstraints, model_validator

from app.schemas.base import STORABLE, Moment, Name, Request, Response
from app.schemas.message import MessageOut

Description = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), STORABLE
]
Instruction = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000), STORABLE
]


class ChatroomIn(Request):
    """A new room. Without a title it takes the first words of its first message."""

    title: Name | None = None
    description: Description | None = None
    system_instruction: Instruction | None = None
    model: Name | None = None


class ChatroomPatch(Request):
    """How the room is to be from now on; what is not named stays.

    A title of null lets the next message name the room; a model of null is the default one.
    """

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    title: Name | None = None
    description: Description | None = None
    system_instruction: Instruction | None = None
    model: Name | None = None
    archived: StrictBool = False

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("must say what is to change")
        return self


class ChatroomOut(Response):
    """A room."""

    id: UUID
    title: str | None
    description: str | None
    system_instruction: str | None
    model: str
    archived: bool
    message_count: int
    last_message_at: Moment | None
    created_at: Moment
    updated_at: Moment


class ChatroomPage(BaseModel):
    """Rooms, newest activity first."""

    chatrooms: list[ChatroomOut]
    next_cursor: str | None


class ChatroomWithMessages(ChatroomOut):
    """A room with its newest messages, oldest first; `next_cursor` leads to older ones."""

    messages: list[MessageOut]
    next_cursor: str | None
