"""Whether two series of times could come from the same source."""

import math
from bisect import bisect_right
from collections.abc import Sequence


def ks_distance(one: Sequence[float], other: Sequence[float]) -> float:
    """The two-sample Kolmogorov-Smirnov statistic: the largest gap between the two distributions."""
    first, second = sorted(one), sorted(other)
    return max(
        abs(bisect_right(first, value) / len(first) - bisect_right(second, value) / len(second))
        for value in (*first, *second)
    )


def ks_limit(one: int, other: int) -> float:
    """What the statistic exceeds in one of a thousand pairs of series from the same source."""
    return 1.95 * math.sqrt((one + other) / (one * other))
