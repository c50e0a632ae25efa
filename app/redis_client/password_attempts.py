"""Password attempts, counted in Redis before the password is compared.

Each counts for the pair of number and network, for the number, and for the network. The state of a number is
one hash: a field for each network, and one for all new networks, which never signed the number in.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.redis_client.connection import RedisConnection, Script
from app.redis_client.windows import WINDOWS_LUA

FREE_ATTEMPTS: Final = 5
"""Of one network at one number, before each further attempt has to wait."""
FREE_ATTEMPTS_OF_NEW_NETWORKS: Final = 50
"""Of all new networks together."""
FIRST_WAIT_SECONDS: Final = 2
MAX_WAIT_SECONDS: Final = 900
MEMORY_SECONDS: Final = 86_400
_NETWORK_TRIES: Final = 1000
_NETWORK_SPAN: Final = timedelta(hours=1)

# ARGV: 1 the field of the network, 2 that of all new networks ('' for a known one).
_STATE: Final = (
    WINDOWS_LUA
    + """
local now, kept = now_ms(), tonumber(ARGV[3])

-- Attempts of a field, and the time from which the next one is allowed.
local function read(field)
  local state = redis.call('HGET', KEYS[1], field)
  if not state then return 0, 0 end
  local tries, open_at, last_at = state:match('^(%d+) (%d+) (%d+)$')
  if now - last_at > kept then return 0, 0 end
  return tonumber(tries), tonumber(open_at)
end

local function write(field, tries, open_at)
  redis.call('HSET', KEYS[1], field, string.format('%d %d %d', tries, open_at, now))
end
"""
)

# An allowed attempt sets the wait of the next one, so of many parallel ones only the free ones are compared.
# An attempt before the wait is over changes nothing.
_CONSUME: Final = Script[int](
    _STATE
    + """
local count, first, longest = ARGV[4] == '1', tonumber(ARGV[5]), tonumber(ARGV[6])
local frees = {[ARGV[1]] = tonumber(ARGV[7]), [ARGV[2]] = tonumber(ARGV[8])}
local limit, span = tonumber(ARGV[9]), tonumber(ARGV[10])

local fields = {ARGV[1]}
if ARGV[2] ~= '' then fields[2] = ARGV[2] end
local wait = 0
for _, field in ipairs(fields) do
  local _, open_at = read(field)
  wait = math.max(wait, math.min(open_at - now, longest))
end
if ARGV[2] ~= '' then wait = math.max(wait, window_wait(KEYS[2], limit, span, now)) end
if wait > 0 or not count then return math.max(wait, 0) end

if redis.call('HLEN', KEYS[1]) > 200 then
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if read(field) == 0 then redis.call('HDEL', KEYS[1], field) end
  end
end
for _, field in ipairs(fields) do
  local tries = read(field) + 1
  local over = tries - frees[field]
  write(field, tries, over >= 0 and now + math.min(first * 2 ^ math.min(over, 30), longest) or 0)
end
redis.call('PEXPIRE', KEYS[1], kept)
if ARGV[2] ~= '' then
  redis.call('RPUSH', KEYS[2], now)
  redis.call('PEXPIRE', KEYS[2], span)
end
return 0
"""
)

# Resets the network; in the other counts only this attempt is undone.
_REFUND: Final = Script[int](
    _STATE
    + """
redis.call('HDEL', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then
  local tries, open_at = read(ARGV[2])
  if tries > 0 then write(ARGV[2], tries - 1, open_at) end
  redis.call('RPOP', KEYS[2])
end
return 0
"""
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at the password of a number from a network, both given as HMACs."""

    account: str
    network: str
    is_known_network: bool
    """The network signed this number in before."""


class PasswordAttemptStore:
    """Counts attempts in Redis."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def consume(self, attempt: Attempt, *, count: bool = True) -> int:
        """Count an attempt, or only check; return 0, or the milliseconds until one is allowed."""
        return await self._run(
            _CONSUME,
            attempt,
            int(count),
            FIRST_WAIT_SECONDS * 1000,
            MAX_WAIT_SECONDS * 1000,
            FREE_ATTEMPTS,
            FREE_ATTEMPTS_OF_NEW_NETWORKS,
            _NETWORK_TRIES,
            int(_NETWORK_SPAN.total_seconds() * 1000),
        )

    async def refund(self, attempt: Attempt) -> None:
        """Uncount a successful attempt and reset the wait of its network."""
        await self._run(_REFUND, attempt)

    async def reset(self, account: str) -> None:
        """Reset the account for all networks, after a change of its password."""
        await self._redis.run("DEL", self._account_key(account))

    async def _run(self, script: Script[int], attempt: Attempt, *arguments: int) -> int:
        new_networks = "" if attempt.is_known_network else "new"
        return await self._redis.run_script(
            script,
            [self._account_key(attempt.account), f"login_tries:{attempt.network}"],
            [attempt.network, new_networks, MEMORY_SECONDS * 1000, *arguments],
        )

    @staticmethod
    def _account_key(account: str) -> str:
        return f"password_attempts:{account}"
