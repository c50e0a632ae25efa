"""Requests a minute: exact sliding windows in Redis, one round trip for all of a request's limits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final, Self
from uuid import UUID

from app.kit.local_windows import WINDOW_SECONDS, LocalWindows
from app.kit.rate_limit import LimitState
from app.models import Plan
from app.redis_client.connection import RedisConnection, RedisUnavailableError, Script
from app.redis_client.limit_keys import ip_limit_key, stripe_limit_key, user_limit_key
from app.redis_client.windows import WINDOWS_LUA

_WINDOW_MS: Final = WINDOW_SECONDS * 1000
# A purchase or a cancellation takes 2 or 3 calls; an app may query the status every two seconds meanwhile.
_STRIPE_CALLS: Final = 30
_ANY_PLAN: Final = tuple(Plan)
_EXEMPT: Final = frozenset({"/webhook/stripe", "/health", "/metrics"})
# Following a reply is part of the message that was counted on the user.
_FOLLOWING: Final = re.compile(r"/chatroom/[^/]+/message/[^/]+(/events)?")

# The same key twice in a row is one window under two limits: the request counts once, if either admits it.
# The first full window ends the script, so that a request rejected by one limit does not count on the next.
_COUNT: Final = Script[list[tuple[int, int, int]]](
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
class CountedRequest:
    """The limits of one request. A request that is exempt, or not counted yet, has none."""

    applied: tuple[LimitState, ...] = ()
    """The limits that the response shows."""
    by_plan: Mapping[Plan, LimitState] = field(default_factory=dict)
    """The user's limit under each plan that the user may have; empty if the request counts on no user."""

    def on_plan(self, plan: Plan) -> Self:
        """Apply the user's limit under this plan, if the request counts on a user."""
        state = self.by_plan.get(plan)
        return self if state is None else self.with_limit(state)

    def with_limit(self, state: LimitState) -> Self:
        """Apply one more limit, in place of an earlier state of the same limit."""
        others = (applied for applied in self.applied if applied.name != state.name)
        return replace(self, applied=(*others, state))


class _Limits:
    """Limits by name, in the order of the script's keys, and the script's arguments."""

    def __init__(self, *named: tuple[str, int]) -> None:
        self.named = named
        self.arguments = (_WINDOW_MS, *(requests for _, requests in named))


_STRIPE: Final = _Limits(("stripe", _STRIPE_CALLS))


def is_exempt(path: str) -> bool:
    """Return whether requests to this path have no limit: those of Stripe and of monitors."""
    return path in _EXEMPT or path.startswith("/health/")


def counts_on_user(method: str, path: str) -> bool:
    """Return whether a request counts on its user: all but those that read or stream a message."""
    return method not in {"GET", "HEAD"} or not _FOLLOWING.fullmatch(path)


class RateLimiter:
    """Counts requests in Redis, or in this process alone while Redis is unavailable; never fails."""

    def __init__(self, redis: RedisConnection, *, ip_limit: int, user_limits: Mapping[Plan, int]) -> None:
        self._redis = redis
        self._local = LocalWindows()
        ip = ("ip", ip_limit)
        self._of_address = _Limits(ip)
        self._of_plans = {
            plans: _Limits(ip, *((plan.value, user_limits[plan]) for plan in plans))
            for plans in (_ANY_PLAN, *((plan,) for plan in Plan))
        }

    async def count(self, *, address: str, user_id: UUID | None, plan: Plan | None) -> CountedRequest:
        """Count a request from this address and, if the address admits it, of this user.

        If `plan` is unknown, the request counts if the limit of any plan admits it: a process reads a user's
        plan with the session, after the request was counted.
        """
        if user_id is None:
            [ip] = await self._count(self._of_address, [ip_limit_key(address)])
            return CountedRequest((ip,))
        plans = _ANY_PLAN if plan is None else (plan,)
        keys = [ip_limit_key(address), *[user_limit_key(user_id)] * len(plans)]
        ip, *user = await self._count(self._of_plans[plans], keys)
        counted = CountedRequest((ip,), dict(zip(plans, user, strict=False)))
        return counted if plan is None else counted.on_plan(plan)

    async def count_stripe_call(self, user_id: UUID) -> LimitState:
        """Count a call to Stripe on the user who causes it, if the limit admits it."""
        [state] = await self._count(_STRIPE, [stripe_limit_key(user_id)])
        return state

    async def _count(self, limits: _Limits, keys: Sequence[str]) -> list[LimitState]:
        """Return a state for each limit, up to and including the first key that rejects the request."""
        try:
            answers = await self._redis.run_script(_COUNT, keys, limits.arguments)
        except RedisUnavailableError:
            return self._count_here(limits, keys)
        return [
            LimitState(
                name,
                requests,
                WINDOW_SECONDS,
                remaining,
                max(-(-reset_ms // 1000), 1),  # rounded up
                is_admitted=is_open == 1,
            )
            for (name, requests), (is_open, remaining, reset_ms) in zip(limits.named, answers, strict=False)
        ]

    def _count_here(self, limits: _Limits, keys: Sequence[str]) -> list[LimitState]:
        states: list[LimitState] = []
        for key, same in groupby(zip(keys, limits.named, strict=True), lambda pair: pair[0]):
            of_key = self._local.count(key, dict(limit for _, limit in same))
            states += of_key
            if not any(state.is_admitted for state in of_key):
                break
        return states
