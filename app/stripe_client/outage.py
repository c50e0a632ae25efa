"""Logs that Stripe is unavailable, at most once a minute per process."""

import time
from typing import Final

import structlog

_PERIOD_SECONDS: Final = 55.0  # under a minute, so that work retried every minute is logged each time

log = structlog.get_logger(__name__)


class StripeOutage:
    """Limits the warnings of one process; each counts those that were left out before it."""

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
