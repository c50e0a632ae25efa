"""Identify the caller of each request, and count the request on the caller's limits."""

from collections.abc import Sequence

from fastapi.security.utils import get_authorization_scheme_param
from starlette.types import ASGIApp, Receive, Scope, Send

from app.bootstrap.api import ApiServices
from app.kit.client_address import ForwardedWarnings, Network, client_address
from app.kit.headers import header
from app.rate_limiter import is_exempt


class RateLimitMiddleware:
    """Counts each request once, and rejects those of addresses over the limit.

    Requests of users over their limit are rejected by `app.dependencies`, once the user's plan is known. The
    state of every request holds `client_address`, the `claims` of a valid token or None, and the `counted`
    limits, also on paths that are exempt.
    """

    def __init__(self, app: ASGIApp, *, trusted_proxies: Sequence[Network]) -> None:
        self._app = app
        self._trusted_proxies = trusted_proxies
        self._warnings = ForwardedWarnings()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._count(scope)
        await self._app(scope, receive, send)

    async def _count(self, scope: Scope) -> None:
        services: ApiServices = scope["app"].state.services
        headers, state = scope["headers"], scope["state"]
        address = client_address(
            peer=scope.get("client"),
            server=scope.get("server"),
            forwarded_for=[value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"],
            trusted=self._trusted_proxies,
        )
        if not is_exempt(scope["path"]):
            self._warnings.note(headers, address)
        scheme, token = get_authorization_scheme_param(
            (header(headers, b"authorization") or b"").decode("latin-1")
        )
        claims = services.sessions.claims_of(token) if scheme.lower() == "bearer" else None
        state["client_address"], state["claims"] = address, claims
        state["counted"] = counted = await services.request_limit.count(
            method=scope["method"],
            path=scope["path"],
            address=address.rate_limit_key,
            user_id=claims.user_id if claims else None,
            plan=services.sessions.known_plan(claims) if claims else None,
        )
        services.request_limit.require_address(counted)
