"""SQL about messages for their owners; the statements of workers are in `reply` and `claims`."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select

from app.database import PooledConnection, Record
from app.models import Chatroom, Message
from app.repositories.page_bytes import PAGE_BYTES
from app.repositories.sql import query

_MAX_POSITION = 2**31 - 1
_READ_ROOM = query(
    "read_room", chatroom_id="uuid", user_id="uuid", before="integer", limit="integer", max_bytes="integer"
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
        return await self.connection.session.scalar(
            select(Message).where(
                Message.id == message_id, Message.chatroom_id == chatroom_id, Message.user_id == user_id
            )
        )

    async def get_exchange(self, *, user_id: UUID, idempotency_key: str) -> Exchange | None:
        """Return the exchange of an Idempotency-Key: with the first reply, or with a regenerated one."""
        keyed = await self.connection.session.scalar(
            select(Message).where(Message.user_id == user_id, Message.idempotency_key == idempotency_key)
        )
        if keyed is None:
            return None
        if keyed.reply_to is not None:
            return Exchange(await self.connection.session.get_one(Message, keyed.reply_to), keyed)
        # The first reply is stored with the message, at the next position.
        reply = await self.connection.session.scalars(
            select(Message).where(
                Message.chatroom_id == keyed.chatroom_id, Message.position == keyed.position + 1
            )
        )
        return Exchange(keyed, reply.one())

    async def supersede(self, reply: Message) -> None:
        """Mark a reply as replaced, before another reply to the same message is added."""
        reply.superseded = True
        await self.connection.session.flush([reply])

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
