"""What a route may ask for: the services, who is calling, from where, and the parts of a request."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import ClientDisconnect

from app.bootstrap import ApiServices
from app.errors import ValidationFailed
from app.services.session import CurrentUser, Device

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="The access token of a session.")


def _services(request: Request) -> ApiServices:
    services: ApiServices = request.app.state.services
    return services


Services = Annotated[ApiServices, Depends(_services)]


async def _current_user(
    services: Services, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> CurrentUser:
    return await services.sessions.authenticate(credentials.credentials if credentials else None)


def _device(request: Request) -> Device:
    return Device(
        user_agent=request.headers.get("user-agent"),
        ip_address=request.client.host if request.client else None,
    )


def _request_id(request: Request) -> str:
    request_id: str = request.state.request_id
    return request_id


async def _raw_body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise ValidationFailed from None  # which nobody reads


User = Annotated[CurrentUser, Depends(_current_user)]
"""The caller; a request without a valid access token is refused."""

CallingDevice = Annotated[Device, Depends(_device)]
RequestId = Annotated[str, Depends(_request_id)]
RawBody = Annotated[bytes, Depends(_raw_body)]
"""The body as it came, for what is signed byte by byte."""

ChatroomId = Annotated[UUID, Path(description="One of your chatrooms.")]
MessageId = Annotated[UUID, Path(description="A message of this chatroom.")]
ReplyId = Annotated[UUID, Path(description="A reply in this chatroom.")]
Limit = Annotated[int, Query(ge=1, le=100, description="The most items of a page.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="Makes a retry safe: the same key answers with the same message and reply.",
    ),
]
LastEventId = Annotated[
    str | None,
    Header(max_length=40, description="The id of the last event that arrived; the stream goes on behind it."),
]
AcceptHeader = Annotated[
    str | None,
    Header(max_length=500, description="`text/event-stream` answers with the reply's events as they happen."),
]
PreferHeader = Annotated[
    str | None,
    Header(
        max_length=200, description="`respond-async`, or `wait=n` with n seconds from 0 to 60 (RFC 7240)."
    ),
]
