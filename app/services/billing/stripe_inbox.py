"""Processes Stripe's stored events: retries each until it has an outcome."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

from app.errors import ServiceUnavailable
from app.kit.leased_work import process_due
from app.metrics.worker import stripe_event_processed
from app.repositories.billing_event import ClaimedEvent
from app.services.billing.customer_records import remove_customer
from app.services.billing.subscription_rows import SyncOutcome
from app.services.billing.subscription_sync import SubscriptionSync
from app.stripe_client import StripeUnavailableError
from app.stripe_client.outage import StripeOutage
from app.unit_of_work import UnitOfWork

_CONCURRENCY = 8
_TIMEOUT_SECONDS = 45.0
_LEASE_SECONDS = 60.0
_MAX_PAUSE_SECONDS = 300.0

_CHECKOUT_ENDED = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
    }
)

log = structlog.get_logger(__name__)


class EventOutcome(StrEnum):
    """Outcomes of events besides those of a sync; the values are stored."""

    NO_SUBSCRIPTION = "no_subscription"
    """It names no subscription."""
    CUSTOMER_DELETED = "customer_forgotten"


@dataclass(frozen=True, slots=True)
class StripeInbox:
    """Processes up to eight events at a time, apart from the slots for replies."""

    uow: UnitOfWork
    syncs: SubscriptionSync
    outage: StripeOutage
    is_stopping: Callable[[], bool] = lambda: False
    """Whether the process drains, and claims nothing more."""
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CONCURRENCY))

    async def process(self, event_id: str) -> None:
        """Process one event, if it is due and not under another process's lease."""
        async with self._slots:
            if self.is_stopping():
                return
            try:
                async with self.uow.autocommit() as tx:
                    event = await tx.stripe_events.claim(event_id, lease_seconds=_LEASE_SECONDS)
            except ServiceUnavailable:
                return  # the event stays due
            if event is not None:
                await self._process_claimed(event)

    async def process_stale(self) -> None:
        """Process all due events that no job has claimed; this needs no Redis."""
        with contextlib.suppress(ServiceUnavailable):
            await process_due(
                self._claim_stale,
                self._process_in_slot,
                batch_size=_CONCURRENCY,
                is_stopping=self.is_stopping,
            )

    async def _claim_stale(self, limit: int) -> Sequence[ClaimedEvent]:
        async with self.uow.autocommit() as tx:
            return await tx.stripe_events.claim_stale(limit=limit, lease_seconds=_LEASE_SECONDS)

    async def _process_in_slot(self, event: ClaimedEvent) -> None:
        async with self._slots:
            await self._process_claimed(event)

    async def _process_claimed(self, event: ClaimedEvent) -> None:
        with structlog.contextvars.bound_contextvars(event_id=event.id):
            try:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    outcome = await self._handle(event)
                async with self.uow.autocommit() as tx:
                    await tx.stripe_events.finish(event.id, outcome=outcome)
                log.info("stripe_event_processed", type=event.type, outcome=outcome)
                stripe_event_processed(outcome.value)
            except (StripeUnavailableError, TimeoutError) as error:
                reason = str(error) or f"not processed within {_TIMEOUT_SECONDS:g} s"
                self.outage.report(
                    "stripe_event_postponed", type=event.type, attempts=event.attempts, reason=reason
                )
                stripe_event_processed("postponed")
                await self._reschedule(event)
            except ServiceUnavailable:
                log.warning(
                    "stripe_event_postponed", type=event.type, reason="database unavailable"
                )  # its lease runs out
                stripe_event_processed("postponed")
            except Exception:
                log.exception("stripe_event_crashed", type=event.type, attempts=event.attempts)
                stripe_event_processed("crashed")
                await self._reschedule(event)

    async def _handle(self, event: ClaimedEvent) -> EventOutcome | SyncOutcome:
        """Process an event; return its outcome."""
        if event.type == "customer.deleted" and event.customer_id is not None:
            return await self._handle_customer_deleted(event.customer_id)
        outcome: EventOutcome | SyncOutcome = EventOutcome.NO_SUBSCRIPTION
        if event.subscription_id is not None:
            outcome = await self.syncs.sync(event.subscription_id)
        # Only then: an open checkout keeps the user from buying Pro a second time.
        if event.type in _CHECKOUT_ENDED and event.checkout_session_id is not None:
            async with self.uow.begin() as tx:
                await tx.checkouts.close_of_session(event.checkout_session_id)
        return outcome

    async def _handle_customer_deleted(self, customer_id: str) -> EventOutcome:
        """Sync the subscriptions of a customer that was deleted at Stripe, which ends them, and remove it."""
        async with self.uow.begin() as tx:
            user_id = await tx.stripe_customers.user_id_of(customer_id)
            subscriptions = set() if user_id is None else await tx.subscriptions.of_user(user_id)
        for subscription_id in subscriptions:
            await self.syncs.sync(subscription_id)
        async with self.uow.begin() as tx:
            await remove_customer(tx, customer_id)
        return EventOutcome.CUSTOMER_DELETED

    async def _reschedule(self, event: ClaimedEvent) -> None:
        """Make the event due again after a pause that doubles with each attempt, up to five minutes."""
        pause = random.uniform(0.5, 1) * min(2.0 ** min(event.attempts, 30), _MAX_PAUSE_SECONDS)  # noqa: S311  # spreads load
        try:
            async with self.uow.autocommit() as tx:
                await tx.stripe_events.reschedule(event.id, after_seconds=pause)
        except ServiceUnavailable:
            log.warning("stripe_event_not_rescheduled")  # its lease runs out
