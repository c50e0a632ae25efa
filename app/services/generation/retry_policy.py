"""Decide how often and when a reply is retried."""

import random
from dataclasses import dataclass

_MAX_BACKOFF_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The limits of retries: after failures of the model, and after worker losses."""

    max_retries: int
    max_worker_losses: int

    def backoff_seconds(self, retries: int, *, not_before: float | None = None) -> float:
        """Return a delay with full jitter over 2^retries seconds (at most 30), added to `not_before`."""
        jitter = random.uniform(0, min(2.0**retries, _MAX_BACKOFF_SECONDS))  # noqa: S311  # spreads load, guards nothing
        return (not_before or 0.0) + jitter
