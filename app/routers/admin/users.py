"""Accounts, for operators."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.dependencies import BillingOperator, Reader, Services, SupportOperator, UserId
from app.errors import UserNotFound, ValidationFailed
from app.openapi import admin_responses
from app.routing import Route
from app.schemas.admin import AdminUser, GrantIn, LimitIn, ReasonIn, SessionsEnded

router = APIRouter(prefix="/admin/users", tags=["users"], route_class=Route)

Number = Annotated[str, Query(max_length=100, description="A mobile number in any notation.")]


@router.get(
    "",
    operation_id="find_user",
    summary="Find an account by its number",
    responses=admin_responses(UserNotFound, ValidationFailed),
)
async def find_user(mobile_number: Number, _actor: Reader, services: Services) -> AdminUser:
    """Find the account of a mobile number."""
    return await services.admin.users.find(mobile_number=mobile_number)


@router.get(
    "/{user_id}",
    operation_id="show_user",
    summary="Show an account",
    responses=admin_responses(UserNotFound),
)
async def show_user(user_id: UserId, _actor: Reader, services: Services) -> AdminUser:
    """Show an account: plan and its source, usage, counts. Never the text of messages."""
    return await services.admin.users.show(user_id)


@router.post(
    "/{user_id}/grant-pro",
    operation_id="grant_pro",
    summary="Grant Pro",
    responses=admin_responses(UserNotFound, body=True),
)
async def grant_pro(user_id: UserId, body: GrantIn, actor: BillingOperator, services: Services) -> AdminUser:
    """Put the user on Pro until a time, without a subscription. A repeated grant replaces the time."""
    return await services.admin.users.grant_pro(actor, user_id, until=body.until, reason=body.reason)


@router.delete(
    "/{user_id}/grant-pro",
    operation_id="end_pro_grant",
    summary="End a grant of Pro",
    responses=admin_responses(UserNotFound),
)
async def end_pro_grant(user_id: UserId, actor: BillingOperator, services: Services) -> AdminUser:
    """End a grant of Pro. A subscription goes on."""
    return await services.admin.users.end_grant(actor, user_id)


@router.put(
    "/{user_id}/limit",
    operation_id="set_daily_limit",
    summary="Set the daily limit of a user",
    responses=admin_responses(UserNotFound, body=True),
)
async def set_daily_limit(
    user_id: UserId, body: LimitIn, actor: BillingOperator, services: Services
) -> AdminUser:
    """Set the user's own messages per day on Basic; null restores the limit of the settings."""
    return await services.admin.users.set_limit(
        actor, user_id, messages_per_day=body.messages_per_day, reason=body.reason
    )


@router.post(
    "/{user_id}/ban",
    operation_id="ban_user",
    summary="Ban a user",
    responses=admin_responses(UserNotFound, body=True),
)
async def ban_user(user_id: UserId, body: ReasonIn, actor: SupportOperator, services: Services) -> AdminUser:
    """Refuse all requests of the user with `account_suspended`, and cancel the replies under way.

    It takes effect within 5 seconds on all processes. Sessions and data stay.
    """
    return await services.admin.users.ban(actor, user_id, reason=body.reason)


@router.delete(
    "/{user_id}/ban",
    operation_id="unban_user",
    summary="End a ban",
    responses=admin_responses(UserNotFound),
)
async def unban_user(user_id: UserId, actor: SupportOperator, services: Services) -> AdminUser:
    """End a ban, within 5 seconds on all processes. The user's sessions work again."""
    return await services.admin.users.unban(actor, user_id)


@router.post(
    "/{user_id}/end-sessions",
    operation_id="end_user_sessions",
    summary="End all sessions of a user",
    responses=admin_responses(UserNotFound),
)
async def end_user_sessions(user_id: UserId, actor: SupportOperator, services: Services) -> SessionsEnded:
    """End all sessions of the user, within 5 seconds on all processes."""
    return SessionsEnded(ended=await services.admin.users.end_sessions(actor, user_id))
