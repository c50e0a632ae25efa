"""The sandbox's log: one JSON object a line, or short lines on a terminal."""

import json
import logging
import os
import sys
import time
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object with `event`, `level`, `logger` and `timestamp`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object."""
        fields = {"event": record.getMessage()}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        timestamp = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        return json.dumps(
            fields | {"level": record.levelname.lower(), "logger": record.name, "timestamp": timestamp}
        )


class ShortFormatter(logging.Formatter):
    """Formats a record as the local time, its level unless that is info, and its text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and a traceback below it."""
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()} "
        lines = f"{time.strftime('%H:%M:%S')} {level}{record.getMessage()}"
        if record.exc_info:
            lines += f"\n{self.formatException(record.exc_info)}"
        return lines.replace("\n", "\n  ")


def configure_logging() -> None:
    """Send all lines to stdout, in the form of `LOG_FORMAT`; if it is empty, as JSON but on a terminal."""
    chosen = os.environ.get("LOG_FORMAT", "").strip().lower()
    is_short = chosen == "console" or (chosen != "json" and sys.stdout.isatty())
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(ShortFormatter() if is_short else JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda kind, error, trace: logging.getLogger("sandbox").critical(
        "process_crashed", exc_info=(kind, error, trace)
    )
