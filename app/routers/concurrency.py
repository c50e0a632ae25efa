"""Dependencies that count a request as an open stream or export of the user until its response ends."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import Depends, Request

from app.dependencies import Services, User
from app.redis_client.concurrency_leases import LimitedResource
from app.routers.sse import wants_events


def _limit(resource: LimitedResource, *, if_events_accepted: bool = False) -> Any:  # noqa: ANN401  # as Depends
    async def hold(request: Request, user: User, services: Services) -> AsyncIterator[None]:
        if if_events_accepted and not wants_events(request.headers.get("accept")):
            yield
            return
        state = request.scope["state"]
        state["lease"] = await services.concurrency.acquire(resource, user.id, request.path_params)
        try:
            yield
        finally:
            if lease := state.pop("lease", None):  # else an event stream has taken it over
                await lease.release()

    return Depends(hold)


LIMIT_EXPORTS = _limit(LimitedResource.EXPORT)
LIMIT_STREAMS = _limit(LimitedResource.STREAM)
LIMIT_ACCEPTED_STREAMS = _limit(LimitedResource.STREAM, if_events_accepted=True)
"""Limits streams where `Accept` decides whether the response is one."""
