"""Delays between two attempts at a reply."""

import random

import pytest

from app.services.generation.retry_policy import RetryPolicy

_POLICY = RetryPolicy(max_retries=3, max_worker_losses=20)


@pytest.mark.parametrize(("retries", "limit"), [(0, 1), (1, 2), (3, 8), (4, 16), (5, 30), (50, 30)])
def test_a_delay_is_spread_over_a_range_that_doubles_up_to_thirty_seconds(retries: int, limit: float) -> None:
    random.seed(retries)
    delays = [_POLICY.backoff_seconds(retries) for _ in range(1000)]
    assert 0 <= min(delays) < 0.1 * limit
    assert 0.9 * limit < max(delays) <= limit


def test_a_delay_is_added_to_the_one_that_the_model_requests() -> None:
    """Red when the larger of both counts: all replies of a limit's end would be retried at once."""
    delays = [_POLICY.backoff_seconds(3, not_before=7) for _ in range(1000)]
    assert 7 <= min(delays) < 8
    assert 14 < max(delays) <= 15
