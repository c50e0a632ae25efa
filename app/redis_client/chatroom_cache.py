"""Cache of the first page of a user's room list, at `chatrooms:user:{user_id}`.

A reader sets a random token before it reads the database, and its list is stored only if the token is still
there. Writers delete list and token before and after their commit, so a slow reader never stores a list that
is older than a write.
"""

import contextlib
import secrets
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from app.redis_client.connection import RedisConnection, RedisUnavailableError, Script

_FILL_SECONDS = 10
MAX_CACHED_BYTES = 64 * 1024
"""Maximum size of a cached list; fifty rooms with full fields are 1.5 MB."""

_STORE: Final = Script[int]("""
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1
""")


class ChatroomCache:
    """Room lists as encoded JSON. While Redis is unavailable, every read is a miss."""

    def __init__(self, redis: RedisConnection, *, ttl_seconds: int) -> None:
        self._redis = redis
        self._ttl_seconds = ttl_seconds

    @staticmethod
    def keys_of(user_id: UUID) -> tuple[str, str]:
        """Return the keys of a user's list and of the token of a fill in progress."""
        return f"chatrooms:user:{user_id}", f"chatrooms:user:{user_id}:fill"

    async def read(self, user_id: UUID) -> str | None:
        """Return the cached list, if there is one."""
        with contextlib.suppress(RedisUnavailableError):
            cached = await self._redis.run("GET", self.keys_of(user_id)[0])
            return cached if isinstance(cached, str) else None
        return None

    async def begin_fill(self, user_id: UUID) -> str | None:
        """Set a token before reading the database, and return it.

        None if another reader fills the list, if Redis is unavailable or if the cache is disabled: then read
        without filling. Of many readers at once, each would otherwise overwrite the token of the one before,
        and none could store its list.
        """
        if self._ttl_seconds == 0:
            return None
        token = secrets.token_hex(8)
        with contextlib.suppress(RedisUnavailableError):
            if await self._redis.run("SET", self.keys_of(user_id)[1], token, "NX", "EX", _FILL_SECONDS):
                return token
        return None

    async def fill(self, user_id: UUID, *, token: str, listing: str) -> None:
        """Store the list read since `begin_fill`, unless it is too large or was invalidated meanwhile."""
        if len(listing.encode()) > MAX_CACHED_BYTES:
            return
        with contextlib.suppress(RedisUnavailableError):
            await self._redis.run_script(_STORE, self.keys_of(user_id), [token, listing, self._ttl_seconds])

    async def drop(self, user_ids: Iterable[UUID]) -> None:
        """Delete the lists of these users, and cancel every fill in progress."""
        keys = [key for user_id in user_ids for key in self.keys_of(user_id)]
        if not keys:
            return
        with contextlib.suppress(RedisUnavailableError):
            await self._redis.run("DEL", *keys)
