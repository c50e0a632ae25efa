"""Queue of signals about one reply for one subscriber."""

import asyncio
import contextlib
import time
from collections import deque
from typing import Final
from uuid import UUID

from app.redis_client.reply_events import ReplyEvent

_FIRST_EVENT_SECONDS = 0.05
_MAX_UNREAD = 500


class Recheck:
    """Signal that events may have been missed: read the row."""


class Shutdown:
    """Signal that the process is shutting down: end the stream."""


RECHECK: Final = Recheck()
SHUTDOWN: Final = Shutdown()
Signal = ReplyEvent | Recheck | Shutdown


class ReplySubscription:
    """Queue of signals for one subscriber.

    When the subscriber reads too slowly, one `Recheck` replaces the unread signals, so nothing is lost.
    """

    def __init__(self, reply_id: UUID, *, is_new: bool = False) -> None:
        self.reply_id = reply_id
        self.last_signal_at = time.monotonic()
        self._is_new = is_new
        self._signals: deque[Signal] = deque()
        self._arrived = asyncio.Event()

    def begin(self) -> None:
        """Request the first read of the row, now that Redis delivers every later event.

        A new reply has no history: skip the read, which would delay its first text. Request it only if no
        event comes within 50 ms, since the reply may have ended before the subscription began.
        """
        if self._is_new:
            asyncio.get_running_loop().call_later(
                _FIRST_EVENT_SECONDS, self._recheck_if_silent, self.last_signal_at
            )
        else:
            self.put(RECHECK)

    def _recheck_if_silent(self, since: float) -> None:
        if self.last_signal_at == since:
            self.put(RECHECK)

    def put(self, signal: Signal) -> None:
        """Add a signal without waiting for the subscriber."""
        self.last_signal_at = time.monotonic()
        self._add(signal)

    def request_recheck(self) -> None:
        """Add a `Recheck` without resetting `last_signal_at`."""
        self._add(RECHECK)

    def _add(self, signal: Signal) -> None:
        if len(self._signals) >= _MAX_UNREAD:
            self._signals.clear()
            self._signals.append(RECHECK)
        self._signals.append(signal)
        self._arrived.set()

    async def get(self, seconds: float) -> Signal | None:
        """Return the next signal, or None if none arrives in time."""
        if not self._signals:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._arrived.wait()
        return self._signals.popleft() if self._signals else None
