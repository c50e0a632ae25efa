"""Exchanges of a message and its reply: new ones, replayed ones, and another reply to an earlier message."""

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self
from uuid import UUID

from app import tracing
from app.errors import IdempotencyKeyReused
from app.models import Chatroom, Message, MessageStatus, Role
from app.models.base import new_id
from app.repositories.message import Exchange
from app.repositories.sending import NewExchange, StoredExchange
from app.schemas.message import ExchangeOut, MessageOut
from app.schemas.quota import Quota

_TITLE_CHARS = 60
_TITLE_SOURCE_CHARS = 2000
"""Only so much of a message is searched for a title: the rest costs time and can hardly be part of it."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored exchange, before the wait for its reply."""

    exchange: ExchangeOut
    is_replay: bool

    @classmethod
    def of(cls, rows: Exchange, quota: Quota, *, is_replay: bool) -> Self:
        """Build it from the rows of a message and its reply."""
        message, reply = MessageOut.of(rows.message), MessageOut.of(rows.reply)
        return cls(ExchangeOut(message=message, reply=reply, quota=quota), is_replay)


def new_exchange(
    *,
    user_id: UUID,
    chatroom_id: UUID,
    content: str,
    now: datetime,
    idempotency_key: str | None,
    request_id: str,
) -> NewExchange:
    """Build a message and its reply, with new ids, for the day of `now`."""
    return NewExchange(
        message_id=new_id(),
        reply_id=new_id(),
        user_id=user_id,
        chatroom_id=chatroom_id,
        content=content,
        first_words=first_words(content),
        idempotency_key=idempotency_key,
        request_id=request_id,
        traceparent=tracing.current_traceparent(),
        now=now,
    )


def accept(new: NewExchange, stored: StoredExchange, quota: Quota) -> Accepted:
    """Return a new exchange as it was stored."""
    message = MessageOut(
        id=new.message_id,
        chatroom_id=new.chatroom_id,
        role=Role.USER,
        content=new.content,
        status=MessageStatus.COMPLETED,
        reply_to=None,
        superseded=False,
        error=None,
        finish_reason=None,
        model=None,
        usage=None,
        created_at=stored.stored_at,
        completed_at=stored.stored_at,
    )
    reply = MessageOut(
        id=new.reply_id,
        chatroom_id=new.chatroom_id,
        role=Role.MODEL,
        content="",
        status=MessageStatus.PENDING,
        reply_to=new.message_id,
        superseded=False,
        error=None,
        finish_reason=None,
        model=stored.model,
        usage=None,
        created_at=stored.stored_at,
        completed_at=None,
    )
    return Accepted(ExchangeOut(message=message, reply=reply, quota=quota), is_replay=False)


def require_same_message(earlier: Exchange, *, chatroom_id: UUID, content: str) -> None:
    """Compare a request to send a message with the one that used its key.

    Raises:
        IdempotencyKeyReused: it was another message, or a regenerated reply.
    """
    message = earlier.message
    if earlier.reply.idempotency_key or (message.chatroom_id, message.content) != (chatroom_id, content):
        raise IdempotencyKeyReused


def another_reply(
    room: Chatroom,
    message: Message,
    *,
    model: str,
    now: datetime,
    charged_on: date | None,
    priority: int,
    idempotency_key: str | None,
    request_id: str | None,
) -> Message:
    """Build another pending reply to `message` at the end of the room, and unarchive the room."""
    room.last_position += 1
    room.message_count += 1
    room.last_message_at = room.active_at = room.updated_at = now
    room.archived = False
    return Message(
        id=new_id(),
        chatroom_id=message.chatroom_id,
        user_id=message.user_id,
        position=room.last_position,
        role=Role.MODEL,
        status=MessageStatus.PENDING,
        content="",
        superseded=False,
        attempt=0,
        idempotency_key=idempotency_key,
        reply_to=message.id,
        model=model,
        priority=priority,
        charged_on=charged_on,
        request_id=request_id,
        traceparent=tracing.current_traceparent(),
        created_at=now,
    )


def first_words(content: str) -> str | None:
    """Return the beginning of a message on one line, as a title; None if it has no printable character."""
    one_line = " ".join(content[:_TITLE_SOURCE_CHARS].split())
    printable = "".join(character for character in one_line if unicodedata.category(character) != "Cc")
    return printable[:_TITLE_CHARS].strip() or None
