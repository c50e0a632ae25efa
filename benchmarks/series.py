"""Series of measured values: median, spread, percentiles, and the ratio of two series."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each round."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Build a series; empty ones are refused, since nothing was measured."""
        if not values:
            raise ValueError("a series without values")
        return cls(tuple(values))

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    def written(self, unit: str) -> str:
        """Write the median with its unit and, of several values, the least and the greatest."""
        text = f"{number(self.median)}{unit}"
        if len(self.values) == 1:
            return text
        return f"{text} ({number(min(self.values))} to {number(max(self.values))})"

    def over(self, floor: "Series") -> "Series":
        """Divide by the other series, round by round: what disturbs both in a round cancels out."""
        return Series(tuple(ours / bare for ours, bare in zip(self.values, floor.values, strict=True)))

    def minus(self, floor: "Series") -> "Series":
        """Subtract the other series, round by round."""
        return Series(tuple(ours - bare for ours, bare in zip(self.values, floor.values, strict=True)))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def number(value: float) -> str:
    """Write a value with three significant digits, and thousands with a comma."""
    if value and abs(value) < 100:  # noqa: PLR2004  # from here on three digits are before the point
        decimals = max(2 - math.floor(math.log10(abs(value))), 0) if abs(value) >= 0.1 else 2  # noqa: PLR2004
        return f"{value:.{min(decimals, 2)}f}"
    return f"{value:,.0f}"
