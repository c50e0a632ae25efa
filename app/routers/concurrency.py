"""Dependencies that count a request as one of the user's open streams or exports until its response ends."""

from collections.abc import AsyncIterator

from fastapi import Depends, Request

from app.dependencies import Services, User
from app.redis_client.concurrent_uses import Use
from app.routers.sse import wants_events


async def _one_export(request: Request, user: User, services: Services) -> AsyncIterator[None]:
    async with services.concurrency.hold(Use.EXPORT, user.id, request.path_params):
        yield


async def _one_stream(request: Request, user: User, services: Services) -> AsyncIterator[None]:
    async with services.concurrency.hold(Use.STREAM, user.id, request.path_params):
        yield


async def _one_stream_if_asked_for(request: Request, user: User, services: Services) -> AsyncIterator[None]:
    if not wants_events(request.headers.get("accept")):
        yield
        return
    async with services.concurrency.hold(Use.STREAM, user.id, request.path_params):
        yield


ONE_EXPORT = Depends(_one_export)
ONE_STREAM = Depends(_one_stream)
ONE_STREAM_IF_ASKED_FOR = Depends(_one_stream_if_asked_for)
