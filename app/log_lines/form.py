"""Choose between JSON and short lines, before there are settings."""

import os
from typing import Final, TextIO

JSON: Final = "json"
CONSOLE: Final = "console"


def form_of(stream: TextIO | None, chosen: str | None = None) -> str:
    """Return `chosen`, or else the form of `LOG_FORMAT`, or else short lines on a terminal only."""
    name = (chosen or os.environ.get("LOG_FORMAT") or "").strip().lower()
    if name in (JSON, CONSOLE):
        return name
    return CONSOLE if is_terminal(stream) else JSON


def is_terminal(stream: TextIO | None) -> bool:
    """Whether this stream is a terminal; it may be closed or missing."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def has_colours(stream: TextIO | None) -> bool:
    """Whether to colour lines on this stream: on a terminal, unless `NO_COLOR` is set (no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
