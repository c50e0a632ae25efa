"""Test whether two series of times may come from the same distribution."""

import math
from bisect import bisect_right
from collections.abc import Sequence


def ks_distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the two-sample Kolmogorov-Smirnov statistic, the largest gap between the two distributions."""
    first, second = sorted(one), sorted(other)
    return max(
        abs(bisect_right(first, value) / len(first) - bisect_right(second, value) / len(second))
        for value in (*first, *second)
    )


def ks_limit(one: int, other: int) -> float:
    """Return the value that the statistic exceeds for one in a thousand pairs from the same distribution."""
    return 1.95 * math.sqrt((one + other) / (one * other))
