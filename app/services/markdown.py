"""A conversation in Markdown, for people to read; what was said stands in it byte for byte."""

from datetime import datetime

from app.models import MessageStatus, Role
from app.schemas.chatroom import ChatroomOut
from app.schemas.message import MessageOut

_UNTITLED = "Untitled conversation"
_SPEAKERS = {Role.USER: "You", Role.MODEL: "Gemini"}


def room_in_markdown(room: ChatroomOut, *, exported_at: datetime) -> str:
    """How the document begins."""
    parts = [f"# {room.title or _UNTITLED}", f"*{room.model}, exported {_time(exported_at)}*"]
    if room.description:
        parts.append(room.description)
    return "\n\n".join(parts) + "\n"


def message_in_markdown(message: MessageOut) -> str:
    """A message with who said it and when; of a reply also how it ended, if not as it should."""
    remarks = [_time(message.created_at)]
    if message.role is Role.MODEL and message.status is not MessageStatus.COMPLETED:
        reason = f": {message.error.detail}" if message.error else ""
        remarks.append(message.status.value + reason)
    if message.superseded:
        remarks.append("replaced by another reply")
    return f"\n---\n\n**{_SPEAKERS[message.role]}** ({', '.join(remarks)})\n\n{message.content}\n"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
