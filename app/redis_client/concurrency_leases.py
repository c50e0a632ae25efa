"""Leases of the streams and exports that a user has open: a sorted set in Redis, scored by expiry time."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.redis_client.connection import RedisConnection, Script

LEASE_SECONDS: Final = 60

_NOW: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
"""
# A lease that expires later than any new one was written before the server's clock was set back.
_ACQUIRE: Final = Script[int](
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
_RENEW: Final = Script[None](
    _NOW
    + """
local lease = tonumber(ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + lease, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], lease)
"""
)


class LimitedResource(StrEnum):
    """Resources of which a user may have only so many open at once."""

    STREAM = "streams"
    EXPORT = "exports"


def leases_key(resource: LimitedResource, user_id: UUID) -> str:
    """Return the key of a user's leases of one resource."""
    return f"uses:{resource}:{user_id}"


class ConcurrencyLeases:
    """Acquires, renews and releases leases. Those of a killed process expire."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def acquire(self, resource: LimitedResource, user_id: UUID, lease_id: str, *, limit: int) -> bool:
        """Add a lease; return False if the user has `limit` already.

        Raises:
            RedisUnavailableError: the lease may have been added.
        """
        arguments = (limit, LEASE_SECONDS * 1000, lease_id)
        acquired = await self._redis.run_script(_ACQUIRE, [leases_key(resource, user_id)], arguments)
        return acquired == 1

    async def renew(self, resource: LimitedResource, user_id: UUID, lease_ids: Iterable[str]) -> None:
        """Extend these leases, and add those that Redis has lost.

        Raises:
            RedisUnavailableError: some may expire.
        """
        arguments: tuple[str | int, ...] = (LEASE_SECONDS * 1000, *lease_ids)
        await self._redis.run_script(_RENEW, [leases_key(resource, user_id)], arguments)

    async def release(self, resource: LimitedResource, user_id: UUID, lease_id: str) -> None:
        """Remove a lease.

        Raises:
            RedisUnavailableError: the lease may remain until it expires.
        """
        await self._redis.run("ZREM", leases_key(resource, user_id), lease_id)
