"""One-time codes, kept only as HMACs at `otp:{mobile_number}`; checked and counted in one script."""

from dataclasses import dataclass
from enum import StrEnum

from app.redis_client.connection import RedisConnection

MAX_ATTEMPTS = 5

# A new code replaces the old one, unless one was sent moments ago: then the seconds left are returned.
_SAVE = """
local sent = redis.call('HGET', KEYS[1], 'sent_at')
local now = tonumber(redis.call('TIME')[1])
if sent and now - tonumber(sent) < tonumber(ARGV[4]) then
  return tonumber(ARGV[4]) - (now - tonumber(sent))
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'purpose', ARGV[2], 'attempts', 0, 'sent_at', now)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 0
"""

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

    async def save(self, *, mobile_number: str, purpose: str, digest: str) -> int:
        """Keep a code's digest; returns 0, or the seconds to wait when one was sent too recently."""
        async with self._redis.use() as redis:
            wait = await redis.eval(
                _SAVE,
                1,
                self._key(mobile_number),
                digest,
                purpose,
                str(self.ttl_seconds),
                str(self.resend_seconds),
            )
        return int(wait)

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
