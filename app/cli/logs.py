"""The log of a command: nothing, or on stderr with `--verbose`; stdout is for the result."""

import logging
import sys

import structlog

_SILENT = logging.CRITICAL  # which this code never logs at


def configure_logging(*, is_verbose: bool) -> None:
    """Send the log to stderr from level info on, or drop it."""
    level = logging.INFO if is_verbose else _SILENT
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(stream=sys.stderr, level=max(level, logging.WARNING), force=True)
