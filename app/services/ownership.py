"""What a person's ids stand for. What is not theirs is as good as not there."""

from uuid import UUID

from app.errors import ChatroomNotFound, MessageNotFound
from app.models import Chatroom, Message, Role
from app.unit_of_work import Transaction


async def own_room(tx: Transaction, user_id: UUID, chatroom_id: UUID, *, lock: bool = False) -> Chatroom:
    """A room of this person; with `lock`, held until the transaction ends.

    Raises:
        ChatroomNotFound: there is no such room of theirs.
    """
    room = await tx.chatrooms.get_owned(chatroom_id, user_id, lock=lock)
    if room is None:
        raise ChatroomNotFound
    return room


async def own_message(tx: Transaction, user_id: UUID, chatroom_id: UUID, message_id: UUID) -> Message:
    """A message in a room of this person.

    Raises:
        ChatroomNotFound: there is no such room of theirs.
        MessageNotFound: the message is not in it.
    """
    await own_room(tx, user_id, chatroom_id)
    message = await tx.messages.get_owned(message_id, chatroom_id=chatroom_id, user_id=user_id)
    if message is None:
        raise MessageNotFound
    return message


async def own_reply(tx: Transaction, user_id: UUID, chatroom_id: UUID, reply_id: UUID) -> Message:
    """A reply in a room of this person.

    Raises:
        ChatroomNotFound: there is no such room of theirs.
        MessageNotFound: the reply is not in it, or not a reply.
    """
    reply = await own_message(tx, user_id, chatroom_id, reply_id)
    if reply.role is not Role.MODEL:
        raise MessageNotFound
    return reply
