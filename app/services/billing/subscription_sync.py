"""Syncs a stored subscription with Stripe; safe in any order, and to repeat."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import structlog

from app.models import Subscription, VoidedPeriod
from app.services.billing.installation import InstallationId
from app.services.billing.subscription_evidence import Evidence
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
    """The outcome of a sync; the values are stored with events."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    OUTDATED = "outdated"
    """A fetch that began later has already been applied."""
    UNKNOWN_CUSTOMER = "unknown_customer"
    DELETED_USER = "deleted_user"
    UNKNOWN_USER = "unknown_user"
    """This database has no such user, and no proof that it deleted one. It is not changed."""
    OTHER_INSTALLATION = "other_installation"
    """Another installation sold it, to a user that this database does not have. It is not changed."""
    NOT_OURS = "not_ours"
    """It does not sell Pro and carries no metadata of ours. It is neither stored nor changed."""
    NOT_STORED = "not_stored"
    """Neither Stripe nor this database has it."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """The outcome of a sync, and the live subscriptions to cancel at Stripe as a consequence."""

    outcome: SyncOutcome
    to_cancel: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _SyncResult:
    """The result of one fetch; `others` are the user's other live subscriptions."""

    outcome: SyncOutcome
    is_deleted_users: bool = False
    is_provable: bool = False
    owner: UUID | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionSync:
    """Fetches a subscription's state from Stripe and stores it; never uses the state in an event."""

    uow: UnitOfWork
    subscriptions: StripeSubscriptions
    installation: InstallationId
    grace: timedelta

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
        kept, surplus = live[:1], live[1:]
        to_cancel = tuple(each for each in surplus if provable.issuperset((each, *kept)))
        if len(to_cancel) < len(surplus):
            unproved = sorted(set(live) - provable)
            log.error("duplicate_subscriptions_left", user_id=str(result.owner), unproved=unproved)
        return SyncReport(result.outcome, to_cancel)

    async def cancel(self, subscription_id: str) -> None:
        """Cancel at Stripe a subscription that `store` reported, and store the new state."""
        log.warning("subscription_cancelled", subscription_id=subscription_id)
        await self.subscriptions.cancel_now(subscription_id)
        await self._fetch_and_store(subscription_id)

    async def _fetch_and_store(self, subscription_id: str) -> _SyncResult:
        installation_id = await self.installation.get()
        async with self.uow.autocommit() as tx:
            sequence = await tx.billing.begin_sync(subscription_id)
        found = await self._at_stripe(subscription_id)
        async with self.uow.begin() as tx:
            is_latest = await tx.billing.claim_sync(subscription_id, sequence)
            if found is None:
                row = await self._stored_row(tx, subscription_id)
                result = _SyncResult(self._mark_canceled(row) if is_latest else SyncOutcome.OUTDATED)
            else:
                customer_user_id = await tx.stripe_customers.user_id_of(found.customer_id)
                evidence = Evidence(found, installation_id, customer_user_id)
                result = (
                    await self._write_row(tx, evidence)
                    if is_latest
                    else _SyncResult(SyncOutcome.OUTDATED, is_provable=evidence.may_cancel)
                )
        log.info("subscription_synced", subscription_id=subscription_id, outcome=result.outcome.value)
        return result

    async def _at_stripe(self, subscription_id: str) -> StripeSubscription | None:
        try:
            return await self.subscriptions.get(subscription_id)
        except StripeMissingError:
            return None

    async def _stored_row(self, tx: Transaction, subscription_id: str) -> Subscription | None:
        return (await tx.subscriptions.find([subscription_id])).get(subscription_id)

    async def _write_row(self, tx: Transaction, evidence: Evidence) -> _SyncResult:
        found = evidence.found
        row = await self._stored_row(tx, found.id)
        if not evidence.is_ours and not (evidence.is_undecided and row is not None):
            if row is not None:
                await tx.subscriptions.remove(row)
            return _SyncResult(SyncOutcome.NOT_OURS)
        if row is not None and evidence.has_left(row.product_id):
            return _SyncResult(self._mark_canceled(row))
        owner = evidence.user_id or (row.user_id if row is not None else None)
        if owner is None:
            return _SyncResult(SyncOutcome.UNKNOWN_CUSTOMER)
        if not await tx.billing.lock_user(owner):
            return await self._without_user(tx, evidence, owner)
        if found.status not in _KNOWN_STATES:
            log.warning("subscription_status_unknown", subscription_id=found.id, status=found.status)
        if row is None:
            row = Subscription(stripe_subscription_id=found.id, created_at=found.created_at)
            tx.subscriptions.add(row)
        outcome = self._assign_state(row, found, owner)
        live = [each.stripe_subscription_id for each in await tx.subscriptions.live_of(owner)]
        return _SyncResult(
            outcome,
            is_provable=evidence.may_cancel,
            owner=owner,
            others=tuple(each for each in live if each != found.id) if len(live) > 1 else (),
        )

    async def _without_user(self, tx: Transaction, evidence: Evidence, owner: UUID) -> _SyncResult:
        """Decide on a subscription without a user: cancel it only if this database deleted the user."""
        found = evidence.found
        was_deleted = owner in await tx.billing.deleted_user_ids([owner])
        if was_deleted and (evidence.names_this_installation or found.has_ended):
            return _SyncResult(SyncOutcome.DELETED_USER, is_deleted_users=not found.has_ended)
        # Metadata from before installations had ids: a pending deletion must name the customer.
        if found.installation_id is None and await tx.billing.is_being_deleted(
            owner, customer_id=found.customer_id
        ):
            return _SyncResult(SyncOutcome.DELETED_USER, is_deleted_users=not found.has_ended)
        if evidence.names_other_installation:
            return _SyncResult(SyncOutcome.OTHER_INSTALLATION)
        if not found.has_ended:
            log.error("subscription_of_unknown_user", subscription_id=found.id, was_deleted=was_deleted)
        return _SyncResult(SyncOutcome.UNKNOWN_USER)

    def _assign_state(self, row: Subscription, found: StripeSubscription, owner: UUID) -> SyncOutcome:
        """Copy Stripe's state to the row; report whether anything changed."""
        state = {
            "user_id": owner,
            "stripe_customer_id": found.customer_id,
            "status": found.status,
            "current_period_start": found.current_period_start,
            "current_period_end": found.current_period_end,
            "cancel_at_period_end": found.cancel_at_period_end,
            "grace_until": found.unpaid_since + self.grace if found.unpaid_since else None,
            "voided_period": _voided_period(found),
            "product_id": found.pro_product or row.product_id,
        }
        changed = [name for name, value in state.items() if getattr(row, name) != value]
        for name in changed:
            setattr(row, name, state[name])
        if not changed:
            return SyncOutcome.UNCHANGED
        return SyncOutcome.APPLIED

    def _mark_canceled(self, row: Subscription | None) -> SyncOutcome:
        """Mark as canceled a row that Stripe does not have, or that was moved to another product."""
        if row is None:
            return SyncOutcome.NOT_STORED
        if row.status == "canceled":
            return SyncOutcome.UNCHANGED
        row.status, row.grace_until, row.voided_period = "canceled", None, None
        return SyncOutcome.APPLIED


def _voided_period(found: StripeSubscription) -> VoidedPeriod | None:
    """Return which period a pause of collection leaves unpaid, if any."""
    if found.has_ended:
        return None
    if found.is_period_voided:
        return VoidedPeriod.CURRENT
    return VoidedPeriod.NEXT if found.voids_next else None
