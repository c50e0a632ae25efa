"""SQL about messages as people see them; what workers do with replies is in `reply`."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Uuid, bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Chatroom, Message
from app.repositories.page_bytes import PAGE_BYTES, BoundedPage, BoundedQuery

_MAX_POSITION = 2**31 - 1
_ROOM = bindparam("room", type_=Uuid)
# In this order only the index of positions has them. With the room as an equality, the planner might read all
# of it and sort, in the belief that room and owner together leave but a few.
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
"""Whose replies are meant: a person's or a room's."""


def of_user(user_id: UUID) -> ReplyScope:
    """All replies to a person; by their rooms, since an index of messages leads there."""
    return Message.chatroom_id.in_(select(Chatroom.id).where(Chatroom.user_id == user_id))


def of_room(chatroom_id: UUID) -> ReplyScope:
    """All replies in a room."""
    return Message.chatroom_id == chatroom_id


@dataclass(frozen=True, slots=True)
class Exchange:
    """A person's message and the reply it is owed."""

    message: Message
    reply: Message


@dataclass(frozen=True, slots=True)
class MessageRepository:
    """The lines of a person's rooms."""

    session: AsyncSession

    async def get_owned(self, message_id: UUID, *, chatroom_id: UUID, user_id: UUID) -> Message | None:
        """One message of the user's own room."""
        return await self.session.scalar(
            select(Message).where(
                Message.id == message_id, Message.chatroom_id == chatroom_id, Message.user_id == user_id
            )
        )

    async def get_exchange(self, *, user_id: UUID, idempotency_key: str) -> Exchange | None:
        """What the user asked for with this key: a message with its first reply, or a later reply."""
        keyed = await self.session.scalar(
            select(Message).where(Message.user_id == user_id, Message.idempotency_key == idempotency_key)
        )
        if keyed is None:
            return None
        if keyed.reply_to is not None:
            return Exchange(await self.session.get_one(Message, keyed.reply_to), keyed)
        # A message's first reply is made with it, and stands right behind it.
        reply = await self.session.scalars(
            select(Message).where(
                Message.chatroom_id == keyed.chatroom_id, Message.position == keyed.position + 1
            )
        )
        return Exchange(keyed, reply.one())

    async def supersede(self, reply: Message) -> None:
        """Make room for another reply to the same message."""
        reply.superseded = True
        await self.session.flush([reply])

    async def question_of(self, reply: Message) -> Message:
        """What a reply answers."""
        return await self.session.get_one(Message, reply.reply_to)

    def add_reply(self, reply: Message) -> None:
        """Store another reply to a message."""
        self.session.add(reply)

    async def page(
        self, *, chatroom_id: UUID, user_id: UUID, before: int | None, limit: int
    ) -> BoundedPage[Message]:
        """Up to `limit` messages of the user's room, newest first, older than position `before`."""
        values = {
            "room": chatroom_id,
            "owner": user_id,
            "before": _MAX_POSITION if before is None else before,
            "limit": limit,
        }
        return await _BOUNDED_PAGE.run(self.session, values)
