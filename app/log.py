"""Structured logs: one JSON object a line, with request ids and without secrets."""

import json
import logging
import logging.config
import sys
from contextlib import suppress
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.config import LogFormat, Settings

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


def configure_logging(settings: Settings) -> None:
    """Send structlog and the libraries' standard logging in one format to stdout."""
    on_terminal = sys.stdout.isatty()
    log_format = settings.log_format or (LogFormat.CONSOLE if on_terminal else LogFormat.JSON)
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, _as_json]
        if log_format is LogFormat.JSON
        else [  # Other formatters print the values of local variables.
            structlog.dev.ConsoleRenderer(
                colors=on_terminal, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
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
                # Uvicorn's own handlers go; requests are logged by app.middleware, with their ids.
                "uvicorn": {"handlers": [], "propagate": True},
                "uvicorn.error": {"handlers": [], "propagate": True},
                "uvicorn.access": {"handlers": [], "propagate": False},
                # At info these repeat `reply_started` and `reply_recorded` for every task, and delay its
                # first text.
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                # These log addresses or bodies at info.
                "httpx": {"level": "WARNING"},
                "httpx2": {"level": "WARNING"},
                "stripe": {"level": "WARNING"},
            },
        }
    )
