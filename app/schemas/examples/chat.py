"""A room, its messages, and the stream of a reply."""

from typing import Final
from uuid import UUID

from pydantic import BaseModel

from app.kit.event_id import STREAM_START, EventId
from app.models import MessageStatus, Role
from app.schemas import chatroom, message, search
from app.schemas.examples.identity import QUOTA
from app.schemas.examples.operations import DEFAULT_MODEL
from app.schemas.examples.timestamps import ANSWERED, ASKED, CURSOR, SIGNED_UP
from app.schemas.sse import (
    RETRY,
    ReplyDeltaEvent,
    ReplyEndEvent,
    ReplyMessageEvent,
    ReplyRestartEvent,
    ReplyStartEvent,
    SseEvent,
)

_TEXT = "The tide comes in on silver feet."

ROOM: Final = chatroom.ChatroomOut(
    id=UUID("019c13da-41f0-7b02-8c11-5d2e6f708192"),
    title="Poems",
    description=None,
    system_instruction="Answer in verse.",
    model=None,
    archived=False,
    message_count=2,
    last_message_at=ASKED,
    created_at=SIGNED_UP,
    updated_at=ASKED,
)
QUESTION: Final = message.MessageOut(
    id=UUID("019c13dc-0a5a-7e44-a1b2-c3d4e5f60718"),
    chatroom_id=ROOM.id,
    role=Role.USER,
    content="Write a line about the sea.",
    status=MessageStatus.COMPLETED,
    reply_to=None,
    superseded=False,
    error=None,
    finish_reason=None,
    model=None,
    usage=None,
    created_at=ASKED,
    completed_at=ASKED,
)
PENDING_REPLY: Final = message.MessageOut(
    id=UUID("019c13dc-0a5b-7d06-b0c1-d2e3f4051627"),
    chatroom_id=ROOM.id,
    role=Role.MODEL,
    content="",
    status=MessageStatus.PENDING,
    reply_to=QUESTION.id,
    superseded=False,
    error=None,
    finish_reason=None,
    model=DEFAULT_MODEL,
    usage=None,
    created_at=ASKED,
    completed_at=None,
)
REPLY: Final = PENDING_REPLY.model_copy(
    update={
        "content": _TEXT,
        "status": MessageStatus.COMPLETED,
        "finish_reason": "stop",
        "usage": message.Usage(
            input_tokens=14,
            output_tokens=9,
            thinking_tokens=0,
            time_to_first_token_ms=410,
            duration_ms=2160,
        ),
        "completed_at": ANSWERED,
    }
)
CANCELLED_REPLY: Final = PENDING_REPLY.model_copy(
    update={
        "content": _TEXT[:8],
        "status": MessageStatus.CANCELLED,
        "usage": message.Usage(
            input_tokens=None,
            output_tokens=None,
            thinking_tokens=None,
            time_to_first_token_ms=410,
            duration_ms=700,
        ),
        "completed_at": ANSWERED,
    }
)
EXCHANGE: Final = message.ExchangeOut(message=QUESTION, reply=REPLY, quota=QUOTA)
PENDING_EXCHANGE: Final = EXCHANGE.model_copy(update={"reply": PENDING_REPLY})

_HIT = search.SearchHit(
    chatroom_id=ROOM.id,
    message_id=REPLY.id,
    snippet="The <mark>tide</mark> comes in on silver feet.",
    created_at=ASKED,
)

_EVENTS: Final = (
    SseEvent(STREAM_START, ReplyMessageEvent(message=QUESTION, reply=PENDING_REPLY)),
    SseEvent(EventId(1, 0), ReplyStartEvent(attempt=1)),
    SseEvent(EventId(1, 8), ReplyDeltaEvent(text=_TEXT[:8])),
    SseEvent(EventId(1, len(_TEXT)), ReplyDeltaEvent(text=_TEXT[8:])),
    SseEvent(EventId.end_of(1), ReplyEndEvent(**dict(REPLY))),
)
STREAM: Final = (RETRY + b"".join(event.encoded for event in _EVENTS[1:3])).decode()
"""The retry hint and two events, encoded."""
EVENTS: Final = (*(event.data for event in _EVENTS), ReplyRestartEvent(attempt=2))
"""The data of one event of each kind."""

CHAT: Final[tuple[BaseModel, ...]] = (
    chatroom.ChatroomIn(title="Poems", system_instruction="Answer in verse."),
    chatroom.ChatroomPatch(title="Poems of the sea", archived=False),
    ROOM.model_copy(update={"message_count": 0, "last_message_at": None, "updated_at": SIGNED_UP}),
    search.SearchPage(hits=[_HIT], next_cursor=CURSOR),
    chatroom.ChatroomPage(chatrooms=[ROOM], next_cursor=CURSOR),
    chatroom.ChatroomWithMessages(**dict(ROOM), messages=[QUESTION, REPLY], next_cursor=None),
    message.MessageIn(content=QUESTION.content),
    EXCHANGE,
    REPLY,
    message.MessagePage(messages=[REPLY, QUESTION], next_cursor=CURSOR),
)
