"""Rooms and exchanges as workers read them."""

from uuid import UUID

from app.models import TitleSource
from app.repositories.room_context import PastExchange, RoomContext

ROOM_ID = UUID(int=1)


def room(
    *,
    instruction: str | None = None,
    summary: str | None = None,
    summarized_through: int = 0,
    bytes_per_token: float = 1.0,
) -> RoomContext:
    """Return a room in which a token is a byte, unless said otherwise."""
    return RoomContext(
        ROOM_ID,
        "gemini-test",
        False,  # follows_default
        TitleSource.FIRST_WORDS,
        instruction,
        bytes_per_token,
        summary,
        summarized_through,
    )


def exchange(position: int, size: int) -> PastExchange:
    """Return an exchange of so many bytes, half of them the answer's."""
    return PastExchange(position, "q" * (size - size // 2), "a" * (size // 2))
