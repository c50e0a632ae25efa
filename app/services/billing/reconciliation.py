"""Compares all subscriptions with Stripe and repairs differences, because webhooks can be lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from app.models import Subscription, UnresolvedReason
from app.repositories.periodic_job import Schedule
from app.services.billing.installation import InstallationId
from app.services.billing.subscription_evidence import Evidence
from app.services.billing.subscription_sync import SubscriptionSync, SyncOutcome
from app.services.periodic import PeriodicTask
from app.stripe_client import StripeSubscription, StripeSubscriptions
from app.unit_of_work import UnitOfWork

RECONCILIATION: Final = "stripe_reconciliation"
# Not in the first hour of a new database, so that an operator can notice a wrong one.
_SCHEDULE = Schedule(RECONCILIATION, every_seconds=3600, at_midnight=False, first_after_seconds=3600)
_TIMEOUT_SECONDS = 0.8 * _SCHEDULE.every_seconds  # ends before another worker may start
_CHUNK = 100
_MAX_CANCELLATIONS = 5
"""If a run would cancel more, something else is wrong, such as the database: it cancels nothing."""

_UNRESOLVED = {
    SyncOutcome.UNKNOWN_USER: UnresolvedReason.UNKNOWN_USER,
    SyncOutcome.OTHER_INSTALLATION: UnresolvedReason.OTHER_INSTALLATION,
}

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Drift:
    """Counts of one run: `repaired` of `compared` subscriptions differed from Stripe."""

    compared: int = 0
    repaired: int = 0
    to_cancel: set[str] = field(default_factory=set)
    unresolved: Counter[UnresolvedReason] = field(default_factory=Counter)
    ignored: int = 0
    """Live subscriptions of our customers to something other than Pro."""
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Repairs both directions: subscriptions missing here, and live rows that Stripe has ended."""

    uow: UnitOfWork
    subscriptions: StripeSubscriptions
    syncs: SubscriptionSync
    installation: InstallationId
    is_stopping: Callable[[], bool]

    def periodic_task(self) -> PeriodicTask:
        """Return the periodic task: hourly, in one worker."""
        return PeriodicTask(_SCHEDULE, self._run)

    async def _run(self) -> None:
        await self.run()

    async def run(self) -> Drift:
        """Compare and repair all subscriptions; stop early if the process drains.

        Cancellations come last, and only if they are few. Live subscriptions of users that this database
        does not have are counted, and not changed.

        Raises:
            StripeUnavailableError: Stripe became unavailable.
            TimeoutError: the run exceeded its time limit.
            ServiceUnavailable: the database is unavailable.
        """
        drift = Drift()
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await self._compare(drift)
            if drift.is_complete:
                await self._cancel(drift)
        report = log.warning if drift.repaired else log.info
        report("stripe_drift", compared=drift.compared, repaired=drift.repaired)
        if drift.unresolved:
            alert = log.error if UnresolvedReason.UNKNOWN_USER in drift.unresolved else log.warning
            alert("stripe_subscriptions_unresolved", found=dict(drift.unresolved))
        async with self.uow.begin() as tx:
            if drift.repaired:
                await tx.periodic_jobs.add_items_found(RECONCILIATION, drift.repaired)
            if drift.is_complete:
                ignored = {UnresolvedReason.NOT_OURS: drift.ignored} if drift.ignored else {}
                await tx.billing.record_unresolved({**drift.unresolved, **ignored})
        return drift

    async def _compare(self, drift: Drift) -> None:
        async with self.uow.autocommit() as tx:
            begun_at = await tx.periodic_jobs.now()
        seen: set[str] = set()
        async for chunk in _in_chunks(self.subscriptions.all()):
            if self.is_stopping():
                return
            seen.update(found.id for found in chunk)
            drift.compared += len(chunk)
            await self._repair(await self._differing(chunk, drift), drift)
        async for rows in self._live_rows():
            lost = [
                row.stripe_subscription_id
                for row in rows
                # A subscription younger than this run is not in the list.
                if row.created_at < begun_at and row.stripe_subscription_id not in seen
            ]
            drift.compared += len(lost)
            await self._repair(lost, drift)
        async with self.uow.begin() as tx:
            duplicates = await tx.subscriptions.of_users_with_several()
        await self._repair(duplicates, drift)
        drift.is_complete = True

    async def _differing(self, chunk: Sequence[StripeSubscription], drift: Drift) -> list[str]:
        """Return the ids of the subscriptions to sync; count those that are left unchanged."""
        installation_id = await self.installation.get()
        async with self.uow.begin() as tx:
            rows = await tx.subscriptions.find([found.id for found in chunk])
            customers = await tx.stripe_customers.user_ids_of({found.customer_id for found in chunk})
            wanted = {found.user_id for found in chunk if found.user_id} | set(customers.values())
            users = await tx.billing.existing_user_ids(wanted)
            deleted = await tx.billing.deleted_user_ids(wanted - users)
        differing = []
        for found in chunk:
            evidence = Evidence(found, installation_id, customers.get(found.customer_id))
            row, user_id = rows.get(found.id), evidence.user_id
            if not (evidence.is_ours or found.has_ended) and evidence.customer_user_id is not None:
                drift.ignored += row is None
            if row is not None:
                if not _is_up_to_date(row, evidence):
                    differing.append(found.id)
            elif evidence.is_ours and user_id in users:
                differing.append(found.id)
            elif found.has_ended or user_id is None:
                continue
            elif evidence.is_ours and user_id in deleted:
                differing.append(found.id)  # paid for a deleted account
            elif evidence.names_other_installation:
                drift.unresolved[UnresolvedReason.OTHER_INSTALLATION] += 1
            elif evidence.is_ours:
                drift.unresolved[UnresolvedReason.UNKNOWN_USER] += 1
        return differing

    async def _repair(self, subscription_ids: Sequence[str], drift: Drift) -> None:
        """Sync these subscriptions, and count those that differed from Stripe."""
        for subscription_id in subscription_ids:
            result = await self.syncs.store(subscription_id)
            drift.to_cancel.update(result.to_cancel)
            if result.outcome in {SyncOutcome.APPLIED, SyncOutcome.NOT_OURS}:
                _log_repaired(subscription_id, result.outcome)
                drift.repaired += 1
            elif result.outcome in _UNRESOLVED:
                drift.unresolved[_UNRESOLVED[result.outcome]] += 1

    async def _cancel(self, drift: Drift) -> None:
        """Cancel what the run found, unless it is more than `_MAX_CANCELLATIONS`."""
        if len(drift.to_cancel) > _MAX_CANCELLATIONS:
            log.error(
                "stripe_cancellations_stopped",
                wanted=len(drift.to_cancel),
                most=_MAX_CANCELLATIONS,
                compared=drift.compared,
                subscription_ids=sorted(drift.to_cancel),
            )
            return
        for subscription_id in sorted(drift.to_cancel):
            await self.syncs.cancel(subscription_id)
            _log_repaired(subscription_id, "cancelled")
            drift.repaired += 1

    async def _live_rows(self) -> AsyncIterator[Sequence[Subscription]]:
        last = ""
        while True:
            async with self.uow.begin() as tx:
                rows = await tx.subscriptions.live_after(last, limit=_CHUNK)
            if not rows:
                return
            yield rows
            last = rows[-1].stripe_subscription_id


def _log_repaired(subscription_id: str, outcome: str) -> None:
    log.warning("stripe_drift_repaired", subscription_id=subscription_id, outcome=outcome)


def _is_up_to_date(row: Subscription, evidence: Evidence) -> bool:
    """Whether a sync of the subscription would leave the row unchanged."""
    found = evidence.found
    is_ours = (evidence.is_ours or evidence.is_undecided) and evidence.user_id in {None, row.user_id}
    if is_ours and evidence.has_left(row.product_id):
        return row.status == "canceled"
    return is_ours and _equals(row, found)


def _equals(row: Subscription, found: StripeSubscription) -> bool:
    if (found.is_voiding and not found.has_ended) or row.voided_period is not None:
        return False  # only the invoices tell whether the period is paid
    is_graced = row.grace_until is not None or found.status != "past_due"
    return is_graced and all(
        getattr(row, name) == getattr(found, name)
        for name in ("status", "current_period_start", "current_period_end", "cancel_at_period_end")
    )


async def _in_chunks(
    subscriptions: AsyncIterator[StripeSubscription],
) -> AsyncIterator[list[StripeSubscription]]:
    chunk = []
    async for found in subscriptions:
        chunk.append(found)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
