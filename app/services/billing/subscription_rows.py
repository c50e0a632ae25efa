"""Decides what a subscription at Stripe means for its row, and writes it in the caller's transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import structlog

from app.models import Subscription, VoidedPeriod
from app.services.billing.subscription_evidence import Evidence
from app.stripe_client import StripeSubscription
from app.unit_of_work import Transaction

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
class SyncResult:
    """The result of writing one subscription; `others` are the user's other live subscriptions."""

    outcome: SyncOutcome
    is_deleted_users: bool = False
    is_provable: bool = False
    owner: UUID | None = None
    others: tuple[str, ...] = ()


def surplus_of(live: Sequence[str], provable: Collection[str]) -> tuple[str, ...]:
    """Return which of a user's live subscriptions to cancel: all but the first, with proof for both."""
    return tuple(each for each in live[1:] if {each, live[0]} <= set(provable))


@dataclass(frozen=True, slots=True)
class SubscriptionRows:
    """The rows of subscriptions; `grace` is for overdue payments."""

    grace: timedelta

    async def write(
        self,
        tx: Transaction,
        subscription_id: str,
        found: StripeSubscription | None,
        *,
        installation_id: UUID,
        is_latest: bool = True,
    ) -> SyncResult:
        """Write the state `found` at Stripe, None if it is not there; unless a later fetch was written."""
        if found is None:
            row = await self._stored_row(tx, subscription_id)
            return SyncResult(self._mark_canceled(row) if is_latest else SyncOutcome.OUTDATED)
        customer_user_id = await tx.stripe_customers.user_id_of(found.customer_id)
        evidence = Evidence(found, installation_id, customer_user_id)
        if not is_latest:
            return SyncResult(SyncOutcome.OUTDATED, is_provable=evidence.may_cancel)
        return await self._write_row(tx, evidence)

    async def _stored_row(self, tx: Transaction, subscription_id: str) -> Subscription | None:
        return (await tx.subscriptions.find([subscription_id])).get(subscription_id)

    async def _write_row(self, tx: Transaction, evidence: Evidence) -> SyncResult:
        found = evidence.found
        row = await self._stored_row(tx, found.id)
        if not evidence.is_ours and not (evidence.is_undecided and row is not None):
            if row is not None:
                await tx.subscriptions.remove(row)
            return SyncResult(SyncOutcome.NOT_OURS)
        if row is not None and evidence.has_left(row.product_id):
            return SyncResult(self._mark_canceled(row))
        owner = evidence.user_id or (row.user_id if row is not None else None)
        if owner is None:
            return SyncResult(SyncOutcome.UNKNOWN_CUSTOMER)
        if not await tx.billing.lock_user(owner):
            return await self._without_user(tx, evidence, owner)
        if found.status not in _KNOWN_STATES:
            log.warning("subscription_status_unknown", subscription_id=found.id, status=found.status)
        if row is None:
            row = Subscription(stripe_subscription_id=found.id, created_at=found.created_at)
            tx.subscriptions.add(row)
        outcome = self._assign_state(row, found, owner)
        live = [each.stripe_subscription_id for each in await tx.subscriptions.live_of(owner)]
        return SyncResult(
            outcome,
            is_provable=evidence.may_cancel,
            owner=owner,
            others=tuple(each for each in live if each != found.id) if len(live) > 1 else (),
        )

    async def _without_user(self, tx: Transaction, evidence: Evidence, owner: UUID) -> SyncResult:
        """Decide on a subscription without a user: cancel it only if this database deleted the user."""
        found = evidence.found
        was_deleted = owner in await tx.billing.deleted_user_ids([owner])
        if was_deleted and (evidence.names_this_installation or found.has_ended):
            return SyncResult(SyncOutcome.DELETED_USER, is_deleted_users=not found.has_ended)
        # Metadata from before installations had ids: a pending deletion must name the customer.
        if found.installation_id is None and await tx.billing.is_being_deleted(
            owner, customer_id=found.customer_id
        ):
            return SyncResult(SyncOutcome.DELETED_USER, is_deleted_users=not found.has_ended)
        if evidence.names_other_installation:
            return SyncResult(SyncOutcome.OTHER_INSTALLATION)
        if not found.has_ended:
            log.error("subscription_of_unknown_user", subscription_id=found.id, was_deleted=was_deleted)
        return SyncResult(SyncOutcome.UNKNOWN_USER)

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
