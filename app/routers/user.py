"""One's own account."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app.dependencies import Services, User
from app.errors import RecentSignInRequired, TooManyExports, ValidationFailed
from app.openapi import failures
from app.routers.concurrency import ONE_EXPORT
from app.routers.download import answer_download
from app.schemas.export import AccountExport
from app.schemas.user import DeletionOut, UsageOut, UserOut, UserPatch

router = APIRouter(prefix="/user", tags=["user"])

Days = Annotated[int, Query(ge=1, le=365, description="How many UTC days back, today included.")]


@router.get("/me", operation_id="get_me", responses=failures(signed_in=True))
async def get_me(user: User, services: Services) -> UserOut:
    """The account of the caller."""
    return await services.users.me(user.id)


@router.patch("/me", operation_id="update_me", responses=failures(body=True, signed_in=True))
async def update_me(body: UserPatch, user: User, services: Services) -> UserOut:
    """Change the caller's name; null clears it."""
    return await services.users.rename(user.id, body.full_name)


@router.delete(
    "/me",
    operation_id="delete_me",
    status_code=HTTPStatus.ACCEPTED,
    responses=failures(RecentSignInRequired, signed_in=True),
)
async def delete_me(user: User, services: Services) -> DeletionOut:
    """Close the caller's account for good. All sessions end at once, everything is erased within moments."""
    await services.accounts.delete(user)
    return DeletionOut(message="The account is closed, and everything in it is being erased.")


@router.get("/me/usage", operation_id="get_my_usage", responses=failures(ValidationFailed, signed_in=True))
async def get_my_usage(user: User, services: Services, days: Days = 30) -> UsageOut:
    """What is left of today, and the messages and tokens of the last days, the newest first."""
    return await services.users.usage(user.id, days=days)


@router.get(
    "/me/export",
    operation_id="export_me",
    response_model=AccountExport,
    responses=failures(TooManyExports, signed_in=True),
    dependencies=[ONE_EXPORT],
)
async def export_me(user: User, services: Services) -> Response:
    """Everything held about the caller, as one JSON document to download. If it breaks off, ask again."""
    return answer_download(await services.exports.begin(user.id))
