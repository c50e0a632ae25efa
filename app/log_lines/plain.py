"""Lines of processes without settings or structlog: uvicorn's parent, and a process that does not start."""

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from app.log_lines.form import CONSOLE, form_of, has_colours
from app.log_lines.terminal import terminal_line

START_REFUSED: Final = "start_refused"


class LineFormatter(logging.Formatter):
    """Formats the records of the standard library as `app.log` does; for `uvicorn.json`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one JSON object, or a short line on a terminal."""
        fields: dict[str, object] = {"event": record.getMessage()}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        fields |= _common(record.levelname.lower(), record.name)
        if form_of(sys.stdout) == CONSOLE:
            return terminal_line(fields, colours=has_colours(sys.stdout))
        return json.dumps(fields, default=repr)


def report_refusal(problems: Iterable[str], *, heading: str = "", chosen_form: str | None = None) -> None:
    """Tell on stderr why this process does not start: a list, or one JSON line for each problem."""
    if form_of(sys.stderr, chosen_form) == CONSOLE:
        lines = [heading, *(f"  - {problem}" for problem in problems)] if heading else list(problems)
    else:
        common = _common("critical", "start")
        lines = [json.dumps({"event": START_REFUSED, "problem": problem, **common}) for problem in problems]
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def _common(level: str, logger: str) -> dict[str, object]:
    timestamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {"level": level, "logger": logger, "timestamp": timestamp}
