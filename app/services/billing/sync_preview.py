"""Computes what a sync of a subscription would change, and changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.models import Subscription
from app.services.billing.installation import InstallationId
from app.services.billing.subscription_rows import SubscriptionRows, SyncOutcome, SyncResult, surplus_of
from app.services.billing.subscription_sync import SubscriptionSync, at_stripe
from app.stripe_client import StripeSubscription, StripeSubscriptions
from app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class StoredState:
    """The part of a subscription's row that decides the plan."""

    status: str
    current_period_end: datetime | None
    cancel_at_period_end: bool
    grace_until: datetime | None

    @classmethod
    def of(cls, row: Subscription | None) -> "StoredState | None":
        """Copy it from a row, if there is one."""
        if row is None:
            return None
        return cls(row.status, row.current_period_end, row.cancel_at_period_end, row.grace_until)


@dataclass(frozen=True, slots=True)
class PlannedSync:
    """The effect of a sync: the row before and after it, and the cancellations at Stripe."""

    subscription_id: str
    user_id: UUID | None
    outcome: SyncOutcome
    before: StoredState | None
    after: StoredState | None
    to_cancel: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncPreview:
    """Reads Stripe, writes in a transaction that is rolled back, and reports."""

    uow: UnitOfWork
    subscriptions: StripeSubscriptions
    installation: InstallationId
    rows: SubscriptionRows

    @classmethod
    def of(cls, syncs: SubscriptionSync) -> "SyncPreview":
        """Build the preview of these syncs."""
        return cls(syncs.uow, syncs.subscriptions, syncs.installation, syncs.rows)

    async def plan(self, subscription_id: str) -> PlannedSync:
        """Return what `SubscriptionSync.store` would change and report.

        Raises:
            StripeUnavailableError: Stripe is unavailable.
            ServiceUnavailable: the database is unavailable.
        """
        installation_id = await self.installation.get()
        fetched = {subscription_id: await at_stripe(self.subscriptions, subscription_id)}
        planned, result = await self._rehearse(subscription_id, fetched, installation_id)
        if not result.others:
            return planned
        fetched |= {other: await at_stripe(self.subscriptions, other) for other in result.others}
        planned, _ = await self._rehearse(subscription_id, fetched, installation_id)
        return planned

    async def _rehearse(
        self, subscription_id: str, fetched: Mapping[str, StripeSubscription | None], installation_id: UUID
    ) -> tuple[PlannedSync, SyncResult]:
        async with self.uow.rehearse() as tx:
            row = (await tx.subscriptions.find([subscription_id])).get(subscription_id)
            before, user_id = StoredState.of(row), row.user_id if row is not None else None
            results = {
                each: await self.rows.write(tx, each, found, installation_id=installation_id)
                for each, found in fetched.items()
            }
            result = results[subscription_id]
            written = (await tx.subscriptions.find([subscription_id])).get(subscription_id)
            to_cancel: tuple[str, ...] = (subscription_id,) if result.is_deleted_users else ()
            if result.owner is not None and len(fetched) > 1:
                live = [each.stripe_subscription_id for each in await tx.subscriptions.live_of(result.owner)]
                to_cancel = surplus_of(live, [each for each, one in results.items() if one.is_provable])
        planned = PlannedSync(
            subscription_id,
            result.owner or user_id,
            result.outcome,
            before,
            StoredState.of(written),
            to_cancel,
        )
        return planned, result
