"""The bodies of the floor: the members of ours, as plain models."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel


class Me(BaseModel):
    """A user."""

    id: UUID
    mobile_number: str
    full_name: str | None
    has_password: bool
    created_at: datetime
    last_login_at: datetime | None
    plan: str


class MessageIn(BaseModel):
    """A message to send."""

    content: str


class Usage(BaseModel):
    """Tokens and times of a reply."""

    input_tokens: int | None
    output_tokens: int | None
    thinking_tokens: int | None
    time_to_first_token_ms: int | None
    duration_ms: int | None


class MessageOut(BaseModel):
    """A message."""

    id: UUID
    chatroom_id: UUID
    role: str
    content: str
    status: str
    reply_to: UUID | None
    superseded: bool
    error: str | None
    finish_reason: str | None
    model: str | None
    usage: Usage | None
    created_at: datetime
    completed_at: datetime | None

    @classmethod
    def bare(cls, id_: UUID, chatroom_id: UUID, *, role: str, content: str, at: datetime) -> Self:
        """Build a message that was just stored."""
        return cls(
            id=id_,
            chatroom_id=chatroom_id,
            role=role,
            content=content,
            status="pending",
            reply_to=None,
            superseded=False,
            error=None,
            finish_reason=None,
            model=None,
            usage=None,
            created_at=at,
            completed_at=None,
        )


class RoomOut(BaseModel):
    """A room with its newest messages."""

    id: UUID
    title: str | None
    description: str | None
    system_instruction: str | None
    model: str | None
    archived: bool
    message_count: int
    last_message_at: datetime | None
    created_at: datetime
    updated_at: datetime
    messages: list[MessageOut]
    next_cursor: str | None


class Quota(BaseModel):
    """Messages of the day."""

    limit: int | None
    used: int
    remaining: int | None
    resets_at: datetime


class ExchangeOut(BaseModel):
    """A stored message and its reply."""

    message: MessageOut
    reply: MessageOut
    quota: Quota
