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
        log.warning("tracing_problem", reason=_reason(record))


def _reason(record: logging.LogRecord) -> str:
    """Return the message without texts: they quote variables and headers, which hold the collector's key."""
    values = record.args if isinstance(record.args, tuple) else ()
    try:
        return str(record.msg) % tuple(map(_shown, values))
    except (TypeError, ValueError):
        return str(record.msg)


def _shown(value: object) -> object:
    if isinstance(value, int | float):
        return value
    return type(value).__name__ if isinstance(value, BaseException) else "…"


def log_library_warnings() -> None:
    """Send the warnings of OpenTelemetry's loggers to the log of this process."""
    logger = logging.getLogger("opentelemetry")
    logger.handlers = [_Digest()]
    logger.propagate = False
