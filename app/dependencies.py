"""Dependencies of the routes: services, the caller, and parts of the request.

All are coroutines, since FastAPI runs other functions in a thread.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import ClientDisconnect

from app.bootstrap.api import ApiServices
from app.errors import ValidationFailed
from app.kit.client_address import ClientAddress
from app.kit.json_bounds import MAX_MEMBERS
from app.kit.query_rules import allows_unknown_query
from app.kit.rate_limit import LimitState
from app.rate_limiter import CountedRequest
from app.services.billing.payments import StripeBudget
from app.services.identity.session import CurrentUser, Device

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="The access token of a session.")

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
    _documented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> CurrentUser:
    caller: ClientAddress = request.state.client_address
    user = await services.sessions.user_of(request.state.claims, ip_address=caller.shown)
    counted: CountedRequest = request.state.counted
    request.state.counted = counted.on_plan(user.plan)
    await services.request_limit.require_user(
        counted, user_id=user.id, plan=user.plan, ids=request.path_params
    )
    return user


User = Annotated[CurrentUser, Depends(_current_user)]
"""The caller; a request without a valid access token is rejected."""


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


_TOO_MANY_PARAMETERS = {
    "pointer": "/query",
    "code": "too_many_members",
    "message": f"must not have more than {MAX_MEMBERS} parameters",
}


def _query_names(dependant: Dependant) -> set[str]:
    own = {parameter.alias for parameter in dependant.query_params}
    return own.union(*(_query_names(each) for each in dependant.dependencies))


async def refuse_unknown_query(request: Request) -> None:
    """Reject query parameters that the route does not have, since a misspelt one would be ignored.

    Raises:
        RequestValidationError: the query has unknown parameters.
        ValidationFailed: the query has too many parameters to be parsed.
    """
    route: APIRoute = request.scope["route"]
    if not request.url.query or allows_unknown_query(request.url.path) or not route.include_in_schema:
        return
    if request.url.query.count("&") >= MAX_MEMBERS:
        raise ValidationFailed(members={"errors": [_TOO_MANY_PARAMETERS]})
    known = _query_names(route.dependant)
    if unknown := [name for name in request.query_params if name not in known]:
        raise RequestValidationError(
            [
                {"type": "extra_forbidden", "loc": ("query", name), "msg": "Unknown query parameter"}
                for name in unknown
            ]
        )


async def _request_id(request: Request) -> str:
    request_id: str = request.state.request_id
    return request_id


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
RequestId = Annotated[str, Depends(_request_id)]
RawBody = Annotated[bytes, Depends(_raw_body)]
"""The bytes of the body, for checking their signature."""

ChatroomId = Annotated[UUID, Path(description="A chatroom of the user.")]
MessageId = Annotated[UUID, Path(description="A message in this chatroom.")]
ReplyId = Annotated[UUID, Path(description="A reply in this chatroom.")]
SessionId = Annotated[UUID, Path(description="An open session of the user.")]
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
PreferHeader = Annotated[
    str | None,
    Header(
        max_length=200, description="`respond-async`, or `wait=n` with n seconds from 0 to 60 (RFC 7240)."
    ),
]
