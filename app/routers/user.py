"""The caller's own account."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app.dependencies import Services, User
from app.errors import RecentSignInRequired, TooManyExports, ValidationFailed
from app.openapi import error_responses
from app.routers.concurrency import LIMIT_EXPORTS
from app.routers.download import download_response
from app.routers.json_response import json_response
from app.routing import Route
from app.schemas.export import AccountExport
from app.schemas.user import DeletionOut, UsageOut, UserOut, UserPatch

router = APIRouter(prefix="/user", tags=["user"], route_class=Route)

Days = Annotated[int, Query(ge=1, le=365, description="Number of UTC days, including today.")]


@router.get(
    "/me",
    operation_id="get_me",
    summary="Get the account",
    response_model=UserOut,
    responses=error_responses(signed_in=True),
)
async def get_me(user: User, services: Services) -> Response:
    """Get the user's account."""
    account = await services.users.me(user.id)
    return json_response(account.model_dump_json())


@router.patch(
    "/me",
    operation_id="update_me",
    summary="Change the name",
    responses=error_responses(body=True, signed_in=True),
)
async def update_me(body: UserPatch, user: User, services: Services) -> UserOut:
    """Change the user's name; null clears it."""
    return await services.users.rename(user.id, body.full_name)


@router.delete(
    "/me",
    operation_id="delete_me",
    summary="Delete the account",
    status_code=HTTPStatus.ACCEPTED,
    responses=error_responses(RecentSignInRequired, signed_in=True),
)
async def delete_me(user: User, services: Services) -> DeletionOut:
    """Delete the account for good. All sessions end at once; all data is erased within seconds."""
    await services.accounts.delete(user)
    return DeletionOut(message="The account is closed, and everything in it is being erased.")


@router.get(
    "/me/usage",
    operation_id="get_my_usage",
    summary="Get messages and tokens per day",
    responses=error_responses(ValidationFailed, signed_in=True),
)
async def get_my_usage(user: User, services: Services, days: Days = 30) -> UsageOut:
    """Get today's quota, and the messages and tokens of the last days, newest first."""
    return await services.users.usage(user.id, days=days)


@router.get(
    "/me/export",
    operation_id="export_me",
    summary="Export all data of the account",
    response_model=AccountExport,
    responses=error_responses(TooManyExports, signed_in=True),
    dependencies=[LIMIT_EXPORTS],
)
async def export_me(user: User, services: Services) -> Response:
    """Download everything stored about the user as one JSON document. If it breaks off, request it again."""
    return download_response(await services.exports.begin(user.id))
