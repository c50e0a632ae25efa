"""One-time codes, stored only as HMACs at `otp:{mobile_number}`; one script checks and counts."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.models.sign_in import OtpPurpose
from app.redis_client.connection import RedisConnection, Script
from app.redis_client.windows import WINDOWS_LUA, LimitExceeded, WindowLimit, limit_exceeded

MAX_ATTEMPTS: Final = 5
RESEND_LIMIT: Final = "resend"
"""The name of the limit that forbids a second code moments after the first."""

# KEYS[2] records that this network requested a code of this number. It outlives the code: another network's
# code replaces it, and is sent to the same phone.
_RECORD_REQUEST: Final = """
local function record_request(now, life)
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'asked_at_ms', now, 'tries', 0)
  redis.call('PEXPIRE', KEYS[2], 2 * life)
end
"""

# A new code replaces the old one. Deciding, counting and storing are one step. A code that is refused because
# one was sent moments ago, or because a window is full, changes nothing, with one exception: the request of a
# network that signed the number in before is recorded, so it may use the code that another network requested.
# All KEYS but the first two are windows. Processes of the release before read `attempts`, as long as any run.
_SAVE: Final = Script[list[int]](
    WINDOWS_LUA
    + _RECORD_REQUEST
    + """
local now, life = now_ms(), tonumber(ARGV[3]) * 1000
local place, wait = fullest_window(3, 6, now)
local sent = redis.call('HGET', KEYS[1], 'sent_at_ms')
local resend_wait = sent and tonumber(sent) + tonumber(ARGV[4]) - now or 0
if resend_wait > wait then place, wait = 1, resend_wait end
if place > 0 then
  if ARGV[5] == '1' then
    local asked_at, used = unpack(redis.call('HMGET', KEYS[2], 'asked_at_ms', 'used'))
    if not asked_at or used or tonumber(asked_at) + life <= now then record_request(now, life) end
  end
  return {place, wait}
end
count_in_windows(3, 6, now)
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'purpose', ARGV[2], 'sent_at_ms', now, 'attempts', 0)
redis.call('PEXPIRE', KEYS[1], life)
record_request(now, life)
return {0, 0}
"""
)

# Counting, comparing and consuming are one step, so each compared guess is counted, also in parallel.
# A try of a network that requested a code counts in its record, any other in the window of all others
# (KEYS[3]). That window is independent of codes, so the others' results are the same with a code and without.
# All bytes are compared, equal or not; both values are HMACs under a key that callers do not have.
_CHECK: Final = Script[tuple[str, int]](
    WINDOWS_LUA
    + """
local now = now_ms()
local limit, life = tonumber(ARGV[3]), tonumber(ARGV[4]) * 1000
local digest, purpose = unpack(redis.call('HMGET', KEYS[1], 'digest', 'purpose'))
local asked_at, tries, used = unpack(redis.call('HMGET', KEYS[2], 'asked_at_ms', 'tries', 'used'))
-- This network signed in with its code, and there is no newer code to guess.
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
    """The result of a try."""

    RIGHT = "right"
    WRONG = "wrong"
    EXCEEDED = "exceeded"


@dataclass(frozen=True, slots=True)
class OtpCheck:
    """The result of a try, with its limits."""

    verdict: OtpVerdict
    attempts_left: int | None = None
    """After a wrong try of a network that requested the code."""
    wait_ms: int = 0
    """After one try too many: milliseconds until the next try of this network is compared."""


class OtpStore:
    """Codes in Redis. Without Redis no code is stored or accepted: errors reach the caller.

    Each network that requested a code of a number has five tries of its own from then on. All other networks
    together have five in any span of a code's lifetime. So a code faces five tries of each network that
    requested one (as many as the number's budget of codes allows) and five of all others.
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
        """Store a code's digest and count it in its windows, or return the exceeded limit.

        Args:
            mobile_number: in E.164.
            purpose: the use that the code is valid for.
            digest: the HMAC of the code.
            network: the requesting one, which gets five tries.
            signed_in_before: this network signed the number in before. If the new code is refused, it gets
                its tries for the stored code.
            windows: the windows that count a code.

        Raises:
            RedisUnavailableError: it is unknown whether the code was stored.
        """
        script_args = [arg for window in windows for arg in window.script_args]
        place, wait_ms = await self._redis.run_script(
            _SAVE,
            [
                self._key(mobile_number),
                self._tries_key(mobile_number, network),
                *(window.key for window in windows),
            ],
            [
                digest,
                purpose,
                self.ttl_seconds,
                self.resend_seconds * 1000,
                int(signed_in_before),
                *script_args,
            ],
        )
        # Names by the position of the script's keys; the first two are no windows.
        names = [RESEND_LIMIT, RESEND_LIMIT, *(window.name for window in windows)]
        return limit_exceeded(names, place=place, wait_ms=wait_ms)

    async def check(self, *, mobile_number: str, purpose: OtpPurpose, digest: str, network: str) -> OtpCheck:
        """Count a try of this network and compare it; a right one consumes the code.

        Raises:
            RedisUnavailableError: the result of the try is unknown.
        """
        verdict, number = await self._redis.run_script(
            _CHECK,
            [
                self._key(mobile_number),
                self._tries_key(mobile_number, network),
                self._tries_key(mobile_number, "others"),
            ],
            [digest, purpose, MAX_ATTEMPTS, self.ttl_seconds],
        )
        match OtpVerdict(verdict):
            case OtpVerdict.EXCEEDED:
                return OtpCheck(OtpVerdict.EXCEEDED, wait_ms=number)
            case OtpVerdict.WRONG if number >= 0:
                return OtpCheck(OtpVerdict.WRONG, attempts_left=number)
            case other:
                return OtpCheck(other)

    async def discard(self, mobile_number: str) -> None:
        """Delete the code of a deleted account's number."""
        await self._redis.run("DEL", self._key(mobile_number))
