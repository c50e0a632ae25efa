"""Log OpenTelemetry's own warnings: seldom, in one line, and without the values in them."""

import logging
import time
from typing import Final

import structlog

_PAUSE_SECONDS: Final = 60.0

log = structlog.get_logger(__name__)


class _Digest(logging.Handler):
    """Logs each kind of warning once a minute: an unreachable collector causes several with each batch."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._next: dict[object, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        now = time.monotonic()
        if now < self._next.get(record.msg, 0):
            return
        self._next[record.msg] = now + _PAUSE_SECONDS
        # The texts among the arguments quote variables and headers, which hold the collector's key.
        details = [
            type(value).__name__ if isinstance(value, BaseException) else value
            for value in (record.args if isinstance(record.args, tuple) else ())
            if isinstance(value, BaseException | int | float)
        ]
        log.warning("tracing_problem", message=record.msg, details=details)


def log_library_warnings() -> None:
    """Send the warnings of OpenTelemetry's loggers to the log of this process."""
    logger = logging.getLogger("opentelemetry")
    logger.handlers = [_Digest()]
    logger.propagate = False
