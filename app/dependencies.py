"""Dependencies of the routes: services, the caller, and parts of the request.

All are coroutines, since FastAPI runs other functions in a thread.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

import structlog
from fastapi import Depends, Header, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import ClientDisconnect, HTTPConnection

from app.bootstrap.api import ApiServices
from app.errors import ValidationFailed
from app.kit.client_address import ClientAddress
from app.kit.rate_limit import LimitState
from app.models import Actor, Scope
from app.rate_limiter import CountedRequest
from app.services.billing.payments import StripeBudget
from app.services.identity.session import CurrentUser, Device

_LOGGED_IDS: Final = frozenset({"chatroom_id", "message_id", "reply_id"})
_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class _Documented(HTTPBearer):
    """A scheme for the OpenAPI document; `app.middleware.limits` reads the token."""

    async def __call__(self, request: HTTPConnection) -> None:
        """Do nothing."""


_bearer = _Documented(
    scheme_name="HTTPBearer", bearerFormat="JWT", description="The access token of a session."
)

_admin_bearer = _Documented(scheme_name="AdminKey", description="A key of the admin API.")

_metrics_bearer = HTTPBearer(
    auto_error=False, scheme_name="MetricsToken", description="The value of `METRICS_TOKEN`."
)


async def _services(request: Request) -> ApiServices:
    services: ApiServices = request.app.state.services
    return services


Services = Annotated[ApiServices, Depends(_services)]


async def _current_user(
    request: Request,
    services: Services,
    _documented: Annotated[None, Depends(_bearer)],
) -> CurrentUser:
    caller: ClientAddress = request.state.client_address
    user = await services.sessions.user_of(request.state.claims, ip_address=caller.shown)
    _bind_to_log(user.id, request.path_params)
    counted: CountedRequest = request.state.counted
    request.state.counted = counted.on_plan(user.plan)
    await services.request_limit.require_user(
        counted, user_id=user.id, plan=user.plan, ids=request.path_params
    )
    return user


def _bind_to_log(user_id: UUID, path: Mapping[str, str]) -> None:
    """Name the caller, and the chatroom and message of the path, in every further line of this request.

    The whole request is one task, so the line of `app.middleware.context` has them, too. The path is the
    caller's text: what is no id is not logged.
    """
    ids = {"user_id": str(user_id)}
    for name, value in path.items():
        if name in _LOGGED_IDS and _ID.fullmatch(value):
            ids[name] = value.lower()
    structlog.contextvars.bind_contextvars(**ids)


async def _request_id(request: Request) -> str:
    request_id: str = request.state.request_id
    return request_id


RequestId = Annotated[str, Depends(_request_id)]


User = Annotated[CurrentUser, Depends(_current_user)]
"""The caller; a request without a valid access token is rejected."""


class RequiredScope:
    """A dependency that returns the operator of a request, if the key has this scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(
        self,
        request: Request,
        services: Services,
        request_id: RequestId,
        _documented: Annotated[None, Depends(_admin_bearer)],
    ) -> Actor:
        """Return the operator.

        Raises:
            AdminKeyRequired: no open key.
            ScopeRequired: the key does not have the scope.
        """
        scheme, key = get_authorization_scheme_param(request.headers.get("authorization"))
        is_bearer = scheme.lower() == "bearer"
        actor = await services.admin.keys.authenticate(key if is_bearer else None, request_id=request_id)
        structlog.contextvars.bind_contextvars(actor=actor.name)
        actor.require(self.scope)
        return actor


Reader = Annotated[Actor, Depends(RequiredScope(Scope.READ))]
"""The operator of a request that only reads."""

SupportOperator = Annotated[Actor, Depends(RequiredScope(Scope.SUPPORT))]
BillingOperator = Annotated[Actor, Depends(RequiredScope(Scope.BILLING))]


async def _stripe_budget(request: Request, services: Services, user: User) -> StripeBudget:
    def show(state: LimitState) -> None:
        counted: CountedRequest = request.state.counted
        request.state.counted = counted.with_limit(state)

    return StripeBudget(user.id, services.request_limit.limiter, show)


async def _device(request: Request) -> Device:
    caller: ClientAddress = request.state.client_address
    return Device(
        user_agent=request.headers.get("user-agent"),
        ip_address=caller.shown,
        networks=caller.networks,
    )


async def _metrics_token(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_metrics_bearer)],
) -> str | None:
    return credentials.credentials if credentials else None


MetricsToken = Annotated[str | None, Depends(_metrics_token)]


async def _raw_body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise ValidationFailed from None  # no client receives it


Budget = Annotated[StripeBudget, Depends(_stripe_budget)]
"""The limit of Stripe calls for the caller."""

CallingDevice = Annotated[Device, Depends(_device)]
RawBody = Annotated[bytes, Depends(_raw_body)]
"""The bytes of the body, for checking their signature."""

ChatroomId = Annotated[UUID, Path(description="A chatroom of the user.")]
MessageId = Annotated[UUID, Path(description="A message in this chatroom.")]
ReplyId = Annotated[UUID, Path(description="A reply in this chatroom.")]
SessionId = Annotated[UUID, Path(description="An open session of the user.")]
UserId = Annotated[UUID, Path(description="An account.")]
Limit = Annotated[int, Query(ge=1, le=100, description="Maximum number of items on the page.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the previous page.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="Makes a retry safe: the same key returns the same room, or the same message and reply.",
    ),
]
LastEventId = Annotated[
    str | None,
    Header(max_length=40, description="The id of the last event received; the stream continues after it."),
]
AcceptLanguage = Annotated[str | None, Header(description="Languages of the text message.")]
PreferHeader = Annotated[
    str | None,
    Header(
        max_length=200, description="`respond-async`, or `wait=n` with n seconds from 0 to 60 (RFC 7240)."
    ),
]
