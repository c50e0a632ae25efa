"""SQL about Stripe's stored events, for operators."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy import ColumnElement, Table, TextClause, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import StripeEvent
from app.repositories.intervals import seconds

_EVENT: Final = cast("Table", StripeEvent.__table__)
_UNPROCESSED: Final = text("stripe_events.processed_at IS NULL")  # as the partial index's condition is


@dataclass(frozen=True, slots=True)
class EventSummary:
    """A stored event."""

    id: str
    type: str
    subscription_id: str | None
    customer_id: str | None
    created_at: datetime
    received_at: datetime
    processed_at: datetime | None
    outcome: str | None
    attempts: int
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Conditions on events; an empty one selects all."""

    is_unprocessed: bool = False
    has_failed: bool = False
    """Claimed at least once, and not processed."""
    since: timedelta | None = None
    """Received at most so long ago."""
    before: tuple[datetime, str] | None = None
    """Arrival and id of the last event of the previous page."""


@dataclass(frozen=True, slots=True)
class EventAdministrationRepository:
    """Stripe's events. Processed ones are erased after 60 days, so a scan is short."""

    session: AsyncSession

    async def find(self, wanted: EventFilter, *, limit: int) -> Sequence[EventSummary]:
        """Return up to `limit` events, those received last first."""
        conditions: list[ColumnElement[bool] | TextClause] = []
        if wanted.is_unprocessed or wanted.has_failed:
            conditions.append(_UNPROCESSED)
        if wanted.has_failed:
            conditions.append(_EVENT.c.attempts > 0)
        if wanted.since is not None:
            conditions.append(_EVENT.c.received_at >= func.now() - seconds(wanted.since.total_seconds()))
        if wanted.before is not None:
            conditions.append(tuple_(_EVENT.c.received_at, _EVENT.c.id) < wanted.before)
        found = await self.session.execute(
            select(*(_EVENT.c[field.name] for field in fields(EventSummary)))
            .where(*conditions)
            .order_by(_EVENT.c.received_at.desc(), _EVENT.c.id.desc())
            .limit(limit)
        )
        return [EventSummary(*row) for row in found]

    async def make_due(self, event_id: str) -> bool | None:
        """Make an event due now, as if it had just arrived; return whether it was processed before.

        None if there is no such event.
        """
        was_processed: bool | None = await self.session.scalar(
            select(_EVENT.c.processed_at.is_not(None)).where(_EVENT.c.id == event_id).with_for_update()
        )
        if was_processed is not None:
            await self.session.execute(
                update(_EVENT)
                .where(_EVENT.c.id == event_id)
                .values(processed_at=None, outcome=None, attempts=0, next_attempt_at=func.now())
            )
        return was_processed
