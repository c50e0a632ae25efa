"""The key `rate_limit:user:{user_id}:date:{date}`: a copy of the committed daily count."""

import contextlib
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from app.redis_client.connection import RedisConnection, RedisUnavailableError, Script

# Counts of concurrent messages may arrive in any order; within a day only a refund lowers the count.
_RAISE: Final = Script[int]("""
local current = tonumber(redis.call('GET', KEYS[1]) or '-1')
if tonumber(ARGV[1]) > current then
  redis.call('SET', KEYS[1], ARGV[1], 'EXAT', ARGV[2])
end
return 0
""")


def count_key(user_id: UUID, day: date) -> str:
    """Return the key of a user's count of a day."""
    return f"rate_limit:user:{user_id}:date:{day.isoformat()}"


class DailyCountMirror:
    """Copies daily counts to Redis. While Redis is unavailable, only the copy is missing."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def show(self, *, user_id: UUID, day: date, used: int, refunded: bool) -> None:
        """Set the key to `used`, until the UTC day ends; only a refund may lower it."""
        key = count_key(user_id, day)
        midnight = int(datetime.combine(day + timedelta(days=1), time(), UTC).timestamp())
        with contextlib.suppress(RedisUnavailableError):
            if refunded:
                await self._redis.run("SET", key, used, "EXAT", midnight)
            else:
                await self._redis.run_script(_RAISE, [key], [used, midnight])
