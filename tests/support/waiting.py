"""Waiting for conditions, never for seconds."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SESSION_ENDS_WITHIN_SECONDS = 5
"""After that an ended session counts nowhere: the contract's number."""


def eventually(probe: Callable[[], T | None], *, seconds: float = 30, what: str = "the condition") -> T:
    """What `probe` returns once that is true; fails after `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = probe()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true in {seconds} s")


def let_pass(seconds: float, *, since: float) -> None:
    """Wait until so long after `since` (monotonic): for promises of what is true from then on."""
    time.sleep(max(since + seconds - time.monotonic(), 0))
