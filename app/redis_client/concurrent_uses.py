"""Concurrent uses of a user over all processes: a sorted set of leases, each with the time it ends."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.redis_client.connection import RedisConnection

LEASE_SECONDS: Final = 60

_NOW: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
"""
# A lease well ahead of the clock is from before the clock was set back.
_ACQUIRE: Final = (
    _NOW
    + """
local limit, lease = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + 2 * lease, '+inf')
if redis.call('ZCARD', KEYS[1]) >= limit then return 0 end
redis.call('ZADD', KEYS[1], now + lease, ARGV[3])
redis.call('PEXPIRE', KEYS[1], lease)
return 1
"""
)
_RENEW: Final = (
    _NOW
    + """
local lease = tonumber(ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + lease, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], lease)
"""
)


class Use(StrEnum):
    """What is limited."""

    STREAM = "streams"
    EXPORT = "exports"


def uses_key(kind: Use, user_id: UUID) -> str:
    """Where a user's uses of one kind are counted."""
    return f"uses:{kind}:{user_id}"


class ConcurrentUses:
    """Leases of uses. A process that dies leaves its leases to run out."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def acquire(self, kind: Use, user_id: UUID, use_id: str, *, limit: int) -> bool:
        """Add a lease unless the user has `limit` of them.

        Raises:
            RedisUnavailableError: nobody knows whether it was added.
        """
        figures = (str(limit), str(LEASE_SECONDS * 1000), use_id)
        async with self._redis.use() as redis:
            return bool(await redis.eval(_ACQUIRE, 1, uses_key(kind, user_id), *figures))

    async def renew(self, kind: Use, user_id: UUID, use_ids: Iterable[str]) -> None:
        """Begin these leases anew, also after Redis was emptied.

        Raises:
            RedisUnavailableError: some may run out.
        """
        async with self._redis.use() as redis:
            await redis.eval(_RENEW, 1, uses_key(kind, user_id), str(LEASE_SECONDS * 1000), *use_ids)

    async def release(self, kind: Use, user_id: UUID, use_id: str) -> None:
        """End a lease.

        Raises:
            RedisUnavailableError: it may have to run out.
        """
        async with self._redis.use() as redis:
            await redis.zrem(uses_key(kind, user_id), use_id)
