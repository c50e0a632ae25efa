"""Structured logs: one JSON object a line, with request ids and without secrets."""

import json
import logging
import logging.config
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.config import LogFormat, LogSettings
from app.log_lines.form import form_of, has_colours
from app.log_lines.terminal import terminal_line

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_JSON: Final = json.JSONEncoder(default=repr)
_OWN: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)
"""The processors of each line before it is rendered."""


def _drop_colour_twin(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Drop uvicorn's second copy of each message, which has terminal colours."""
    event.pop("color_message", None)
    return event


def _as_json(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    """Render a line; `json.dumps` would make an encoder for each."""
    return _JSON.encode(event)


class _Output(logging.StreamHandler[TextIO]):
    """Writes the libraries' records and the lines of structlog to one stream."""

    def write(self, line: str) -> None:
        """Write a line of structlog, or drop it if the stream is closed or full, as `emit` does."""
        with suppress(OSError, ValueError):
            self.acquire()
            try:
                self.stream.write(line + self.terminator)
                self.stream.flush()
            finally:
                self.release()


class _Logger:
    """The end of a structlog logger: it writes lines past the standard library's loggers."""

    def __init__(self, output: _Output, name: str = "") -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = self.critical = output.write


def log_format_of(settings: LogSettings) -> LogFormat:
    """Return the form of this process's lines: as set, else short lines on a terminal and JSON elsewhere."""
    return settings.log_format or LogFormat(form_of(sys.stdout))


def configure_logging(settings: LogSettings) -> None:
    """Send all that this process has to say to stdout in one format, also what libraries would print.

    `LOG_LEVEL` decides, not the options of uvicorn, Celery or Flower.
    """
    colours = has_colours(sys.stdout)
    renderer: list[Processor] = [
        structlog.processors.format_exc_info,  # other formatters print the values of local variables
        _as_json
        if log_format_of(settings) is LogFormat.JSON
        else lambda _logger, _name, event: terminal_line(event, colours=colours),
    ]
    output = _Output(sys.stdout)
    structlog.configure(
        processors=[*_OWN, *renderer],
        logger_factory=lambda *names: _Logger(output, *names),
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": [
                        *_OWN,
                        structlog.stdlib.ExtraAdder(),
                        _drop_colour_twin,
                        structlog.processors.StackInfoRenderer(),
                    ],
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        *renderer,
                    ],
                }
            },
            "handlers": {"stdout": {"()": lambda: output, "formatter": "structured"}},
            "root": {"handlers": ["stdout"], "level": settings.log_level.upper()},
            "loggers": {
                # Uvicorn's own handlers and levels go; requests are logged by app.middleware, with their ids.
                "uvicorn": {"handlers": [], "propagate": True, "level": "NOTSET"},
                "uvicorn.error": {"handlers": [], "propagate": True, "level": "NOTSET"},
                "uvicorn.access": {"handlers": [], "propagate": False},
                # At info these repeat `reply_started` and `reply_recorded` for every task, and delay its
                # first text.
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                # These log addresses or bodies at info.
                "httpx": {"level": "WARNING"},
                "httpx2": {"level": "WARNING"},
                # At debug it logs the headers of responses and quotes malformed ones.
                "httpcore2": {"level": "WARNING"},
                "stripe": {"level": "WARNING"},
            },
        }
    )
    logging.captureWarnings(capture=True)
    _log_uncaught_errors()


def _log_uncaught_errors() -> None:
    """Log what Python would print; hooks that are set already, as those of pytest, stay."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _process_crashed
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _thread_crashed
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _error_ignored


log = structlog.get_logger(__name__)


def _process_crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        log.warning("process_interrupted")
        return
    log.critical("process_crashed", exc_info=(kind, error, trace))


def _thread_crashed(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        name = args.thread.name if args.thread else None
        log.error("thread_crashed", thread=name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))


def _error_ignored(args: "UnraisableHookArgs") -> None:
    error = args.exc_value
    exc_info = (args.exc_type, error, args.exc_traceback) if error is not None else None
    # The name of its type only: the representation of an object may hold anything.
    log.error(
        "error_ignored", where=args.err_msg or "in", object=type(args.object).__name__, exc_info=exc_info
    )
