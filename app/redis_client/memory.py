"""Redis's memory, for the metrics."""

import re
import time
from dataclasses import dataclass
from typing import Final

from app.redis_client.connection import RedisConnection

_MAX_AGE_SECONDS: Final = 10.0
_FIGURE: Final = re.compile(r"^(used_memory|maxmemory):(\d+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes in use, and the limit; a limit of 0 is none."""

    used: int
    limit: int


class RedisMemory:
    """Asks Redis for its memory, at most every ten seconds."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis
        self._known: Memory | None = None
        self._next_read_at = 0.0

    async def read(self) -> Memory | None:
        """Return the memory, at most ten seconds old; None if Redis does not tell.

        Raises:
            RedisUnavailableError: Redis failed or timed out, now or up to two seconds ago.
        """
        if time.monotonic() >= self._next_read_at:
            self._known = None
            figures = dict(_FIGURE.findall(str(await self._redis.run("INFO", "memory"))))
            if len(figures) == len(("used_memory", "maxmemory")):
                self._known = Memory(int(figures["used_memory"]), int(figures["maxmemory"]))
            self._next_read_at = time.monotonic() + _MAX_AGE_SECONDS
        return self._known
