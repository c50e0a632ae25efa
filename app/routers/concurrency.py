"""Dependencies that count a request as an open stream or export of the user until its response ends."""

from collections.abc import AsyncIterator

from fastapi import Depends, Request

from app.dependencies import Services, User
from app.redis_client.concurrency_leases import LimitedResource
from app.routers.sse import wants_events


async def _limit_exports(request: Request, user: User, services: Services) -> AsyncIterator[None]:
    async with services.concurrency.acquire(LimitedResource.EXPORT, user.id, request.path_params):
        yield


async def _limit_streams(request: Request, user: User, services: Services) -> AsyncIterator[None]:
    async with services.concurrency.acquire(LimitedResource.STREAM, user.id, request.path_params):
        yield


async def _limit_accepted_streams(request: Request, user: User, services: Services) -> AsyncIterator[None]:
    if not wants_events(request.headers.get("accept")):
        yield
        return
    async with services.concurrency.acquire(LimitedResource.STREAM, user.id, request.path_params):
        yield


LIMIT_EXPORTS = Depends(_limit_exports)
LIMIT_STREAMS = Depends(_limit_streams)
LIMIT_ACCEPTED_STREAMS = Depends(_limit_accepted_streams)
"""Limits streams where `Accept` decides whether the response is one."""
