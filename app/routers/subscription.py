"""What plan the caller is on."""

from fastapi import APIRouter

from app.dependencies import Services, User
from app.openapi import failures
from app.schemas.subscription import SubscriptionOut

router = APIRouter(prefix="/subscription", tags=["subscription"])


@router.get("/status", operation_id="get_subscription", responses=failures(signed_in=True))
async def get_subscription(user: User, services: Services) -> SubscriptionOut:
    """The plan now, and what is left of the day."""
    return await services.subscriptions.status(user.id)
