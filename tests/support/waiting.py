"""Wait for conditions rather than for seconds."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SESSION_ENDS_WITHIN_SECONDS = 5
"""After this time every process rejects an ended session, as the contract promises."""


def eventually(probe: Callable[[], T | None], *, seconds: float = 30, what: str = "the condition") -> T:
    """Wait until `probe` returns a true value, and return it; fail after `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = probe()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true in {seconds} s")


def let_pass(seconds: float, *, since: float) -> None:
    """Wait until `seconds` after `since` (monotonic), for promises that hold from then on."""
    time.sleep(max(since + seconds - time.monotonic(), 0))
