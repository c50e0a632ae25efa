"""Erase every key in Redis that belongs to a user or a reply; other modules name the keys they own."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.concurrency_leases import LimitedResource, leases_key
from app.redis_client.connection import RedisConnection
from app.redis_client.daily_count import count_key
from app.redis_client.limit_keys import stripe_limit_key, user_limit_key
from app.redis_client.reply_events import stream_of

_KEYS_PER_COMMAND = 500


class AccountKeys:
    """Erases keys; unlike the stores that write them, it raises while Redis is unavailable."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def erase_streams(self, reply_ids: Iterable[UUID]) -> None:
        """Erase the events of these replies.

        Raises:
            RedisUnavailableError: some may still be in Redis.
        """
        await self._erase([stream_of(reply_id) for reply_id in reply_ids])

    async def erase_user(self, user_id: UUID, days: Iterable[date]) -> None:
        """Erase a user's room list, limits, open uses and message counts of these days.

        Raises:
            RedisUnavailableError: some may still be in Redis.
        """
        counts = [count_key(user_id, day) for day in days]
        limits = [user_limit_key(user_id), stripe_limit_key(user_id)]
        leases = [leases_key(resource, user_id) for resource in LimitedResource]
        await self._erase([*ChatroomCache.keys_of(user_id), *limits, *leases, *counts])

    async def _erase(self, keys: Sequence[str]) -> None:
        for begin in range(0, len(keys), _KEYS_PER_COMMAND):
            await self._redis.run("UNLINK", *keys[begin : begin + _KEYS_PER_COMMAND])
