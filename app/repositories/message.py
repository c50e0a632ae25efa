"""SQL about messages for their owners; the statements of workers are in `reply` and `claims`."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select, update

from app.database import PooledConnection, Record
from app.models import Chatroom, Message
from app.repositories.message_rows import message_of
from app.repositories.page_bytes import PAGE_BYTES
from app.repositories.sql import query

_MAX_POSITION = 2**31 - 1
_READ_ROOM = query(
    "read_room", chatroom_id="uuid", user_id="uuid", before="integer", limit="integer", max_bytes="integer"
)

_OWNED = query(
    "select_message", "message_columns", "own_message", message_id="uuid", chatroom_id="uuid", user_id="uuid"
)
_OF_KEY = query(
    "select_message", "message_columns", "exchange_of_key", user_id="uuid", idempotency_key="text"
)

ReplyScope = ColumnElement[bool]
"""Condition that selects the replies of a user or a room."""


def of_user(user_id: UUID) -> ReplyScope:
    """Select all replies to a user, by their rooms: messages have an index by room."""
    return Message.chatroom_id.in_(select(Chatroom.id).where(Chatroom.user_id == user_id))


def of_room(chatroom_id: UUID) -> ReplyScope:
    """Select all replies in a room."""
    return Message.chatroom_id == chatroom_id


@dataclass(frozen=True, slots=True)
class Exchange:
    """A user's message and a reply to it."""

    message: Message
    reply: Message


@dataclass(frozen=True, slots=True)
class RoomPage:
    """A room and a page of its messages."""

    room: Record
    """The columns of the room have the prefix `room_`."""
    messages: Sequence[Record]
    """The messages of the page that fit its bytes, at least one if there are any."""
    found: int
    """Number of messages of the page without the limit on bytes."""


@dataclass(frozen=True, slots=True)
class MessageRepository:
    """Messages in the rooms of a user."""

    connection: PooledConnection

    async def get_owned(self, message_id: UUID, *, chatroom_id: UUID, user_id: UUID) -> Message | None:
        """Return a message of the user's room."""
        values = {"message_id": message_id, "chatroom_id": chatroom_id, "user_id": user_id}
        row = await self.connection.fetch_row(_OWNED, values)
        return None if row is None else message_of(row)

    async def get_exchange(self, *, user_id: UUID, idempotency_key: str) -> Exchange | None:
        """Return the exchange of an Idempotency-Key: with the first reply, or with a regenerated one."""
        values = {"user_id": user_id, "idempotency_key": idempotency_key}
        rows = await self.connection.fetch(_OF_KEY, values)
        if not rows:
            return None
        message, reply = rows
        return Exchange(message_of(message), message_of(reply))

    async def supersede(self, reply: Message) -> None:
        """Mark a reply as replaced, before another reply to the same message is added."""
        await self.connection.session.execute(
            update(Message).where(Message.id == reply.id).values(superseded=True),
            execution_options={"synchronize_session": False},
        )

    async def question_of(self, reply: Message) -> Message:
        """Return the message that a reply answers."""
        return await self.connection.session.get_one(Message, reply.reply_to)

    def add_reply(self, reply: Message) -> None:
        """Store another reply to a message."""
        self.connection.session.add(reply)

    async def room_page(
        self, *, chatroom_id: UUID, user_id: UUID, before: int | None, limit: int
    ) -> RoomPage | None:
        """Return the user's room with up to `limit` messages before a position, newest first."""
        values = {
            "chatroom_id": chatroom_id,
            "user_id": user_id,
            "before": _MAX_POSITION if before is None else before,
            "limit": limit,
            "max_bytes": PAGE_BYTES,
        }
        rows = await self.connection.fetch(_READ_ROOM, values)
        if not rows or rows[0]["room_id"] is None:
            return None
        is_empty = rows[0]["id"] is None
        return RoomPage(rows[0], [] if is_empty else rows, 0 if is_empty else rows[0]["found"])
