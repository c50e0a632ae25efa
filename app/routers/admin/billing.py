"""Stripe's events and reconciliation, for operators."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query

from app.dependencies import BillingOperator, Cursor, Limit, Reader, Services
from app.errors import CursorInvalid, EventNotFound, ValidationFailed
from app.kit.paging import DEFAULT_PAGE
from app.openapi import admin_responses
from app.routing import Route
from app.schemas.admin import ReasonIn
from app.schemas.admin_operations import AdminEventPage, ReconciliationOut, ReplayedEventOut
from app.services.billing.reconciliation import RECONCILIATION

router = APIRouter(prefix="/admin", tags=["billing"], route_class=Route)

EventId = Annotated[
    str, Path(max_length=255, pattern=r"^[A-Za-z0-9_]+$", description="The id of a stored event of Stripe.")
]
Unprocessed = Annotated[bool, Query(description="List only events that are not processed.")]


@router.get(
    "/webhooks",
    operation_id="list_stripe_events",
    summary="List Stripe's events",
    responses=admin_responses(ValidationFailed, CursorInvalid),
)
async def list_stripe_events(
    _actor: Reader,
    services: Services,
    unprocessed: Unprocessed = False,  # noqa: FBT002  # a query parameter, never positional
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> AdminEventPage:
    """List the stored events of Stripe, those received last first."""
    return await services.admin.lists.events(unprocessed=unprocessed, cursor=cursor, limit=limit)


@router.post(
    "/webhooks/{event_id}/replay",
    operation_id="replay_stripe_event",
    summary="Process an event of Stripe again",
    responses=admin_responses(EventNotFound, body=True),
)
async def replay_stripe_event(
    event_id: EventId, actor: BillingOperator, services: Services, body: ReasonIn | None = None
) -> ReplayedEventOut:
    """Make an event due again. Processing fetches the state from Stripe, so it is safe at any time."""
    replayed = await services.admin.webhooks.replay(
        actor, event_id=event_id, reason=body.reason if body else None
    )
    return ReplayedEventOut.model_validate(replayed)


@router.post(
    "/reconcile",
    operation_id="request_reconciliation",
    summary="Compare all subscriptions with Stripe now",
    status_code=HTTPStatus.ACCEPTED,
    responses=admin_responses(body=True),
)
async def request_reconciliation(
    actor: BillingOperator, services: Services, body: ReasonIn | None = None
) -> ReconciliationOut:
    """Make the hourly reconciliation due. A worker runs it within seconds."""
    await services.admin.reconciliation.request(actor, reason=body.reason if body else None)
    return ReconciliationOut(job=RECONCILIATION)
