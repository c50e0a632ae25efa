"""Settings of messages and of the list of chatrooms."""

from typing import ClassVar

from app.config.forms import Count, PositiveCount, Seconds
from app.config.sections.base import Section


class MessageSettings(Section):
    """Messages and chatrooms."""

    section_title: ClassVar[str] = "Messages"

    basic_messages_per_day: Count = 5
    """Messages of a user on Basic in a UTC day."""
    message_max_chars: PositiveCount = 32_000
    """Maximum length of a message, in characters."""
    reply_wait_seconds: Seconds = 25
    """Time for which sending a message waits for the reply, in seconds; `Prefer` in the request overrides
    it."""
    chatroom_cache_seconds: Count = 300
    """Lifetime of a cached list of chatrooms in Redis, in seconds."""
