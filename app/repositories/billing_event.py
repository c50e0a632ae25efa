"""SQL of the inbox of Stripe's events: the table is the queue; times are the database's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.database import PooledConnection
from app.models import StripeEvent
from app.repositories.intervals import seconds
from app.repositories.sql import query

_UNCLAIMED_SECONDS = 2.0

_EVENT = cast("Table", StripeEvent.__table__)
_UNPROCESSED = text("stripe_events.processed_at IS NULL")  # written out, as the partial index's condition is


@dataclass(frozen=True, slots=True)
class ClaimedEvent:
    """An event under a lease of this process."""

    id: str
    type: str
    subscription_id: str | None
    customer_id: str | None
    checkout_session_id: str | None
    attempts: int
    """How often it was claimed, this time included."""


_CLAIM = query("claim_event", event_id="text", lease_seconds="float8")
_CLAIM_STALE = query(
    "claim_stale_events", limit="integer", lease_seconds="float8", unclaimed_seconds="float8"
)


@dataclass(frozen=True, slots=True)
class StripeEventRepository:
    """Stored events, and the state of their processing."""

    connection: PooledConnection

    async def add(
        self,
        *,
        event_id: str,
        kind: str,
        livemode: bool,
        api_version: str | None,
        subscription_id: str | None,
        customer_id: str | None,
        checkout_session_id: str | None,
        created_at: datetime,
        ignored_as: str | None,
    ) -> bool:
        """Store an event; False if its id was stored before. An ignored one is stored as processed."""
        row = insert(StripeEvent).values(
            id=event_id,
            type=kind,
            livemode=livemode,
            api_version=api_version,
            subscription_id=subscription_id,
            customer_id=customer_id,
            checkout_session_id=checkout_session_id,
            created_at=created_at,
            received_at=func.now(),
            processed_at=func.now() if ignored_as else None,
            outcome=ignored_as,
        )
        stored = await self.connection.session.scalar(row.on_conflict_do_nothing().returning(StripeEvent.id))
        return stored is not None

    async def claim(self, event_id: str, *, lease_seconds: float) -> ClaimedEvent | None:
        """Claim one event for `lease_seconds`; None if it is processed, not due, or under a lease."""
        values = {"event_id": event_id, "lease_seconds": lease_seconds}
        row = await self.connection.fetch_row(_CLAIM, values)
        return ClaimedEvent(*row) if row else None

    async def claim_stale(self, *, limit: int, lease_seconds: float) -> Sequence[ClaimedEvent]:
        """Claim due events: unclaimed for two seconds, with an expired lease, or after their pause."""
        values = {
            "limit": limit,
            "lease_seconds": lease_seconds,
            "unclaimed_seconds": _UNCLAIMED_SECONDS,
        }
        rows = await self.connection.fetch(_CLAIM_STALE, values)
        return [ClaimedEvent(*row) for row in rows]

    async def finish(self, event_id: str, *, outcome: str) -> None:
        """Mark an event as processed, with its outcome."""
        await self.connection.session.execute(
            update(_EVENT)
            .where(_EVENT.c.id == event_id, _UNPROCESSED)
            .values(processed_at=func.now(), outcome=outcome, next_attempt_at=None)
        )

    async def reschedule(self, event_id: str, *, after_seconds: float) -> None:
        """Make an event due after so many seconds; this ends the lease."""
        await self.connection.session.execute(
            update(_EVENT)
            .where(_EVENT.c.id == event_id, _UNPROCESSED)
            .values(next_attempt_at=func.now() + seconds(after_seconds))
        )

    async def lag_seconds(self) -> float:
        """Return how long the oldest event that is due has been here; 0 if none is."""
        is_due = _EVENT.c.next_attempt_at.is_(None) | (_EVENT.c.next_attempt_at <= func.now())
        waited = await self.connection.session.scalar(
            select(func.extract("epoch", func.now() - func.min(_EVENT.c.received_at))).where(
                _UNPROCESSED, is_due
            )
        )
        return max(float(waited or 0), 0)

    async def count_unprocessed(self) -> int:
        """Count the unprocessed events."""
        found = await self.connection.session.scalar(
            select(func.count()).select_from(_EVENT).where(_UNPROCESSED)
        )
        return found or 0
