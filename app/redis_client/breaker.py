"""One breaker per process for all use of Redis: after a failure every use fails at once for two seconds."""

import time

from app import metrics

OPEN_SECONDS = 2.0


class Breaker:
    """Remembers the last failure; safe to use from several threads (a single float is read and set)."""

    def __init__(self, *, open_seconds: float = OPEN_SECONDS) -> None:
        self._open_seconds = open_seconds
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether uses should fail without trying."""
        return time.monotonic() < self._open_until

    def trip(self) -> None:
        """Record a failure: reject uses for the next `open_seconds`."""
        self._open_until = time.monotonic() + self._open_seconds
        metrics.breaker_opened(self._open_until)

    def reset(self) -> None:
        """Record that Redis answers: allow uses again."""
        self._open_until = 0.0
        metrics.breaker_opened(0.0)
