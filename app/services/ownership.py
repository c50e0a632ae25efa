"""Load rows by id; another user's row counts as not found."""

from uuid import UUID

from app.errors import ChatroomNotFound, MessageNotFound
from app.models import Chatroom, Message, Role
from app.unit_of_work import Transaction


async def own_room(tx: Transaction, user_id: UUID, chatroom_id: UUID, *, lock: bool = False) -> Chatroom:
    """Return a room of this user; with `lock`, lock its row until the transaction ends.

    Raises:
        ChatroomNotFound: the user has no such room.
    """
    room = await tx.chatrooms.get_owned(chatroom_id, user_id, lock=lock)
    if room is None:
        raise ChatroomNotFound
    return room


async def own_message(tx: Transaction, user_id: UUID, chatroom_id: UUID, message_id: UUID) -> Message:
    """Return a message in a room of this user.

    Raises:
        ChatroomNotFound: the user has no such room.
        MessageNotFound: the message is not in it.
    """
    message = await tx.messages.get_owned(message_id, chatroom_id=chatroom_id, user_id=user_id)
    if message is None:
        await own_room(tx, user_id, chatroom_id)
        raise MessageNotFound
    return message


async def own_reply(tx: Transaction, user_id: UUID, chatroom_id: UUID, reply_id: UUID) -> Message:
    """Return a reply in a room of this user.

    Raises:
        ChatroomNotFound: the user has no such room.
        MessageNotFound: the message is not in it, or is not a reply.
    """
    reply = await own_message(tx, user_id, chatroom_id, reply_id)
    if reply.role is not Role.MODEL:
        raise MessageNotFound
    return reply
