"""SQL about the inbox of Stripe's events: the row is the queue, and times are the database's."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Double, Integer, Table, Text, bindparam, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import StripeEvent
from app.repositories.intervals import seconds

_UNCLAIMED_SECONDS = 2.0

_EVENT = cast("Table", StripeEvent.__table__)
_UNPROCESSED = text("stripe_events.processed_at IS NULL")  # written out, as the partial index's condition is
_IS_DUE = or_(_EVENT.c.next_attempt_at.is_(None), _EVENT.c.next_attempt_at <= func.now())


@dataclass(frozen=True, slots=True)
class ClaimedEvent:
    """An event that was taken just now, and how often that was done."""

    id: str
    type: str
    subscription_id: str | None
    customer_id: str | None
    session_id: str | None
    attempts: int


_CLAIMED = tuple(_EVENT.c[field.name] for field in fields(ClaimedEvent))


def _claiming(which: ColumnElement[bool]) -> Any:  # noqa: ANN401  # SQLAlchemy's own type has three parameters
    return (
        update(_EVENT)
        .where(which, _UNPROCESSED)
        .values(
            attempts=_EVENT.c.attempts + 1,
            next_attempt_at=func.now() + seconds(bindparam("lease_seconds", type_=Double)),
        )
        .returning(*_CLAIMED)
    )


_CLAIM_ONE = _claiming((_EVENT.c.id == bindparam("event_id", type_=Text)) & _IS_DUE)
_FORGOTTEN = (
    select(_EVENT.c.id)
    .where(
        _UNPROCESSED,
        or_(
            _EVENT.c.next_attempt_at <= func.now(),
            _EVENT.c.next_attempt_at.is_(None)
            & (_EVENT.c.received_at < func.now() - seconds(_UNCLAIMED_SECONDS)),
        ),
    )
    .order_by(_EVENT.c.received_at)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("forgotten")
)
_CLAIM_FORGOTTEN = _claiming(_EVENT.c.id.in_(select(_FORGOTTEN.c.id)))


@dataclass(frozen=True, slots=True)
class StripeEventRepository:
    """Events as they came, and as work."""

    session: AsyncSession

    async def add(
        self,
        *,
        event_id: str,
        kind: str,
        livemode: bool,
        api_version: str | None,
        subscription_id: str | None,
        customer_id: str | None,
        session_id: str | None,
        created_at: datetime,
        ignored_as: str | None,
    ) -> bool:
        """Store an event, once; False if it was stored before. One that is ignored is never work."""
        row = insert(StripeEvent).values(
            id=event_id,
            type=kind,
            livemode=livemode,
            api_version=api_version,
            subscription_id=subscription_id,
            customer_id=customer_id,
            session_id=session_id,
            created_at=created_at,
            received_at=func.now(),
            processed_at=func.now() if ignored_as else None,
            outcome=ignored_as,
        )
        stored = await self.session.scalar(row.on_conflict_do_nothing().returning(StripeEvent.id))
        return stored is not None

    async def claim(self, event_id: str, *, lease_seconds: float) -> ClaimedEvent | None:
        """Take one event if it is due and nobody has it; after so many seconds somebody else may."""
        rows = await self.session.execute(_CLAIM_ONE, {"event_id": event_id, "lease_seconds": lease_seconds})
        row = rows.one_or_none()
        return ClaimedEvent(*row) if row else None

    async def claim_forgotten(self, *, most: int, lease_seconds: float) -> Sequence[ClaimedEvent]:
        """Take events that nobody took for two seconds, whose worker was lost, or whose pause is over."""
        rows = await self.session.execute(_CLAIM_FORGOTTEN, {"most": most, "lease_seconds": lease_seconds})
        return [ClaimedEvent(*row) for row in rows]

    async def finish(self, event_id: str, *, outcome: str) -> None:
        """Say what came of an event; nobody works on it any more."""
        await self.session.execute(
            update(_EVENT)
            .where(_EVENT.c.id == event_id, _UNPROCESSED)
            .values(processed_at=func.now(), outcome=outcome, next_attempt_at=None)
        )

    async def try_again(self, event_id: str, *, after_seconds: float) -> None:
        """Let an event be due in so many seconds."""
        await self.session.execute(
            update(_EVENT)
            .where(_EVENT.c.id == event_id, _UNPROCESSED)
            .values(next_attempt_at=func.now() + seconds(after_seconds))
        )

    async def count_waiting(self) -> int:
        """How many events are not worked off."""
        found = await self.session.scalar(select(func.count()).select_from(_EVENT).where(_UNPROCESSED))
        return found or 0
