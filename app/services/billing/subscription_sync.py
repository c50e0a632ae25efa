"""Syncs a stored subscription with Stripe; safe in any order, and to repeat."""

from dataclasses import dataclass

import structlog

from app.services.billing.installation import InstallationId
from app.services.billing.subscription_rows import SubscriptionRows, SyncOutcome, SyncResult, surplus_of
from app.stripe_client import StripeMissingError, StripeSubscription, StripeSubscriptions
from app.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SyncReport:
    """The outcome of a sync, and the live subscriptions to cancel at Stripe as a consequence."""

    outcome: SyncOutcome
    to_cancel: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionSync:
    """Fetches a subscription's state from Stripe and stores it; never uses the state in an event."""

    uow: UnitOfWork
    subscriptions: StripeSubscriptions
    installation: InstallationId
    rows: SubscriptionRows

    async def sync(self, subscription_id: str) -> SyncOutcome:
        """Store the subscription's state at Stripe, and cancel what should not be paid for.

        Safe to call concurrently, from any process: of overlapping fetches, the one that began last is kept.
        A user's second live subscription, and any of a deleted account, is cancelled at Stripe if there is
        evidence that this installation sold it.

        Raises:
            StripeUnavailableError: Stripe is unavailable; the stored state stays. If a cancellation failed,
                the next call retries it.
            ServiceUnavailable: the database is unavailable.
        """
        report = await self.store(subscription_id)
        for surplus in report.to_cancel:
            await self.cancel(surplus)
        return report.outcome

    async def store(self, subscription_id: str) -> SyncReport:
        """Store the subscription's state like `sync`, and report what to cancel instead of cancelling it."""
        result = await self._fetch_and_store(subscription_id)
        if result.is_deleted_users:
            return SyncReport(result.outcome, (subscription_id,))
        if not result.others or result.owner is None:
            return SyncReport(result.outcome)
        provable = {subscription_id} if result.is_provable else set()
        for other in result.others:
            if (await self._fetch_and_store(other)).is_provable:
                provable.add(other)
        async with self.uow.autocommit() as tx:
            live = [row.stripe_subscription_id for row in await tx.subscriptions.live_of(result.owner)]
        to_cancel = surplus_of(live, provable)
        if len(to_cancel) < len(live[1:]):
            unproved = sorted(set(live) - provable)
            log.error("duplicate_subscriptions_left", user_id=str(result.owner), unproved=unproved)
        return SyncReport(result.outcome, to_cancel)

    async def cancel(self, subscription_id: str) -> None:
        """Cancel at Stripe a subscription that `store` reported, and store the new state."""
        log.warning("subscription_cancelled", subscription_id=subscription_id)
        await self.subscriptions.cancel_now(subscription_id)
        await self._fetch_and_store(subscription_id)

    async def _fetch_and_store(self, subscription_id: str) -> SyncResult:
        installation_id = await self.installation.get()
        async with self.uow.autocommit() as tx:
            sequence = await tx.billing.begin_sync(subscription_id)
        found = await at_stripe(self.subscriptions, subscription_id)
        async with self.uow.begin() as tx:
            is_latest = await tx.billing.claim_sync(subscription_id, sequence)
            result = await self.rows.write(
                tx, subscription_id, found, installation_id=installation_id, is_latest=is_latest
            )
        log.info("subscription_synced", subscription_id=subscription_id, outcome=result.outcome.value)
        return result


async def at_stripe(subscriptions: StripeSubscriptions, subscription_id: str) -> StripeSubscription | None:
    """Return a subscription's state; None if Stripe does not have it."""
    try:
        return await subscriptions.get(subscription_id)
    except StripeMissingError:
        return None
