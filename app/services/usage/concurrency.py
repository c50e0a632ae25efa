"""Limits the streams and exports that one user has open at once, across all API processes."""

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
from app.redis_client.concurrency_leases import LEASE_SECONDS, ConcurrencyLeases, LimitedResource
from app.redis_client.connection import RedisUnavailableError
from app.services.usage.request_limit import RequestLimit

_RENEW_SECONDS: Final = LEASE_SECONDS / 3

PathIds = Mapping[str, str]
"""The ids in a request's path by parameter name, as the client sent them."""

_REJECTIONS: Final[Mapping[LimitedResource, type[AppError]]] = {
    LimitedResource.STREAM: TooManyStreams,
    LimitedResource.EXPORT: TooManyExports,
}


@dataclass(frozen=True, slots=True)
class ConcurrencyLimiter:
    """Counts leases in Redis, and in this process alone while Redis is unavailable.

    The leases of a killed process expire within a minute.
    """

    leases: ConcurrencyLeases
    request_limit: RequestLimit
    limits: Mapping[LimitedResource, int]
    _held: defaultdict[tuple[LimitedResource, UUID], dict[str, PathIds]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """The leases of this process by id, each with the ids in its request's path."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Renew the leases of this process for the duration of this block."""
        renewing = asyncio.create_task(run_forever(self._renew_all, name="concurrency-limiter"))
        try:
            yield self
        finally:
            renewing.cancel()

    async def acquire(self, resource: LimitedResource, user_id: UUID, ids: PathIds) -> "ConcurrencyLease":
        """Take a lease, which counts until it is released.

        Raises:
            TooManyStreams, TooManyExports: the user has reached the limit.
            ChatroomNotFound, MessageNotFound: likewise, and the path names nothing of this user.
        """
        lease = ConcurrencyLease(self, resource, user_id, uuid.uuid4().hex)
        if len(self._held.get((resource, user_id), ())) >= self.limits[resource]:
            raise await self._rejection(lease, ids)
        self._held[resource, user_id][lease.id] = ids
        is_acquired = False
        try:
            is_acquired = await self._acquire(lease)
        finally:
            if not is_acquired:
                await lease.release()
        if not is_acquired:
            raise await self._rejection(lease, ids)
        return lease

    async def release(self, lease: "ConcurrencyLease") -> None:
        """Count a lease no longer."""
        held = self._held[lease.resource, lease.user_id]
        del held[lease.id]
        if not held:
            del self._held[lease.resource, lease.user_id]
        with contextlib.suppress(RedisUnavailableError):
            await self.leases.release(lease.resource, lease.user_id, lease.id)

    async def _rejection(self, lease: "ConcurrencyLease", ids: PathIds) -> AppError:
        held = self._held.get((lease.resource, lease.user_id), {})
        others = (known for other, known in held.items() if other != lease.id)
        # Ids of an open stream exist: so a flood of requests for it causes no queries.
        missing = None if ids in others else await self.request_limit.missing(user_id=lease.user_id, ids=ids)
        if missing is None:
            metrics.rate_limit_refused(lease.resource.value)
        return missing or _REJECTIONS[lease.resource]()

    async def _acquire(self, lease: "ConcurrencyLease") -> bool:
        limit = self.limits[lease.resource]
        try:
            return await self.leases.acquire(lease.resource, lease.user_id, lease.id, limit=limit)
        except RedisUnavailableError:
            return True

    async def _renew_all(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            with contextlib.suppress(RedisUnavailableError):
                for (resource, user_id), held in list(self._held.items()):
                    if held:
                        await self.leases.renew(resource, user_id, tuple(held))


@dataclass(frozen=True, slots=True)
class ConcurrencyLease:
    """One open stream or export of a user."""

    limiter: ConcurrencyLimiter
    resource: LimitedResource
    user_id: UUID
    id: str

    async def release(self) -> None:
        """Count it no longer."""
        await self.limiter.release(self)
