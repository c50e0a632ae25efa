"""Receives Stripe's events: verify, store once, enqueue; a worker processes them."""

from dataclasses import dataclass
from enum import StrEnum

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


class IgnoredReason(StrEnum):
    """Why an event of a known shape is stored without processing; the values are stored."""

    WRONG_MODE = "wrong_mode"
    """It is of test mode and the key of live mode, or the reverse."""
    UNKNOWN_TYPE = "unknown_type"
    """Events of its type cannot change a plan."""


@dataclass(frozen=True, slots=True)
class WebhookService:
    """Verifies and stores events."""

    uow: UnitOfWork
    clock: Clock
    secrets: tuple[str, ...]
    """The accepted secrets: two while the endpoint's secret is rotated."""
    is_live: bool
    """Whether the key is of live mode; events of the other mode are ignored."""

    async def receive(self, *, body: bytes, signature: str | None, request_id: str) -> WebhookOut:
        """Store an event unless its id is stored already; return after the commit.

        Other JSON objects, such as events of API v2, are ignored: stored as processed if they have an id.

        Raises:
            WebhookInvalid: not signed with one of the secrets, or signed more than five minutes ago or ahead.
            ValidationFailed: signed, but not a JSON object, or a malformed event.
            ServiceUnavailable: the database is unavailable, or no secret is set; Stripe retries.
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

    def _ignored_as(self, event: StripeEventRef) -> IgnoredReason | UnknownShape | None:
        """Return why an event needs no processing; None if it does."""
        if event.livemode not in {None, self.is_live}:
            return IgnoredReason.WRONG_MODE
        if event.unknown_shape is not None:
            return event.unknown_shape
        return None if event.is_relevant else IgnoredReason.UNKNOWN_TYPE
