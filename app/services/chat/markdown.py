"""A conversation as Markdown for reading; it contains each message byte for byte."""

import re
from datetime import datetime
from typing import Final

from app.models import MessageStatus, Role
from app.schemas.chatroom import ChatroomOut
from app.schemas.message import MessageOut
from app.services.chat.markdown_closing import closing_lines

_UNTITLED = "Untitled conversation"
_LINE_BREAKS: Final = re.compile("[\n-\r\x1c-\x1e\x85\u2028\u2029]+")
_SPEAKERS = {Role.USER: "You", Role.MODEL: "Gemini"}


def room_in_markdown(room: ChatroomOut, *, model: str, exported_at: datetime) -> str:
    """Format the start of the document, with the room's current model."""
    heading = f"# {_LINE_BREAKS.sub(' ', room.title or _UNTITLED)}"
    text = f"{heading}\n{closing_lines(heading)}\n*{model}, exported {_time(exported_at)}*\n"
    if room.description:
        text += f"\n{room.description}\n{closing_lines(room.description)}"
    return text


def message_in_markdown(message: MessageOut, *, model: str) -> str:
    """Format a message under a heading with its author and time.

    For a reply, the heading also names its model, if that differs from the room's, and its status, if it did
    not complete. Whatever the message leaves open is closed after it, so that the next heading is a heading.
    """
    remarks = [_time(message.created_at)]
    if message.model is not None and message.model != model:
        remarks.append(message.model)
    if message.role is Role.MODEL and message.status is not MessageStatus.COMPLETED:
        reason = f": {message.error.detail}" if message.error else ""
        remarks.append(message.status.value + reason)
    if message.superseded:
        remarks.append("replaced by another reply")
    heading = f"## **{_SPEAKERS[message.role]}** ({', '.join(remarks)})"
    return f"\n---\n\n{heading}\n\n{message.content}\n{closing_lines(message.content)}"


def _time(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC")
