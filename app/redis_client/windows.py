"""Exact sliding windows in Redis: a limit of events in any span of time, several windows in one call.

A window is a list of the times (ms, Redis's clock) of allowed events, oldest first. An event counts in all of
its windows, or in none if one of them is full.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.redis_client.connection import RedisConnection, Script

WINDOWS_LUA: Final = """
local function now_ms()
  local clock = redis.call('TIME')
  return clock[1] * 1000 + math.floor(clock[2] / 1000)
end

-- Milliseconds until this window allows one more event; 0 or less if it does now.
local function window_wait(key, limit, span, now)
  if limit == 0 then return span end
  local oldest = tonumber(redis.call('LINDEX', key, 0))
  -- A time well ahead of the clock was stored before the clock was set back.
  while oldest and (oldest <= now - span or oldest > now + 1000) do
    redis.call('LPOP', key)
    oldest = tonumber(redis.call('LINDEX', key, 0))
  end
  if redis.call('LLEN', key) < limit then return 0 end
  -- Not the oldest if the limit was lowered since.
  return tonumber(redis.call('LINDEX', key, -limit)) + span - now
end

-- KEYS[first] and all after it are windows; ARGV[args] and all after it their limits and spans, in pairs.
-- Returns the position in KEYS of the full window with the longest wait, and that wait; 0, 0 if none is full.
local function fullest_window(first, args, now)
  local place, longest = 0, 0
  for i = first, #KEYS do
    local at = args + 2 * (i - first)
    local wait = window_wait(KEYS[i], tonumber(ARGV[at]), tonumber(ARGV[at + 1]), now)
    if wait > longest then place, longest = i, wait end
  end
  return place, longest
end

local function count_in_windows(first, args, now)
  for i = first, #KEYS do
    redis.call('RPUSH', KEYS[i], now)
    redis.call('PEXPIRE', KEYS[i], ARGV[args + 2 * (i - first) + 1])
  end
end
"""
"""Functions for scripts that work on windows."""

_HIT: Final = Script[list[int]](
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
    """At most `limit` events in any `span`, counted at `key`; `name` identifies the limit."""

    name: str
    key: str
    limit: int
    span: timedelta

    @property
    def script_args(self) -> tuple[str, str]:
        """Return the arguments of the scripts: the limit, and the span in milliseconds."""
        return str(self.limit), str(math.ceil(self.span.total_seconds() * 1000))


@dataclass(frozen=True, slots=True)
class LimitExceeded:
    """The limit that refused an event: of all full windows the one with the longest wait."""

    name: str
    wait_seconds: int
    """Rounded up, at least 1; after it, this window allows the event."""


def limit_exceeded(names: Sequence[str], *, place: int, wait_ms: int) -> LimitExceeded | None:
    """Convert a script's result; `names` are those of its keys, in their order."""
    return LimitExceeded(names[place - 1], max(math.ceil(wait_ms / 1000), 1)) if place else None


class SlidingWindows:
    """Counts events in windows, without any other change."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def hit(self, windows: Sequence[WindowLimit]) -> LimitExceeded | None:
        """Count one event in all of these windows; if one is full, count none and return its limit.

        Raises:
            RedisUnavailableError: it is unknown whether the event was counted.
        """
        script_args = [arg for window in windows for arg in window.script_args]
        place, wait_ms = await self._redis.run_script(_HIT, [window.key for window in windows], script_args)
        return limit_exceeded([window.name for window in windows], place=place, wait_ms=wait_ms)
