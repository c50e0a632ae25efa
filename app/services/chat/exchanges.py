"""New rows of a conversation: a message with the reply it is owed, or another reply to it."""

import unicodedata
from datetime import date, datetime
from uuid import UUID

from app.models import Chatroom, Message, MessageStatus, Role
from app.models.base import new_id
from app.repositories.message import Exchange

_TITLE_CHARS = 60
_LOOKED_AT_CHARS = 2000


def new_exchange(
    *,
    user_id: UUID,
    chatroom_id: UUID,
    content: str,
    now: datetime,
    idempotency_key: str | None,
    request_id: str,
) -> Exchange:
    """A message and its pending reply, charged to the day of `now`.

    Their places in the room, the model that is to answer and the exact time are known when they are stored.
    """
    message = Message(
        id=new_id(),
        chatroom_id=chatroom_id,
        user_id=user_id,
        role=Role.USER,
        status=MessageStatus.COMPLETED,
        content=content,
        superseded=False,
        idempotency_key=idempotency_key,
        created_at=now,
        completed_at=now,
    )
    return Exchange(message, _pending(message, now=now, charged_on=now.date(), request_id=request_id))


def another_reply(
    room: Chatroom,
    message: Message,
    *,
    model: str,
    now: datetime,
    charged_on: date,
    priority: int,
    idempotency_key: str | None,
    request_id: str,
) -> Message:
    """Another pending reply to a message, numbered behind the room's last; an archived room comes back."""
    reply = _pending(message, now=now, charged_on=charged_on, request_id=request_id)
    reply.position, reply.model, reply.idempotency_key = room.last_position + 1, model, idempotency_key
    reply.priority = priority
    room.last_position += 1
    room.message_count += 1
    room.last_message_at = room.active_at = room.updated_at = now
    room.archived = False
    return reply


def first_words(content: str) -> str | None:
    """The beginning of a message on one line, as a title; None when nothing in it can be shown."""
    signs = (
        sign for sign in " ".join(content[:_LOOKED_AT_CHARS].split()) if unicodedata.category(sign) != "Cc"
    )
    return "".join(signs)[:_TITLE_CHARS].strip() or None


def _pending(message: Message, *, now: datetime, charged_on: date, request_id: str) -> Message:
    return Message(
        id=new_id(),
        chatroom_id=message.chatroom_id,
        user_id=message.user_id,
        role=Role.MODEL,
        status=MessageStatus.PENDING,
        content="",
        superseded=False,
        attempt=0,
        reply_to=message.id,
        charged_on=charged_on,
        request_id=request_id,
        created_at=now,
    )
