"""Tries for a password, counted before they are compared; after a few, each makes the next one wait."""

from app.redis_client.connection import RedisConnection

FREE_TRIES = 5
FIRST_WAIT_SECONDS = 2
LONGEST_WAIT_SECONDS = 900
KEPT_SECONDS = 86_400

# The try that is let through sets the wait of the next one, so of any number at once only the free ones are
# compared. A try that comes too early pushes the end of a wait that is nearly over: a burst that outlasts
# the first wait must not have its next guess compared.
_SPEND = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local free, first, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local open_at = tonumber(redis.call('HGET', KEYS[1], 'open_at') or '0')
if now < open_at then
  open_at = math.max(open_at, now + first)
  redis.call('HSET', KEYS[1], 'open_at', open_at)
  return open_at - now
end
local tries = redis.call('HINCRBY', KEYS[1], 'tries', 1)
if tries >= free then
  redis.call('HSET', KEYS[1], 'open_at', now + math.min(first * 2 ^ math.min(tries - free, 30), longest))
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 0
"""


class PasswordAttemptStore:
    """The counts in Redis, at keys that do not tell whose they are."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    @staticmethod
    def _key(account: str) -> str:
        return f"password_attempts:{account}"

    async def spend(self, account: str) -> int:
        """Take a try; returns 0, or the milliseconds until there is one."""
        async with self._redis.use() as redis:
            wait = await redis.eval(
                _SPEND,
                1,
                self._key(account),
                str(FREE_TRIES),
                str(FIRST_WAIT_SECONDS * 1000),
                str(LONGEST_WAIT_SECONDS * 1000),
                str(KEPT_SECONDS),
            )
        return int(wait)

    async def forget(self, account: str) -> None:
        """Begin anew: the password was right."""
        async with self._redis.use() as redis:
            await redis.delete(self._key(account))
