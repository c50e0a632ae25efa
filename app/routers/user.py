"""One's own account."""

from fastapi import APIRouter

from app.dependencies import Services, User
from app.openapi import failures
from app.schemas.user import UserOut

router = APIRouter(prefix="/user", tags=["user"])


@router.get("/me", operation_id="get_me", responses=failures(signed_in=True))
async def get_me(user: User, services: Services) -> UserOut:
    """The account of the caller."""
    return await services.users.me(user.id)
