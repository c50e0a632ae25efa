"""One breaker per process for all use of Redis: after a failure every use fails at once for two seconds."""

import time

from app import metrics

OPEN_SECONDS = 2.0


class Breaker:
    """Remembers the last failure; safe to use from several threads (a single float is read and set)."""

    def __init__(self, *, open_seconds: float = OPEN_SECONDS, is_measured: bool = False) -> None:
        """Open for `open_seconds` after a failure; a process measures one breaker, that of `REDIS_URL`."""
        self._open_seconds = open_seconds
        self._open_until = 0.0
        self._report = metrics.breaker_opened if is_measured else _ignore

    @property
    def is_open(self) -> bool:
        """Whether uses should fail without trying."""
        return time.monotonic() < self._open_until

    def trip(self) -> None:
        """Record a failure: reject uses for the next `open_seconds`."""
        self._open_until = time.monotonic() + self._open_seconds
        self._report(self._open_until)

    def reset(self) -> None:
        """Record that Redis answers: allow uses again."""
        self._open_until = 0.0
        self._report(0.0)


def _ignore(_until: float) -> None:
    """Report nothing."""
