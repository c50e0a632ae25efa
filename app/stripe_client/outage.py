"""Tells the log that Stripe is unavailable: once a minute in a process, however much work meets it."""

import time
from typing import Final

import structlog

_PERIOD_SECONDS: Final = (
    55.0  # less than a minute, so that work which is tried every minute is told of each time
)

log = structlog.get_logger(__name__)


class StripeOutage:
    """The lines of one process; what is left out is counted in the next one."""

    def __init__(self) -> None:
        self._next_at = 0.0
        self._left_out = 0

    def report(self, event: str, **fields: object) -> None:
        """Log a warning, unless one was logged less than a minute ago."""
        now = time.monotonic()
        if now < self._next_at:
            self._left_out += 1
            log.debug(event, **fields)
            return
        log.warning(event, **fields, left_out=self._left_out)
        self._next_at, self._left_out = now + _PERIOD_SECONDS, 0
