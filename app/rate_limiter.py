"""Requests a minute: exact sliding windows in Redis, one round trip for all of a request's limits."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final
from uuid import UUID

from redis.exceptions import NoScriptError

from app.models import Plan
from app.redis_client.connection import RedisConnection, RedisUnavailableError
from app.redis_client.limit_keys import ip_limit_key, stripe_limit_key, user_limit_key
from app.redis_client.windows import WINDOWS_LUA

WINDOW_SECONDS: Final = 60
_WINDOW_MS: Final = WINDOW_SECONDS * 1000
_MOST_LOCAL_KEYS: Final = 50_000
# Buying, looking and changing one's mind take 2 or 3 each; an app may look every two seconds meanwhile.
_STRIPE_CALLS: Final = 30
_NEVER_LIMITED: Final = frozenset({"/webhook/stripe", "/health", "/metrics"})

# A key that comes twice in a row is one window under two limits: the request counts once, if either has room.
# The first full window ends the script, so that a request refused by one limit does not count on the next.
_COUNT: Final = (
    WINDOWS_LUA
    + """
local now, span = now_ms(), tonumber(ARGV[1])
local windows, first = {}, 1
while first <= #KEYS do
  local key, last, open, is_counted = KEYS[first], first, {}, false
  while KEYS[last + 1] == key do last = last + 1 end
  for i = first, last do
    open[i] = window_wait(key, tonumber(ARGV[i + 1]), span, now) <= 0
    is_counted = is_counted or open[i]
  end
  if is_counted then
    redis.call('RPUSH', key, now)
    redis.call('PEXPIRE', key, span)
  end
  local used = redis.call('LLEN', key)
  for i = first, last do
    local limit = tonumber(ARGV[i + 1])
    local next_out = tonumber(redis.call('LINDEX', key, math.max(used - limit, 0))) or now
    windows[i] = {open[i] and 1 or 0, math.max(limit - used, 0), next_out + span - now}
  end
  if not is_counted then break end
  first = last + 1
end
return windows
"""
)


@dataclass(frozen=True, slots=True)
class Window:
    """One limit after a request was counted on it."""

    name: str
    limit: int
    is_open: bool
    """Whether the request was let through; if not, it was not counted."""
    remaining: int
    reset_ms: int
    """Until one more request is let through, or the oldest counted one is forgotten."""

    @property
    def reset_seconds(self) -> int:
        """`reset_ms` in whole seconds, rounded up: whoever waits so long has waited long enough."""
        return max(math.ceil(self.reset_ms / 1000), 1)

    @property
    def policy(self) -> str:
        """The limit, as an item of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers)."""
        return f'"{self.name}";q={self.limit};w={WINDOW_SECONDS}'

    @property
    def state(self) -> str:
        """What is left of it, as an item of `RateLimit`."""
        return f'"{self.name}";r={self.remaining};t={self.reset_seconds}'


@dataclass(frozen=True, slots=True)
class Counted:
    """A request on its limits; `user` is empty for one that is not counted on anybody."""

    ip: Window
    user: Mapping[Plan, Window]
    """The user's window under the limit of their plan, under that of each where the plan is not known."""


@dataclass(slots=True)
class AppliedLimits:
    """One request's limits: those that its answer shows, and the user's by plan."""

    shown: list[Window] = field(default_factory=list)
    user: Mapping[Plan, Window] = field(default_factory=dict)

    def put_in_force(self, plan: Plan) -> Window | None:
        """Have the answer show the user's limit, if the request counts on it; returns it."""
        window = self.user.get(plan)
        if window is not None and window not in self.shown:
            self.shown.append(window)
        return window

    def show(self, window: Window) -> None:
        """Have the answer show a limit as it is now, instead of as it was earlier in the request."""
        self.shown = [*(shown for shown in self.shown if shown.name != window.name), window]


@dataclass(frozen=True, slots=True)
class _Limit:
    name: str
    key: str
    most: int


def is_exempt(path: str) -> bool:
    """Whether an address is never limited: Stripe and monitors must get through."""
    return path in _NEVER_LIMITED or path.startswith("/health/")


class RateLimiter:
    """Counts requests. Without Redis it counts in this process alone; it never fails."""

    def __init__(self, redis: RedisConnection, *, ip_limit: int, user_limits: Mapping[Plan, int]) -> None:
        self._redis = redis
        self._ip_limit = ip_limit
        self._user_limits = user_limits
        self._sha = ""
        self._local = LocalWindows()

    async def count(self, *, address: str, user_id: UUID | None, plan: Plan | None) -> Counted:
        """Count a request from this address, and, if that has room, of this user.

        Without a `plan`, which this process learns for some seconds when it looks the session up, the
        request counts if the limit of either plan has room: never fewer are counted than are let through.
        """
        limits = [_Limit("ip", ip_limit_key(address), self._ip_limit)]
        plans: tuple[Plan, ...] = ()
        if user_id is not None:
            plans = tuple(Plan) if plan is None else (plan,)
            limits += [_Limit(one.value, user_limit_key(user_id), self._user_limits[one]) for one in plans]
        ip, *user = await self._count(limits)
        return Counted(ip, dict(zip(plans, user, strict=False)))

    async def count_stripe_call(self, user_id: UUID) -> Window:
        """Count a call to Stripe on the user who causes it, if there is room."""
        [window] = await self._count([_Limit("stripe", stripe_limit_key(user_id), _STRIPE_CALLS)])
        return window

    async def _count(self, limits: Sequence[_Limit]) -> list[Window]:
        try:
            return await self._count_in_redis(limits)
        except RedisUnavailableError:
            return self._count_here(limits)

    async def _count_in_redis(self, limits: Sequence[_Limit]) -> list[Window]:
        keys = [limit.key for limit in limits]
        arguments = [str(_WINDOW_MS), *(str(limit.most) for limit in limits)]
        async with self._redis.use() as redis:
            try:
                answers = await redis.evalsha(self._sha, len(keys), *keys, *arguments)
            except NoScriptError:  # the first time, or Redis was restarted
                self._sha = await redis.script_load(_COUNT)
                answers = await redis.evalsha(self._sha, len(keys), *keys, *arguments)
        return [
            Window(limit.name, limit.most, bool(is_open), int(remaining), int(reset_ms))
            for limit, (is_open, remaining, reset_ms) in zip(limits, answers, strict=False)
        ]

    def _count_here(self, limits: Sequence[_Limit]) -> list[Window]:
        windows: list[Window] = []
        for key, same in groupby(limits, lambda limit: limit.key):
            of_key = self._local.count(key, {limit.name: limit.most for limit in same})
            windows += of_key
            if not any(window.is_open for window in of_key):
                break
        return windows


class LocalWindows:
    """The same windows in this process's memory, for the callers of the last minute, 50,000 at most."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, key: str, limits: Mapping[str, int]) -> list[Window]:
        """Count a request, if one of this window's limits has room for it."""
        now = time.monotonic()
        self._forget(now)
        times = self._times.setdefault(key, deque())
        while times and times[0] <= now - WINDOW_SECONDS:
            times.popleft()
        before = len(times)
        if before < max(limits.values()):
            times.append(now)
            self._times.move_to_end(key)
        return [
            Window(name, limit, before < limit, max(limit - len(times), 0), _reset_ms(times, limit, now))
            for name, limit in limits.items()
        ]

    def _forget(self, now: float) -> None:
        """Drop who was not let through for a minute, and who came longest ago when there are too many."""
        while self._times:
            key, times = next(iter(self._times.items()))
            if times and times[-1] > now - WINDOW_SECONDS and len(self._times) < _MOST_LOCAL_KEYS:
                return
            del self._times[key]


def _reset_ms(times: deque[float], limit: int, now: float) -> int:
    next_out = times[max(len(times) - limit, 0)] if times and limit else now
    return math.ceil((next_out + WINDOW_SECONDS - now) * 1000)
