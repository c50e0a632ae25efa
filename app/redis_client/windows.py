"""Exact sliding windows in Redis: at most so many events in any span of time, several windows at once.

A window is a list of the times (ms, Redis's own clock) of what was let through, oldest first. An event counts
in all of its windows, or, when one of them is full, in none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.redis_client.connection import RedisConnection

WINDOWS_LUA: Final = """
local function now_ms()
  local clock = redis.call('TIME')
  return clock[1] * 1000 + math.floor(clock[2] / 1000)
end

-- Milliseconds until this window has room for one more event; 0 or less when it has.
local function window_wait(key, limit, span, now)
  if limit == 0 then return span end
  local oldest = tonumber(redis.call('LINDEX', key, 0))
  -- A time well ahead of the clock is from before the clock was set back.
  while oldest and (oldest <= now - span or oldest > now + 1000) do
    redis.call('LPOP', key)
    oldest = tonumber(redis.call('LINDEX', key, 0))
  end
  if redis.call('LLEN', key) < limit then return 0 end
  -- The oldest, unless the limit was lowered since.
  return tonumber(redis.call('LINDEX', key, -limit)) + span - now
end

-- KEYS[first] and all after it are windows; ARGV[figures] and all after it their limits and spans, in pairs.
-- Answers with the place among KEYS of the window that is full the longest, and its wait; 0, 0 when none is.
local function fullest_window(first, figures, now)
  local place, longest = 0, 0
  for i = first, #KEYS do
    local at = figures + 2 * (i - first)
    local wait = window_wait(KEYS[i], tonumber(ARGV[at]), tonumber(ARGV[at + 1]), now)
    if wait > longest then place, longest = i, wait end
  end
  return place, longest
end

local function count_in_windows(first, figures, now)
  for i = first, #KEYS do
    redis.call('RPUSH', KEYS[i], now)
    redis.call('PEXPIRE', KEYS[i], ARGV[figures + 2 * (i - first) + 1])
  end
end
"""
"""What scripts that work on windows begin with."""

_HIT: Final = (
    WINDOWS_LUA
    + """
local now = now_ms()
local place, wait = fullest_window(1, 1, now)
if place == 0 then count_in_windows(1, 1, now) end
return {place, wait}
"""
)


@dataclass(frozen=True, slots=True)
class WindowLimit:
    """At most `limit` events in any `span`, counted at `key`; `name` says which limit this is."""

    name: str
    key: str
    limit: int
    span: timedelta

    @property
    def script_args(self) -> tuple[str, str]:
        """What the scripts are told: the limit, and the span in milliseconds."""
        return str(self.limit), str(math.ceil(self.span.total_seconds() * 1000))


@dataclass(frozen=True, slots=True)
class LimitExceeded:
    """Why an event was not let through: of all full windows the one that has room last."""

    name: str
    wait_seconds: int
    """Rounded up, at least 1: whoever waits so long has waited long enough for this window."""


def limit_exceeded(names: Sequence[str], *, place: int, wait_ms: int) -> LimitExceeded | None:
    """What a script's answer means; `names` are those of its keys, in their order."""
    return LimitExceeded(names[place - 1], max(math.ceil(wait_ms / 1000), 1)) if place else None


class SlidingWindows:
    """Counts events that need nothing else to happen with them."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def hit(self, windows: Sequence[WindowLimit]) -> LimitExceeded | None:
        """Count one event in all of these windows, or in none when one of them is full.

        Raises:
            RedisUnavailableError: nobody knows whether it was counted.
        """
        script_args = [arg for window in windows for arg in window.script_args]
        async with self._redis.use() as redis:
            place, wait_ms = await redis.eval(
                _HIT, len(windows), *(window.key for window in windows), *script_args
            )
        return limit_exceeded([window.name for window in windows], place=int(place), wait_ms=int(wait_ms))
