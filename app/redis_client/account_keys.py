"""What Redis holds of a person, by key, so that all of it can be erased."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.concurrency_leases import LimitedResource, leases_key
from app.redis_client.connection import RedisConnection
from app.redis_client.daily_count import count_key
from app.redis_client.reply_events import stream_of

_KEYS_AT_ONCE = 500


class AccountKeys:
    """Erases keys; unlike the stores that write them, it says so when Redis cannot be told."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def erase_streams(self, reply_ids: Iterable[UUID]) -> None:
        """Erase the events of these replies.

        Raises:
            RedisUnavailableError: some may still be there.
        """
        await self._erase([stream_of(reply_id) for reply_id in reply_ids])

    async def erase_person(self, user_id: UUID, days: Iterable[date]) -> None:
        """Erase the room list, the counts of these days and the limits and open uses of a person.

        Raises:
            RedisUnavailableError: some may still be there.
        """
        counts = [count_key(user_id, day) for day in days]
        limits = [f"limit:user:{user_id}", f"limit:stripe:{user_id}"]
        leases = [leases_key(resource, user_id) for resource in LimitedResource]
        await self._erase([*ChatroomCache.keys_of(user_id), *limits, *leases, *counts])

    async def _erase(self, keys: Sequence[str]) -> None:
        for begin in range(0, len(keys), _KEYS_AT_ONCE):
            async with self._redis.use() as redis:
                await redis.unlink(*keys[begin : begin + _KEYS_AT_ONCE])
