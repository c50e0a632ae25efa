"""Limits how many streams and exports one user has open at once, over all API processes."""

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Self
from uuid import UUID

from app import metrics
from app.errors import AppError, TooManyExports, TooManyStreams
from app.kit.background import run_forever
from app.redis_client.concurrent_uses import LEASE_SECONDS, ConcurrentUses, Use
from app.redis_client.connection import RedisUnavailableError
from app.services.usage.request_limit import RequestLimit

_RENEW_SECONDS: Final = LEASE_SECONDS / 3


Ids = Mapping[str, str]
"""The ids in a request's path, by name, as they came."""

_REJECTIONS: Final[Mapping[Use, type[AppError]]] = {Use.STREAM: TooManyStreams, Use.EXPORT: TooManyExports}


@dataclass(frozen=True, slots=True)
class ConcurrencyLimiter:
    """Counts in Redis; without it each process counts its own.

    Uses of a process that has died stop counting after a minute.
    """

    uses: ConcurrentUses
    request_limit: RequestLimit
    limits: Mapping[Use, int]
    _held: defaultdict[tuple[Use, UUID], dict[str, Ids]] = field(default_factory=lambda: defaultdict(dict))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Renew leases while this block runs."""
        renewing = asyncio.create_task(run_forever(self._renew_all, name="concurrency-limiter"))
        try:
            yield self
        finally:
            renewing.cancel()

    @asynccontextmanager
    async def hold(self, use: Use, user_id: UUID, ids: Ids) -> AsyncIterator[None]:
        """Count one use for as long as this block runs; `ids` are those in the request's path.

        Raises:
            TooManyStreams, TooManyExports: the user has as many as are allowed.
            ChatroomNotFound, MessageNotFound: likewise, and the path leads to nothing of this user.
        """
        use_id = uuid.uuid4().hex
        if len(self._held.get((use, user_id), ())) >= self.limits[use]:
            raise await self._rejection(use, user_id, ids, use_id)
        held = self._held[use, user_id]
        held[use_id] = ids
        try:
            if not await self._acquire(use, user_id, use_id):
                raise await self._rejection(use, user_id, ids, use_id)
            yield
        finally:
            del held[use_id]
            if not held:
                self._held.pop((use, user_id), None)
            with contextlib.suppress(RedisUnavailableError):
                await self.uses.release(use, user_id, use_id)

    async def _rejection(self, use: Use, user_id: UUID, ids: Ids, use_id: str) -> AppError:
        others = (known for other, known in self._held.get((use, user_id), {}).items() if other != use_id)
        # One like those that are open: then a thousand rejections cost no look into the database.
        missing = None if ids in others else await self.request_limit.missing(user_id=user_id, ids=ids)
        if missing is None:
            metrics.rate_limit_refused(use.value)
        return missing or _REJECTIONS[use]()

    async def _acquire(self, use: Use, user_id: UUID, use_id: str) -> bool:
        try:
            return await self.uses.acquire(use, user_id, use_id, limit=self.limits[use])
        except RedisUnavailableError:
            return True

    async def _renew_all(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            with contextlib.suppress(RedisUnavailableError):
                for (use, user_id), held in list(self._held.items()):
                    if held:
                        await self.uses.renew(use, user_id, tuple(held))
