"""The one terminal that all processes of a run share."""

from __future__ import annotations

import contextlib
import sys

COLOURS = {"api": 32, "worker": 33, "flower": 36, "sandbox": 35, "migrate": 34}
PLAIN = 37


def say(name: str, line: str) -> None:
    """Print one line of one process."""
    tag = f"{name:<8} | "
    if sys.stdout.isatty():
        tag = f"\033[{COLOURS.get(name, PLAIN)}m{tag}\033[0m"
    with contextlib.suppress(OSError):  # the terminal is gone; what must be stopped still is
        print(tag + line, flush=True)
