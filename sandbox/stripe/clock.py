"""Stripe's time here: real time plus how far tests have moved it, and the calendar of billing."""

import calendar
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

MONTHS = 12


class Clock:
    """Unix seconds that only go forward; between moves they pass as real ones do."""

    def __init__(self) -> None:
        self._offset = 0
        self._pinned: int | None = None

    def now(self) -> int:
        return self._pinned if self._pinned is not None else int(time.time()) + self._offset

    @property
    def offset(self) -> int:
        """How many seconds it is ahead of real time."""
        return self._offset

    def move_to(self, moment: int) -> None:
        """Go forward to a moment; one that has passed changes nothing."""
        self._offset += max(0, moment - self.now())

    def reset(self) -> None:
        """Go back to real time."""
        self._offset = 0

    @contextmanager
    def pinned(self, moment: int) -> Iterator[None]:
        """Let what is done inside happen at the moment it was due, so that timestamps are right."""
        before, self._pinned = self._pinned, moment
        try:
            yield
        finally:
            self._pinned = before


def months_after(anchor: int, months: int) -> int:
    """Say when a month's period begins: on the anchor's day, or on the last of a shorter month."""
    begun = datetime.fromtimestamp(anchor, UTC)
    year, month = divmod(begun.year * MONTHS + begun.month - 1 + months, MONTHS)
    day = min(begun.day, calendar.monthrange(year, month + 1)[1])
    return int(begun.replace(year=year, month=month + 1, day=day).timestamp())


def next_period_end(anchor: int, after: int) -> int:
    """Say when the period that begins at `after` ends, counted from the anchor: the 31st stays the 31st."""
    months = 1
    while (end := months_after(anchor, months)) <= after:
        months += 1
    return end
