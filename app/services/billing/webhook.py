"""Takes in what Stripe reports: verified, stored once, answered at once; a worker does the rest."""

from dataclasses import dataclass

import structlog

from app import metrics
from app.errors import ServiceUnavailable, ValidationFailed, WebhookInvalid
from app.kit.clock import Clock
from app.queue.wake_ups import SyncStripeEvent
from app.schemas.webhook import WebhookOut
from app.stripe_client.event import EventUnreadableError, StripeEventRef, UnknownShape, read_event
from app.stripe_client.signature import is_signed_by_stripe
from app.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebhookService:
    """The inbox's door."""

    uow: UnitOfWork
    clock: Clock
    secrets: tuple[str, ...]
    """Each is good; there are two while the endpoint's secret is changed."""
    is_live: bool
    """Whether the key is one of live mode; events of the other mode are about nobody here."""

    async def receive(self, *, body: bytes, signature: str | None, request_id: str) -> WebhookOut:
        """Store an event, unless it is known already; returns after the commit.

        Other JSON objects, such as events of API v2, are ignored; they are stored if they have an id.

        Raises:
            WebhookInvalid: not signed with one of our secrets in the last, or next, five minutes.
            ValidationFailed: signed, but no JSON object, or a damaged event.
            ServiceUnavailable: the database is away, or there is no secret; Stripe sends the event again.
        """
        if not self.secrets:
            raise ServiceUnavailable
        if not is_signed_by_stripe(body, signature, secrets=self.secrets, now=self.clock()):
            log.warning("webhook_refused")
            metrics.webhook_received("refused")
            raise WebhookInvalid
        try:
            event = read_event(body)
        except EventUnreadableError:
            raise ValidationFailed(
                members={
                    "errors": [
                        {"pointer": "", "code": "event_malformed", "message": "must be an event of Stripe's"}
                    ]
                }
            ) from None
        ignored_as = self._ignored_as(event)
        if not event.id:
            metrics.webhook_received(UnknownShape.OTHER)
            log.warning("stripe_event_not_stored", ignored_as=ignored_as)
            return WebhookOut(duplicate=False)
        async with self.uow.begin() as tx:
            is_new = await tx.stripe_events.add(
                event_id=event.id,
                kind=event.type,
                livemode=self.is_live if event.livemode is None else event.livemode,
                api_version=event.api_version,
                subscription_id=event.subscription_id,
                customer_id=event.customer_id,
                checkout_session_id=event.checkout_session_id,
                created_at=event.created_at or self.clock(),
                ignored_as=ignored_as,
            )
            if is_new and ignored_as is None:
                tx.enqueue(SyncStripeEvent(event.id, request_id))
        metrics.webhook_received((ignored_as or "new") if is_new else "duplicate")
        log.info(
            "stripe_event_received",
            event_id=event.id,
            type=event.type,
            duplicate=not is_new,
            ignored_as=ignored_as,
        )
        return WebhookOut(duplicate=not is_new)

    def _ignored_as(self, event: StripeEventRef) -> str | None:
        """Why an event is only kept; None for one that is to be looked at."""
        if event.livemode not in {None, self.is_live}:
            return "wrong_mode"
        if event.unknown_shape is not None:
            return event.unknown_shape
        return None if event.is_relevant else "unknown_type"
