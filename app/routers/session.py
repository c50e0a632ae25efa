"""Sessions: refresh, sign out, list."""

from http import HTTPStatus

from fastapi import APIRouter

from app.dependencies import CallingDevice, Cursor, Limit, Services, SessionId, User
from app.errors import (
    AccountSuspended,
    CursorInvalid,
    RefreshInvalid,
    RefreshReused,
    SessionNotFound,
    ValidationFailed,
)
from app.kit.paging import DEFAULT_PAGE
from app.openapi import error_responses
from app.routing import Route
from app.schemas.auth import TokensOut
from app.schemas.session import LogoutIn, RefreshIn, SessionPage

router = APIRouter(prefix="/auth", tags=["sessions"], route_class=Route)


@router.post(
    "/refresh",
    operation_id="refresh_session",
    summary="Refresh the tokens",
    responses=error_responses(RefreshInvalid, RefreshReused, AccountSuspended, body=True),
)
async def refresh_session(body: RefreshIn, device: CallingDevice, services: Services) -> TokensOut:
    """Exchange a refresh token for a new pair of tokens.

    The same token always returns the same successor, so a lost response or a second tab does no harm. A
    token is valid until its successor is used. Reuse after that ends the session with `refresh_reused`,
    since two clients hold the token.

    A thief is not detected if thief and owner alternate, so that both always send the newest token or the
    one before. `GET /auth/sessions` shows when and from where each session was last used.
    """
    return await services.refreshes.refresh(body.refresh_token, ip_address=device.ip_address)


@router.post(
    "/logout",
    operation_id="log_out",
    summary="Sign out",
    status_code=HTTPStatus.NO_CONTENT,
    responses=error_responses(body=True, signed_in=True),
)
async def log_out(user: User, services: Services, body: LogoutIn | None = None) -> None:
    """End this session (the default), all others, or all. Their tokens stop working within 5 seconds."""
    await services.sessions.log_out(user, (body or LogoutIn()).scope)


@router.get(
    "/sessions",
    operation_id="list_sessions",
    summary="List the open sessions",
    responses=error_responses(ValidationFailed, CursorInvalid, signed_in=True),
)
async def list_sessions(
    user: User, services: Services, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> SessionPage:
    """List the user's open sessions, newest use first."""
    return await services.sessions.listing(user, cursor=cursor, limit=limit)


@router.delete(
    "/sessions/{session_id}",
    operation_id="end_session",
    summary="End a session",
    status_code=HTTPStatus.NO_CONTENT,
    responses=error_responses(SessionNotFound, signed_in=True),
)
async def end_session(session_id: SessionId, user: User, services: Services) -> None:
    """End one of the user's sessions, which may be the current one."""
    await services.sessions.end(user, session_id)
