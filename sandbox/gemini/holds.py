"""Holds: calls that wait, at a place a test chooses, until it lets them go."""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Hold:
    """A hold: calls with a text in their last user turn wait after so many pieces (0: before any byte)."""

    contains: str
    after_pieces: int
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def catches(self, text: str, pieces_sent: int) -> bool:
        """Say whether a call at this place has to wait; one that is past the place waits where it is."""
        there = pieces_sent == 0 if self.after_pieces == 0 else pieces_sent >= self.after_pieces
        return there and self.contains in text


class Holds:
    """All holds, by their text."""

    def __init__(self) -> None:
        self._holds: dict[str, Hold] = {}

    def add(self, contains: str, after_pieces: int) -> None:
        """Hold from now on; a hold for the same text moves to the new place and keeps its waiters."""
        hold = self._holds.setdefault(contains, Hold(contains, after_pieces))
        hold.after_pieces = after_pieces

    def release(self, contains: str | None) -> int:
        """End the hold for this very text, or every hold; returns how many holds ended."""
        texts = list(self._holds) if contains is None else [contains]
        ended = [self._holds.pop(text) for text in texts if text in self._holds]
        for hold in ended:
            hold.released.set()
        return len(ended)

    def catching(self, text: str, pieces_sent: int) -> Hold | None:
        """Find a hold that a call at this place has to wait for."""
        return next((hold for hold in self._holds.values() if hold.catches(text, pieces_sent)), None)
