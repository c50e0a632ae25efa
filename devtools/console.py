"""Show on one terminal what the processes of a run print, and log all of it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from typing import TYPE_CHECKING

from devtools.levels import ProblemFilter

if TYPE_CHECKING:
    from devtools.runlog import RunLog

COLOURS = {"api": 32, "worker": 33, "flower": 36, "sandbox": 35, "migrate": 34}
PLAIN = 37
LEVEL = re.compile(r"^(\d\d:\d\d:\d\d )(warning|error|critical)\b")
LEVEL_COLOURS = {"warning": 33, "error": 31, "critical": 31}


class Console:
    """Show the run's own lines, and of its processes' lines all if verbose, else warnings, errors, prints."""

    def __init__(self, log: RunLog, *, verbose: bool) -> None:
        self.stopping = False  # what processes print when they stop is no problem
        self._log = log
        self._verbose = verbose
        self._filters: dict[str, ProblemFilter] = {}

    def say(self, name: str, line: str) -> None:
        """Show a line of the run's own about one process."""
        self._log.write(name, line)
        say(name, line)

    def relay(self, name: str, line: str) -> None:
        """Take a line that a process printed."""
        self._log.write(name, line)
        is_problem = self._filters.setdefault(name, ProblemFilter(name)).shows(line)
        if self._verbose or (is_problem and not self.stopping):
            say(name, line)


def say(name: str, line: str) -> None:
    """Print one line of one process."""
    tag = f"{name:<8} | "
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        tag = f"\033[{COLOURS.get(name, PLAIN)}m{tag}\033[0m"
        line = LEVEL.sub(_paint, line)
    with contextlib.suppress(OSError):  # the terminal was closed; what must be stopped still is
        print(tag + line, flush=True)


def _paint(found: re.Match[str]) -> str:
    """Colour the level of a short line, as its process would on a terminal of its own."""
    return f"{found[1]}\033[{LEVEL_COLOURS[found[2]]}m{found[2]}\033[0m"


def print_any_letter() -> None:
    """Let a terminal that lacks a letter, as in the path of this folder, show its number instead."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
