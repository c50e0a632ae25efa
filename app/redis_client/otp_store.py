"""One-time codes, kept only as HMACs at `otp:{mobile_number}`; checked and counted in one script."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.models.sign_in import OtpPurpose
from app.redis_client.connection import RedisConnection
from app.redis_client.windows import WINDOWS_LUA, LimitExceeded, WindowLimit, limit_exceeded

MAX_ATTEMPTS: Final = 5
RESEND_LIMIT: Final = "resend"
"""The name of the limit that forbids a second code moments after the first."""

# KEYS[2] is the note that this network asked for a code of this number. It outlives the code, since a code
# that somebody else asks for while this one is valid replaces it, and is texted to the same person.
_NOTE_ASKED: Final = """
local function note_asked(now, life)
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'asked_at_ms', now, 'tries', 0)
  redis.call('PEXPIRE', KEYS[2], 2 * life)
end
"""

# A new code replaces the old one. Deciding, counting and storing are one step: a code that is refused because
# one was sent moments ago, or because a window is full, changes nothing, with one exception: a network that
# signed the number in before has asked all the same, and may use the code that a stranger had sent.
# All KEYS but the first two are windows. Processes of the release before read `attempts`, as long as any run.
_SAVE: Final = (
    WINDOWS_LUA
    + _NOTE_ASKED
    + """
local now, life = now_ms(), tonumber(ARGV[3]) * 1000
local place, wait = fullest_window(3, 6, now)
local sent = redis.call('HGET', KEYS[1], 'sent_at_ms')
local resend_wait = sent and tonumber(sent) + tonumber(ARGV[4]) - now or 0
if resend_wait > wait then place, wait = 1, resend_wait end
if place > 0 then
  if ARGV[5] == '1' then
    local asked_at, used = unpack(redis.call('HMGET', KEYS[2], 'asked_at_ms', 'used'))
    if not asked_at or used or tonumber(asked_at) + life <= now then note_asked(now, life) end
  end
  return {place, wait}
end
count_in_windows(3, 6, now)
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'purpose', ARGV[2], 'sent_at_ms', now, 'attempts', 0)
redis.call('PEXPIRE', KEYS[1], life)
note_asked(now, life)
return {0, 0}
"""
)

# Counting, comparing and using up are one step, so parallel guesses are compared at most as often as counted.
# A try of a network that asked counts on its note, any other in the window of all others (KEYS[3]). That one
# knows nothing of codes, so the others' answers are the same with a code and without.
# Every byte is compared, equal or not; what is compared are HMACs under a key that callers cannot know.
_CHECK: Final = (
    WINDOWS_LUA
    + """
local now = now_ms()
local limit, life = tonumber(ARGV[3]), tonumber(ARGV[4]) * 1000
local digest, purpose = unpack(redis.call('HMGET', KEYS[1], 'digest', 'purpose'))
local asked_at, tries, used = unpack(redis.call('HMGET', KEYS[2], 'asked_at_ms', 'tries', 'used'))
-- This network signed in with its code, and no newer code is there to be guessed.
if used and not digest then return {'wrong', 0} end

local again_at = asked_at and tonumber(asked_at) + life
local is_own = asked_at and not used and (tonumber(tries) < limit or now < again_at)
local left, wait
if is_own then
  left, wait = limit - tonumber(tries), again_at - now
  if left <= 0 then return {'exceeded', wait} end
  left = limit - redis.call('HINCRBY', KEYS[2], 'tries', 1)
else
  wait = window_wait(KEYS[3], limit, life, now)
  if wait > 0 then return {'exceeded', wait} end
  redis.call('RPUSH', KEYS[3], now)
  redis.call('PEXPIRE', KEYS[3], life)
  wait = window_wait(KEYS[3], limit, life, now)
end

local stored = digest and purpose == ARGV[2] and digest or ''
local difference = bit.bxor(#stored, #ARGV[1])
for i = 1, #ARGV[1] do
  difference = bit.bor(difference, bit.bxor(stored:byte(i) or 0, ARGV[1]:byte(i)))
end
if difference == 0 then
  redis.call('DEL', KEYS[1])
  if is_own then redis.call('HSET', KEYS[2], 'used', 1) end
  return {'right', 0}
end
if is_own then
  if left <= 0 then return {'exceeded', wait} end
  return {'wrong', left}
end
if wait > 0 then return {'exceeded', wait} end
return {'wrong', -1}
"""
)


class OtpVerdict(StrEnum):
    """What a try was."""

    RIGHT = "right"
    WRONG = "wrong"
    EXCEEDED = "exceeded"


@dataclass(frozen=True, slots=True)
class OtpCheck:
    """A verdict on a try."""

    verdict: OtpVerdict
    attempts_left: int | None = None
    """After a wrong one of a network that asked for the code."""
    wait_ms: int = 0
    """After one too many: until a try of this network is compared again."""


class OtpStore:
    """Codes in Redis. Without Redis there is no code and no login: callers let the error through.

    Each network that asked for a code of a number has five tries of its own from then on; all other networks
    together have five in any span of a code's lifetime. So a code faces five tries of each network that asked
    (as many as the number's budget of codes allows) and five of everybody else.
    """

    def __init__(self, redis: RedisConnection, *, ttl_seconds: int, resend_seconds: int, key: bytes) -> None:
        self._redis = redis
        self._hmac_key = key
        self.ttl_seconds = ttl_seconds
        self.resend_seconds = resend_seconds

    @staticmethod
    def _key(mobile_number: str) -> str:
        return f"otp:{mobile_number}"

    def _tries_key(self, mobile_number: str, network: str) -> str:
        digest = hmac.digest(self._hmac_key, f"{mobile_number}\n{network}".encode(), "sha256").hex()
        return f"otp_tries:{digest}"

    async def save(
        self,
        *,
        mobile_number: str,
        purpose: OtpPurpose,
        digest: str,
        network: str,
        signed_in_before: bool,
        windows: Sequence[WindowLimit],
    ) -> LimitExceeded | None:
        """Keep a code's digest and count it in its windows, or say what is in the way.

        Args:
            mobile_number: in E.164.
            purpose: what the code is good for.
            digest: the HMAC of the code.
            network: the one that asks, which gets five tries.
            signed_in_before: whether this network signed the number in before: it gets them also when the
                code is refused, for the code that is there.
            windows: what a code counts in.

        Raises:
            RedisUnavailableError: nobody knows whether it was kept.
        """
        script_args = [arg for window in windows for arg in window.script_args]
        async with self._redis.use() as redis:
            place, wait_ms = await redis.eval(
                _SAVE,
                2 + len(windows),
                self._key(mobile_number),
                self._tries_key(mobile_number, network),
                *(window.key for window in windows),
                digest,
                purpose,
                str(self.ttl_seconds),
                str(self.resend_seconds * 1000),
                str(int(signed_in_before)),
                *script_args,
            )
        # The place among the script's keys, of which the first two are no windows.
        names = [RESEND_LIMIT, RESEND_LIMIT, *(window.name for window in windows)]
        return limit_exceeded(names, place=int(place), wait_ms=int(wait_ms))

    async def check(self, *, mobile_number: str, purpose: OtpPurpose, digest: str, network: str) -> OtpCheck:
        """Count a try of this network and compare it; a right one uses the code up.

        Raises:
            RedisUnavailableError: nobody knows whether it was right.
        """
        async with self._redis.use() as redis:
            verdict, number = await redis.eval(
                _CHECK,
                3,
                self._key(mobile_number),
                self._tries_key(mobile_number, network),
                self._tries_key(mobile_number, "others"),
                digest,
                purpose,
                str(MAX_ATTEMPTS),
                str(self.ttl_seconds),
            )
        match OtpVerdict(verdict):
            case OtpVerdict.EXCEEDED:
                return OtpCheck(OtpVerdict.EXCEEDED, wait_ms=int(number))
            case OtpVerdict.WRONG if int(number) >= 0:
                return OtpCheck(OtpVerdict.WRONG, attempts_left=int(number))
            case other:
                return OtpCheck(other)

    async def discard(self, mobile_number: str) -> None:
        """Drop the code of a number that nobody has any more."""
        async with self._redis.use() as redis:
            await redis.delete(self._key(mobile_number))
