"""Stripe's stored events for operators: list and replay them."""

from dataclasses import dataclass
from datetime import timedelta

from app.errors.operations import EventNotFound
from app.models import Actor
from app.queue import wake_ups
from app.repositories.event_administration import EventFilter, EventSummary
from app.unit_of_work import UnitOfWork

MAX_EVENTS = 10_000
"""The most events of one list."""


@dataclass(frozen=True, slots=True)
class ReplayedEvent:
    """An event that is due again."""

    event_id: str
    was_processed: bool


@dataclass(frozen=True, slots=True)
class WebhooksAdmin:
    """Stripe's events. Processing fetches the state from Stripe, so a replay is safe at any time."""

    uow: UnitOfWork

    async def find(self, wanted: EventFilter, *, limit: int = 50) -> list[EventSummary]:
        """Return up to `limit` events, those received last first."""
        async with self.uow.autocommit() as tx:
            return list(await tx.event_administration.find(wanted, limit=min(limit, MAX_EVENTS)))

    async def find_failed(self, *, since: timedelta, limit: int = MAX_EVENTS) -> list[EventSummary]:
        """Return the events received at most `since` ago whose processing has failed so far."""
        return await self.find(EventFilter(has_failed=True, since=since), limit=limit)

    async def replay(self, actor: Actor, *, event_id: str, reason: str | None = None) -> ReplayedEvent:
        """Make an event due again, processed or not; a worker processes it.

        Raises:
            EventNotFound: no event has this id.
        """
        async with self.uow.begin_audited(actor) as tx:
            was_processed = await tx.event_administration.make_due(event_id)
            if was_processed is None:
                raise EventNotFound
            await tx.audit.record(
                "stripe_event.replayed",
                subject_type="stripe_event",
                subject_id=event_id,
                reason=reason,
                details={"was_processed": was_processed},
            )
            tx.enqueue(wake_ups.SyncStripeEvent(event_id, actor.request_id))
        return ReplayedEvent(event_id, was_processed)
