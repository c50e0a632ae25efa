"""The user's plan: checkout, status, cancellation, invoices."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from app.dependencies import Budget, Cursor, Limit, Services, User
from app.errors import (
    AlreadySubscribed,
    CheckoutNotFound,
    CursorInvalid,
    NotSubscribed,
    PaymentsNotConfigured,
    ValidationFailed,
)
from app.kit.paging import DEFAULT_PAGE
from app.openapi import error_responses
from app.routing import Route
from app.schemas.subscription import CheckoutOut, InvoicePage, PortalOut, SubscribeIn, SubscriptionOut

router = APIRouter(tags=["subscription"], route_class=Route)

CheckoutSessionId = Annotated[
    str | None,
    Query(
        description="A checkout session of the user, to read from Stripe instead of waiting for its webhook."
    ),
]


@router.post(
    "/subscribe/pro",
    operation_id="subscribe_pro",
    summary="Open a checkout for Pro",
    status_code=HTTPStatus.CREATED,
    responses=error_responses(AlreadySubscribed, PaymentsNotConfigured, body=True, signed_in=True),
)
async def subscribe_pro(
    user: User, services: Services, budget: Budget, body: SubscribeIn | None = None
) -> CheckoutOut:
    """Create Stripe's payment page for Pro. An open one with the same return addresses is reused."""
    return await services.checkouts.subscribe(user.id, body or SubscribeIn(), budget)


@router.get(
    "/subscription/status",
    operation_id="get_subscription",
    summary="Get the plan and the day's quota",
    responses=error_responses(CheckoutNotFound, PaymentsNotConfigured, signed_in=True),
)
async def get_subscription(
    user: User, services: Services, budget: Budget, session_id: CheckoutSessionId = None
) -> SubscriptionOut:
    """Get the plan and the day's quota. With `session_id`, the checkout is first read from Stripe."""
    return await services.subscriptions.status(user, budget, checkout_session_id=session_id)


@router.post(
    "/subscription/cancel",
    operation_id="cancel_subscription",
    summary="Cancel the subscription at the end of its period",
    responses=error_responses(NotSubscribed, PaymentsNotConfigured, signed_in=True),
)
async def cancel_subscription(user: User, services: Services, budget: Budget) -> SubscriptionOut:
    """Cancel the subscription at the end of the paid period. Repeating the request changes nothing."""
    return await services.subscriptions.cancel(user, budget)


@router.post(
    "/subscription/resume",
    operation_id="resume_subscription",
    summary="Resume a cancelled subscription",
    responses=error_responses(NotSubscribed, PaymentsNotConfigured, signed_in=True),
)
async def resume_subscription(user: User, services: Services, budget: Budget) -> SubscriptionOut:
    """Undo a cancellation before the period ends. Repeating the request changes nothing."""
    return await services.subscriptions.resume(user, budget)


@router.post(
    "/subscription/portal",
    operation_id="open_portal",
    summary="Open Stripe's customer portal",
    responses=error_responses(NotSubscribed, PaymentsNotConfigured, signed_in=True),
)
async def open_portal(user: User, services: Services, budget: Budget) -> PortalOut:
    """Create a link to Stripe's customer portal, which leads back to `PUBLIC_URL`."""
    return await services.customers.portal(user.id, budget)


@router.get(
    "/subscription/invoices",
    operation_id="list_invoices",
    summary="List invoices",
    responses=error_responses(ValidationFailed, CursorInvalid, PaymentsNotConfigured, signed_in=True),
)
async def list_invoices(
    user: User, services: Services, budget: Budget, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> InvoicePage:
    """List the user's invoices at Stripe, newest first."""
    return await services.customers.invoices(user.id, budget, limit=limit, cursor=cursor)
