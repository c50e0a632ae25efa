"""Requests a minute: counts every request on its address and its person before anything else is done."""

import re
from collections.abc import Sequence

from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app import metrics
from app.bootstrap.api import ApiServices
from app.errors import RateLimitExceeded
from app.kit.client_address import ForwardedWarnings, Network, client_address
from app.rate_limiter import AppliedLimits, is_exempt

# Following a reply is part of the message that was counted on its person.
_FOLLOWING = re.compile(r"/chatroom/[^/]+/message/[^/]+(/events)?")


class RateLimitMiddleware:
    """Refuses addresses over their limit; people over theirs are refused once their plan is known.

    Whose token it is needs no look-up: its signature says so. What it claims is kept for the route, so that
    it is checked once. Both counts are one round trip.
    """

    def __init__(self, app: ASGIApp, *, trusted_proxies: Sequence[Network]) -> None:
        self._app = app
        self._trusted_proxies = trusted_proxies
        self._warnings = ForwardedWarnings()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        address = client_address(
            peer=scope.get("client"),
            server=scope.get("server"),
            forwarded_for=headers.getlist("x-forwarded-for"),
            trusted=self._trusted_proxies,
        )
        scope["state"]["client_address"] = address
        if not is_exempt(scope["path"]):
            self._warnings.note(scope["headers"], address)
            await self._count(scope, headers, address.rate_limit_key)
        await self._app(scope, receive, send)

    async def _count(self, scope: Scope, headers: Headers, address: str) -> None:
        services: ApiServices = scope["app"].state.services
        scheme, token = get_authorization_scheme_param(headers.get("authorization"))
        claims = services.sessions.claims_of(token) if scheme.lower() == "bearer" else None
        scope["state"]["claims"] = claims
        is_following = scope["method"] in {"GET", "HEAD"} and _FOLLOWING.fullmatch(scope["path"])
        plan = services.sessions.known_plan(claims) if claims else None
        counted = await services.limiter.count(
            address=address, user_id=claims.user_id if claims and not is_following else None, plan=plan
        )
        limits: AppliedLimits = scope["state"]["limits"]
        limits.shown.append(counted.ip)
        limits.user = counted.user
        if plan is not None:
            limits.put_in_force(plan)  # for answers that come before the route asks who is calling
        if not counted.ip.is_open:
            metrics.rate_limit_refused("ip")
            raise RateLimitExceeded(retry_after=counted.ip.reset_seconds)
