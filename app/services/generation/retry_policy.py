"""How often a reply is tried, and when again."""

import random
from dataclasses import dataclass

_LONGEST_BACKOFF_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a reply is tried: after the model's failures, and after workers that were lost."""

    max_retries: int
    max_worker_losses: int

    def backoff_seconds(self, retries: int, *, not_before: float | None = None) -> float:
        """Full jitter over 2^n seconds, and not before Gemini said so."""
        jitter = random.uniform(0, min(2.0**retries, _LONGEST_BACKOFF_SECONDS))  # noqa: S311  # spreads load, guards nothing
        return (not_before or 0.0) + jitter
