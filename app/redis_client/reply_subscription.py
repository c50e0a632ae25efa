"""Queue of signals about one reply for one subscriber."""

import asyncio
import time
from typing import Final
from uuid import UUID

from app.redis_client.reply_events import ReplyEvent

_FIRST_EVENT_SECONDS = 0.05
_MAX_UNREAD = 500


class Recheck:
    """Signal that events may have been missed: read the row."""


class Heartbeat:
    """Signal that the subscriber has sent nothing for a while."""


class Shutdown:
    """Signal that the process is shutting down: end the stream."""


RECHECK: Final = Recheck()
HEARTBEAT: Final = Heartbeat()
SHUTDOWN: Final = Shutdown()
Signal = ReplyEvent | Recheck | Heartbeat | Shutdown


class ReplySubscription:
    """Queue of signals for one subscriber. It is small: a process may have thousands, most of them idle.

    When the subscriber reads too slowly, one `Recheck` replaces the unread signals, so nothing is lost.
    """

    __slots__ = ("_is_new", "_signals", "_waiter", "last_sent_at", "last_signal_at", "reply_id")

    def __init__(self, reply_id: UUID, *, is_new: bool = False) -> None:
        self.reply_id = reply_id
        self.last_signal_at = self.last_sent_at = time.monotonic()
        self._is_new = is_new
        self._signals: list[Signal] = []
        self._waiter: asyncio.Future[None] | None = None

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

    def request_heartbeat(self) -> None:
        """Add a `Heartbeat`, and reset `last_sent_at`."""
        self.last_sent_at = time.monotonic()
        self._add(HEARTBEAT)

    def _add(self, signal: Signal) -> None:
        if len(self._signals) >= _MAX_UNREAD:
            self._signals = [RECHECK]
        self._signals.append(signal)
        _wake(self._waiter)

    async def take(self, seconds: float | None = None) -> list[Signal]:
        """Return all unread signals; wait for one if there are none, at most `seconds`."""
        if not self._signals:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = None if seconds is None else loop.call_later(seconds, _wake, self._waiter)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        signals, self._signals = self._signals, []
        return signals


def _wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
