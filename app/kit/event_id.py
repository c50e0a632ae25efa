"""Ids of the events in a reply's stream, which are positions in its text."""

from dataclasses import dataclass
from typing import Final, Self

IDS_PER_ATTEMPT: Final = 10**9
END_OFFSET: Final = IDS_PER_ATTEMPT - 1
_MAX_DIGITS: Final = 18


@dataclass(frozen=True, slots=True, order=True)
class EventId:
    """An attempt at a reply and an offset into its text in characters.

    On the wire it is the number `attempt * 10^9 + offset`. The largest offset is the id of `end`.
    """

    attempt: int
    offset: int

    @classmethod
    def decode(cls, number: int) -> Self:
        """Return the id that `int` encoded as this number."""
        return cls(*divmod(number, IDS_PER_ATTEMPT))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the id in a header, or None if no event can have it."""
        if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
            return None
        return cls.decode(int(text))

    @classmethod
    def end_of(cls, attempt: int) -> Self:
        """Return the id of the event that ends an attempt."""
        return cls(attempt, END_OFFSET)

    def advanced(self, characters: int) -> Self:
        """Return the position `characters` further on in the same attempt."""
        return type(self)(self.attempt, self.offset + characters)

    def __int__(self) -> int:
        return self.attempt * IDS_PER_ATTEMPT + self.offset

    def __str__(self) -> str:
        return str(int(self))


STREAM_START: Final = EventId(0, 0)
"""The id of the event `message`, before any attempt."""
UNKNOWN_EVENT: Final = EventId(END_OFFSET, END_OFFSET)
"""A position after every event: a stream resumed there sends the whole reply again."""
