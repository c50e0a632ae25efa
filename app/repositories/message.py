"""SQL about messages for their owners; the statements of workers are in `reply` and `claims`."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Uuid, bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Chatroom, Message
from app.repositories.page_bytes import PAGE_BYTES, BoundedPage, BoundedQuery

_MAX_POSITION = 2**31 - 1
_ROOM = bindparam("room", type_=Uuid)
# Only the index of positions has this order. With an equality on the room, the planner might read all of its
# messages and sort them, estimating that room and owner together match a few rows.
_PAGE = (
    select(Message)
    .where(
        tuple_(Message.chatroom_id, Message.position) < tuple_(_ROOM, bindparam("before", type_=Integer)),
        Message.chatroom_id >= _ROOM,
        Message.user_id == bindparam("owner", type_=Uuid),
    )
    .order_by(Message.chatroom_id.desc(), Message.position.desc())
    .limit(bindparam("limit", type_=Integer))
)
_BOUNDED_PAGE = BoundedQuery.of(
    Message,
    _PAGE,
    texts=(Message.content,),
    order=Message.position,
    is_descending=True,
    max_bytes=PAGE_BYTES,
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
class MessageRepository:
    """Messages in the rooms of a user."""

    session: AsyncSession

    async def get_owned(self, message_id: UUID, *, chatroom_id: UUID, user_id: UUID) -> Message | None:
        """Return a message of the user's room."""
        return await self.session.scalar(
            select(Message).where(
                Message.id == message_id, Message.chatroom_id == chatroom_id, Message.user_id == user_id
            )
        )

    async def get_exchange(self, *, user_id: UUID, idempotency_key: str) -> Exchange | None:
        """Return the exchange of an Idempotency-Key: with the first reply, or with a regenerated one."""
        keyed = await self.session.scalar(
            select(Message).where(Message.user_id == user_id, Message.idempotency_key == idempotency_key)
        )
        if keyed is None:
            return None
        if keyed.reply_to is not None:
            return Exchange(await self.session.get_one(Message, keyed.reply_to), keyed)
        # The first reply is stored with the message, at the next position.
        reply = await self.session.scalars(
            select(Message).where(
                Message.chatroom_id == keyed.chatroom_id, Message.position == keyed.position + 1
            )
        )
        return Exchange(keyed, reply.one())

    async def supersede(self, reply: Message) -> None:
        """Mark a reply as replaced, before another reply to the same message is added."""
        reply.superseded = True
        await self.session.flush([reply])

    async def question_of(self, reply: Message) -> Message:
        """Return the message that a reply answers."""
        return await self.session.get_one(Message, reply.reply_to)

    def add_reply(self, reply: Message) -> None:
        """Store another reply to a message."""
        self.session.add(reply)

    async def page(
        self, *, chatroom_id: UUID, user_id: UUID, before: int | None, limit: int
    ) -> BoundedPage[Message]:
        """Return up to `limit` messages of the user's room before a position, newest first."""
        values = {
            "room": chatroom_id,
            "owner": user_id,
            "before": _MAX_POSITION if before is None else before,
            "limit": limit,
        }
        return await _BOUNDED_PAGE.run(self.session, values)
