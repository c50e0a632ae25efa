"""Brings what is stored about a subscription in line with Stripe, in any order and however often asked."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import structlog

from app.models import Subscription
from app.services.clock import Clock
from app.stripe_client import StripeMissingError, StripeSubscription, StripeSubscriptions
from app.unit_of_work import Transaction, UnitOfWork

_KNOWN_STATES = frozenset(
    {
        "incomplete",
        "incomplete_expired",
        "trialing",
        "active",
        "past_due",
        "canceled",
        "unpaid",
        "paused",
    }
)

log = structlog.get_logger(__name__)


class SyncOutcome(StrEnum):
    """What came of looking."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    OUTDATED = "outdated"
    """Somebody who looked later has already written what they saw."""
    UNKNOWN_CUSTOMER = "unknown_customer"
    DELETED_USER = "deleted_user"
    NOT_STORED = "not_stored"
    """Stripe does not know it, and neither do we."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was done about a subscription, and which ones are to be ended at Stripe because of it."""

    outcome: SyncOutcome
    to_end: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionSync:
    """Fetches the state itself; of the event that gave the reason only the id is used."""

    uow: UnitOfWork
    subscriptions: StripeSubscriptions
    clock: Clock
    grace: timedelta

    async def sync(self, subscription_id: str) -> SyncOutcome:
        """Store how this subscription is at Stripe now; the plan that follows counts from the commit on.

        Safe to call at any time, from any process, side by side. Of fetches that overlap, the one that began
        last is what stays. A person's second live subscription, and any of a deleted account, is cancelled
        at Stripe.

        Raises:
            StripeUnavailableError: Stripe did not answer; what was stored stays, unless it says that of a
                cancellation, which the next call tries again.
            ServiceUnavailable: the database is away.
        """
        seen = await self._look(subscription_id)
        for surplus in seen.to_end:
            log.warning("subscription_cancelled", subscription_id=surplus, reason=_reason(seen))
            await self.subscriptions.cancel_now(surplus)
            await self._look(surplus)
        return seen.outcome

    async def _look(self, subscription_id: str) -> _Seen:
        async with self.uow.single() as tx:
            mine = await tx.billing.begin_sync(subscription_id)
        found = await self._at_stripe(subscription_id)
        async with self.uow.begin() as tx:
            if await tx.billing.claim_sync(subscription_id, mine):
                seen = await self._store(tx, subscription_id, found)
            else:
                seen = _Seen(SyncOutcome.OUTDATED)
        log.info("subscription_synced", subscription_id=subscription_id, outcome=seen.outcome.value)
        return seen

    async def _at_stripe(self, subscription_id: str) -> StripeSubscription | None:
        try:
            return await self.subscriptions.get(subscription_id)
        except StripeMissingError:
            return None

    async def _store(self, tx: Transaction, subscription_id: str, found: StripeSubscription | None) -> _Seen:
        row = (await tx.subscriptions.find([subscription_id])).get(subscription_id)
        if found is None:
            return _Seen(self._end(row))
        owner = found.user_id or await tx.billing.person_of(found.customer_id)
        if owner is None:
            return _Seen(SyncOutcome.UNKNOWN_CUSTOMER)
        if not await tx.billing.lock_person(owner):
            return _Seen(SyncOutcome.DELETED_USER, () if found.has_ended else (found.id,))
        if found.status not in _KNOWN_STATES:
            log.warning("subscription_status_unknown", subscription_id=found.id, status=found.status)
        if row is None:
            row = Subscription(
                stripe_subscription_id=found.id, created_at=found.created_at, updated_at=self.clock()
            )
            tx.subscriptions.add(row)
        outcome = self._write(row, found, owner)
        surplus = (await tx.subscriptions.live_of(owner))[1:]
        return _Seen(outcome, tuple(each.stripe_subscription_id for each in surplus))

    def _write(self, row: Subscription, found: StripeSubscription, owner: UUID) -> SyncOutcome:
        """Give the row Stripe's state, all of it."""
        state = {
            "user_id": owner,
            "stripe_customer_id": found.customer_id,
            "status": found.status,
            "current_period_start": found.current_period_start,
            "current_period_end": found.current_period_end,
            "cancel_at_period_end": found.cancel_at_period_end,
            "grace_until": found.unpaid_since + self.grace if found.unpaid_since else None,
        }
        changed = [name for name, value in state.items() if getattr(row, name) != value]
        for name in changed:
            setattr(row, name, state[name])
        if not changed:
            return SyncOutcome.UNCHANGED
        row.updated_at = self.clock()
        return SyncOutcome.APPLIED

    def _end(self, row: Subscription | None) -> SyncOutcome:
        """What Stripe does not know is over."""
        if row is None:
            return SyncOutcome.NOT_STORED
        if row.status == "canceled":
            return SyncOutcome.UNCHANGED
        row.status, row.grace_until, row.updated_at = "canceled", None, self.clock()
        return SyncOutcome.APPLIED


def _reason(seen: _Seen) -> str:
    return "deleted user" if seen.outcome is SyncOutcome.DELETED_USER else "second live subscription"
