"""New rows of a conversation: a message with the reply it is owed, or another reply to it."""

import unicodedata
from datetime import date, datetime

from app.models import Chatroom, Message, MessageStatus, Role, TitleSource
from app.models.base import new_id
from app.repositories.message import Exchange

_TITLE_CHARS = 60


def new_exchange(
    room: Chatroom,
    content: str,
    *,
    now: datetime,
    charged_on: date,
    idempotency_key: str | None,
    request_id: str,
) -> Exchange:
    """A message and its pending reply, numbered behind the room's last; an archived room comes back."""
    message = Message(
        id=new_id(),
        chatroom_id=room.id,
        user_id=room.user_id,
        position=room.last_position + 1,
        role=Role.USER,
        status=MessageStatus.COMPLETED,
        content=content,
        idempotency_key=idempotency_key,
        created_at=now,
        completed_at=now,
    )
    _note(room, messages=1, now=now)
    if room.title is None and (words := _first_words(content)):
        room.title, room.title_source = words, TitleSource.FIRST_WORDS
    reply = another_reply(
        room, message, now=now, charged_on=charged_on, idempotency_key=None, request_id=request_id
    )
    return Exchange(message, reply)


def another_reply(
    room: Chatroom,
    message: Message,
    *,
    now: datetime,
    charged_on: date,
    idempotency_key: str | None,
    request_id: str,
) -> Message:
    """A pending reply to a message, numbered behind the room's last."""
    reply = Message(
        id=new_id(),
        chatroom_id=room.id,
        user_id=room.user_id,
        position=room.last_position + 1,
        role=Role.MODEL,
        status=MessageStatus.PENDING,
        content="",
        reply_to=message.id,
        model=room.model,
        charged_on=charged_on,
        idempotency_key=idempotency_key,
        request_id=request_id,
        created_at=now,
    )
    _note(room, messages=1, now=now)
    return reply


def _note(room: Chatroom, *, messages: int, now: datetime) -> None:
    room.last_position += messages
    room.message_count += messages
    room.last_message_at = room.active_at = room.updated_at = now
    room.archived = False


def _first_words(content: str) -> str | None:
    """The beginning of a message on one line, as a title; None when nothing in it can be shown."""
    signs = (sign for sign in " ".join(content.split()) if unicodedata.category(sign) != "Cc")
    return "".join(signs)[:_TITLE_CHARS].strip() or None
