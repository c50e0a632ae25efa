"""A conversation in Markdown, for people to read; what was said stands in it byte for byte."""

from datetime import datetime

from app.models import MessageStatus, Role
from app.schemas.chatroom import ChatroomOut
from app.schemas.message import MessageOut

_UNTITLED = "Untitled conversation"
_SPEAKERS = {Role.USER: "You", Role.MODEL: "Gemini"}


def room_in_markdown(room: ChatroomOut, *, model: str, exported_at: datetime) -> str:
    """Write the beginning of the document, with the model that answers in the room now."""
    parts = [f"# {room.title or _UNTITLED}", f"*{model}, exported {_time(exported_at)}*"]
    if room.description:
        parts.append(room.description)
    return "\n\n".join(parts) + "\n"


def message_in_markdown(message: MessageOut, *, model: str) -> str:
    """Write a message with its speaker and time.

    Of a reply also the model, if another one is named at the beginning, and the end, if it did not complete.
    """
    remarks = [_time(message.created_at)]
    if message.model is not None and message.model != model:
        remarks.append(message.model)
    if message.role is Role.MODEL and message.status is not MessageStatus.COMPLETED:
        reason = f": {message.error.detail}" if message.error else ""
        remarks.append(message.status.value + reason)
    if message.superseded:
        remarks.append("replaced by another reply")
    return f"\n---\n\n**{_SPEAKERS[message.role]}** ({', '.join(remarks)})\n\n{message.content}\n"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
