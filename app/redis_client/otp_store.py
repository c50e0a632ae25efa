"""One-time codes, kept only as HMACs at `otp:{mobile_number}`; checked and counted in one script."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.redis_client.connection import RedisConnection
from app.redis_client.otp_budgets import OtpRefusal
from app.redis_client.windows import WINDOWS_LUA, FullWindow, Window, full_window

MAX_ATTEMPTS = 5

# A new code replaces the old one. Deciding, counting and storing are one step: a code that is refused because
# one was sent moments ago, or because a window is full, changes nothing. All KEYS but the first are windows.
_SAVE = (
    WINDOWS_LUA
    + """
local now = now_ms()
local place, wait = fullest_window(2, 5, now)
local sent = redis.call('HGET', KEYS[1], 'sent_at_ms')
local resend_wait = sent and tonumber(sent) + tonumber(ARGV[4]) - now or 0
if resend_wait > wait then place, wait = 1, resend_wait end
if place > 0 then return {place, wait} end
count_in_windows(2, 5, now)
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'purpose', ARGV[2], 'attempts', 0, 'sent_at_ms', now)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {0, 0}
"""
)

# Counting, comparing and using up are one step, so parallel guesses are compared at most MAX_ATTEMPTS times.
# Every byte is compared, equal or not; what is compared are HMACs under a key that the caller cannot know.
_CHECK = """
local stored = redis.call('HGET', KEYS[1], 'digest')
if not stored or redis.call('HGET', KEYS[1], 'purpose') ~= ARGV[2] then
  return {'none', 0}
end
local limit = tonumber(ARGV[3])
if tonumber(redis.call('HGET', KEYS[1], 'attempts')) >= limit then
  return {'burned', redis.call('TTL', KEYS[1])}
end
local attempts = redis.call('HINCRBY', KEYS[1], 'attempts', 1)
local difference = bit.bxor(#stored, #ARGV[1])
for i = 1, #stored do
  difference = bit.bor(difference, bit.bxor(stored:byte(i), ARGV[1]:byte(i) or 0))
end
if difference == 0 then
  redis.call('DEL', KEYS[1])
  return {'right', 0}
end
if attempts >= limit then
  return {'burned', redis.call('TTL', KEYS[1])}
end
return {'wrong', limit - attempts}
"""


class OtpVerdict(StrEnum):
    """What a guess was."""

    RIGHT = "right"
    WRONG = "wrong"
    NONE = "none"
    BURNED = "burned"


@dataclass(frozen=True, slots=True)
class OtpCheck:
    """A verdict, with the tries left (wrong) or the seconds until the burned code is gone (burned)."""

    verdict: OtpVerdict
    number: int


class OtpStore:
    """Codes in Redis. Without Redis there is no code and no login: callers let the error through."""

    def __init__(self, redis: RedisConnection, *, ttl_seconds: int, resend_seconds: int) -> None:
        self._redis = redis
        self.ttl_seconds = ttl_seconds
        self.resend_seconds = resend_seconds

    @staticmethod
    def _key(mobile_number: str) -> str:
        return f"otp:{mobile_number}"

    async def save(
        self, *, mobile_number: str, purpose: str, digest: str, windows: Sequence[Window]
    ) -> FullWindow | None:
        """Keep a code's digest and count it in its windows, or change nothing and say what is in the way.

        Raises:
            RedisUnavailableError: nobody knows whether it was kept.
        """
        figures = [figure for window in windows for figure in window.figures]
        async with self._redis.use() as redis:
            place, wait_ms = await redis.eval(
                _SAVE,
                1 + len(windows),
                self._key(mobile_number),
                *(window.key for window in windows),
                digest,
                purpose,
                str(self.ttl_seconds),
                str(self.resend_seconds * 1000),
                *figures,
            )
        names = [OtpRefusal.RESEND, *(window.name for window in windows)]
        return full_window(names, place=int(place), wait_ms=int(wait_ms))

    async def check(self, *, mobile_number: str, purpose: str, digest: str) -> OtpCheck:
        """Compare a guess; a right one is used up, the fifth wrong one burns the code."""
        async with self._redis.use() as redis:
            verdict, number = await redis.eval(
                _CHECK, 1, self._key(mobile_number), digest, purpose, str(MAX_ATTEMPTS)
            )
        return OtpCheck(OtpVerdict(verdict), int(number))

    async def forget(self, mobile_number: str) -> None:
        """Drop the code of a number that nobody has any more."""
        async with self._redis.use() as redis:
            await redis.delete(self._key(mobile_number))
