"""Requests and responses about messages."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel

from app.models import Message, MessageStatus, Role
from app.schemas.base import MessageText, Moment, Request, Response, Row, open_enum
from app.schemas.quota import Quota


class MessageIn(Request):
    """A user's message."""

    content: MessageText


class ReplyError(BaseModel):
    """The reason why a reply failed or was blocked: a stable code and a sentence."""

    code: Annotated[str, open_enum("ReplyErrorCode")]
    detail: str


class Usage(BaseModel):
    """Tokens and times of a reply; null where Gemini gave no count."""

    input_tokens: int | None
    output_tokens: int | None
    thinking_tokens: int | None
    time_to_first_token_ms: int | None
    duration_ms: int | None


class MessageOut(Response):
    """A message of a user or a reply of the model. The fields from `reply_to` on belong to replies."""

    id: UUID
    chatroom_id: UUID
    role: Role
    content: str
    status: Annotated[MessageStatus, open_enum("MessageStatus")]
    reply_to: UUID | None
    superseded: bool
    error: ReplyError | None
    finish_reason: Annotated[str, open_enum("FinishReason")] | None
    model: str | None
    usage: Usage | None
    created_at: Moment
    completed_at: Moment | None

    @classmethod
    def of(cls, row: Message) -> Self:
        """Build the response from a row."""
        error = ReplyError(code=row.error_code, detail=row.error_detail or "") if row.error_code else None
        usage = Usage.model_validate(row, from_attributes=True) if row.duration_ms is not None else None
        return cls(
            id=row.id,
            chatroom_id=row.chatroom_id,
            role=row.role,
            content=row.content,
            status=row.status,
            reply_to=row.reply_to,
            superseded=row.superseded,
            error=error,
            finish_reason=row.finish_reason,
            model=row.model,
            usage=usage,
            created_at=row.created_at,
            completed_at=row.completed_at,
        )


def message_fields(row: Row) -> dict[str, object]:
    """Return the fields of a `MessageOut` from a row, for `write_json`."""
    error_code, duration_ms = row["error_code"], row["duration_ms"]
    return {
        "id": row["id"],
        "chatroom_id": row["chatroom_id"],
        "role": row["role"],
        "content": row["content"],
        "status": row["status"],
        "reply_to": row["reply_to"],
        "superseded": row["superseded"],
        "error": {"code": error_code, "detail": row["error_detail"] or ""} if error_code else None,
        "finish_reason": row["finish_reason"],
        "model": row["model"],
        "usage": None if duration_ms is None else {name: row[name] for name in _USAGE},
        "created_at": row["created_at"],
        "completed_at": row["completed_at"],
    }


_USAGE = tuple(Usage.model_fields)


class MessagePage(BaseModel):
    """Messages, newest first."""

    messages: list[MessageOut]
    next_cursor: str | None


class ExchangeOut(BaseModel):
    """A stored message, its reply, and the remaining messages of the day."""

    message: MessageOut
    reply: MessageOut
    quota: Quota
