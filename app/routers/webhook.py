"""The webhook of Stripe."""

from typing import Annotated, Any

from fastapi import APIRouter, Header

from app.dependencies import RawBody, RequestId, Services
from app.errors import BodyTooLarge, ValidationFailed, WebhookInvalid
from app.openapi import error_responses
from app.routing import Route
from app.schemas.examples.billing import STRIPE_EVENT
from app.schemas.webhook import WebhookOut

router = APIRouter(prefix="/webhook", tags=["subscription"], route_class=Route)

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "An event of Stripe, whose signature covers every byte.",
        "content": {"application/json": {"schema": {"type": "object"}, "example": STRIPE_EVENT}},
    }
}


@router.post(
    "/stripe",
    operation_id="receive_stripe_webhook",
    summary="Receive an event from Stripe",
    responses=error_responses(WebhookInvalid, ValidationFailed, BodyTooLarge),
    openapi_extra=_BODY,
)
async def receive_stripe_webhook(
    body: RawBody,
    request_id: RequestId,
    services: Services,
    stripe_signature: Annotated[
        str | None, Header(description="Stripe's signature of the body: `t=…,v1=…`.")
    ] = None,
) -> WebhookOut:
    """Store a signed event of Stripe; a worker processes it later. Duplicates and any order are accepted.

    Query parameters are ignored.
    """
    return await services.webhooks.receive(body=body, signature=stripe_signature, request_id=request_id)
