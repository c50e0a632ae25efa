"""Sliding windows of one minute in the memory of this process."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Final

from app.kit.rate_limit import LimitState

WINDOW_SECONDS: Final = 60
_MAX_KEYS: Final = 50_000


class LocalWindows:
    """Request times of the last minute by key, for at most 50,000 keys."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, key: str, limits: Mapping[str, int]) -> list[LimitState]:
        """Count a request on this key if one of the key's limits admits it."""
        now = time.monotonic()
        self._drop_idle(now)
        times = self._times.setdefault(key, deque())
        while times and times[0] <= now - WINDOW_SECONDS:
            times.popleft()
        before = len(times)
        if before < max(limits.values()):
            times.append(now)
            self._times.move_to_end(key)
        return [
            LimitState(
                name,
                limit,
                WINDOW_SECONDS,
                max(limit - len(times), 0),
                _reset_seconds(times, limit, now),
                is_admitted=before < limit,
            )
            for name, limit in limits.items()
        ]

    def _drop_idle(self, now: float) -> None:
        """Drop keys without a counted request in the last minute, and the oldest keys above the maximum."""
        while self._times:
            key, times = next(iter(self._times.items()))
            if times and times[-1] > now - WINDOW_SECONDS and len(self._times) < _MAX_KEYS:
                return
            del self._times[key]


def _reset_seconds(times: deque[float], limit: int, now: float) -> int:
    next_out = times[max(len(times) - limit, 0)] if times and limit else now
    return max(math.ceil(next_out + WINDOW_SECONDS - now), 1)
