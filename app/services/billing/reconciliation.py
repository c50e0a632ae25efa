"""Compares all subscriptions with Stripe and repairs differences, because webhooks can be lost."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from app.models import Actor, UnresolvedReason
from app.repositories.periodic_job import Schedule
from app.services.billing.installation import InstallationId
from app.services.billing.subscription_drift import Drift, DriftFinder
from app.services.billing.subscription_rows import SyncOutcome
from app.services.billing.subscription_sync import SubscriptionSync
from app.services.billing.sync_preview import SyncPreview
from app.services.periodic import PeriodicTask
from app.stripe_client import StripeSubscriptions
from app.unit_of_work import UnitOfWork

RECONCILIATION: Final = "stripe_reconciliation"
# Not in the first hour of a new database, so that an operator can notice a wrong one.
_SCHEDULE = Schedule(RECONCILIATION, every_seconds=3600, at_midnight=False, first_after_seconds=3600)
_TIMEOUT_SECONDS = 0.8 * _SCHEDULE.every_seconds  # ends before another worker may start
MAX_CANCELLATIONS: Final = 5
"""If a run would cancel more, something else is wrong, such as the database: it cancels nothing."""

_REPAIRED = frozenset({SyncOutcome.APPLIED, SyncOutcome.NOT_OURS})
_UNRESOLVED = {
    SyncOutcome.UNKNOWN_USER: UnresolvedReason.UNKNOWN_USER,
    SyncOutcome.OTHER_INSTALLATION: UnresolvedReason.OTHER_INSTALLATION,
}

Progress = Callable[[Drift], None]
"""Called with the counts so far after each batch."""

log = structlog.get_logger(__name__)


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

    async def run_for(self, actor: Actor, *, on_progress: Progress | None = None) -> Drift:
        """Run now, as an operator; the audit row comes first, so it is there if the run breaks off."""
        async with self.uow.begin_audited(actor) as tx:
            await tx.audit.record("reconciliation.run", subject_type="reconciliation")
        return await self.run(on_progress=on_progress)

    async def preview(self, *, on_progress: Progress | None = None) -> Drift:
        """Compare all subscriptions, and return in `planned` what `run` would repair; change nothing.

        Raises:
            StripeUnavailableError: Stripe became unavailable.
            TimeoutError: the comparison exceeded its time limit.
            ServiceUnavailable: the database is unavailable.
        """
        drift, previews = Drift(), SyncPreview.of(self.syncs)
        async with (
            asyncio.timeout(_TIMEOUT_SECONDS),
            contextlib.aclosing(self._finder.find(drift)) as batches,
        ):
            async for batch in batches:
                for subscription_id in batch:
                    planned = await previews.plan(subscription_id)
                    drift.to_cancel.update(planned.to_cancel)
                    if planned.outcome in _REPAIRED or planned.to_cancel:
                        drift.planned.append(planned)
                    elif planned.outcome in _UNRESOLVED:
                        drift.unresolved[_UNRESOLVED[planned.outcome]] += 1
                if on_progress is not None:
                    on_progress(drift)
        return drift

    async def run(self, *, on_progress: Progress | None = None) -> Drift:
        """Compare and repair all subscriptions; stop early if the process drains.

        Cancellations come last, and only if they are few. Live subscriptions of users that this database
        does not have are counted, and not changed.

        Raises:
            StripeUnavailableError: Stripe became unavailable.
            TimeoutError: the run exceeded its time limit.
            ServiceUnavailable: the database is unavailable.
        """
        drift = Drift()
        async with (
            asyncio.timeout(_TIMEOUT_SECONDS),
            contextlib.aclosing(self._finder.find(drift)) as batches,
        ):
            async for batch in batches:
                await self._repair(batch, drift)
                if on_progress is not None:
                    on_progress(drift)
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

    @property
    def _finder(self) -> DriftFinder:
        return DriftFinder(self.uow, self.subscriptions, self.installation, self.is_stopping)

    async def _repair(self, subscription_ids: Sequence[str], drift: Drift) -> None:
        """Sync these subscriptions, and count those that differed from Stripe."""
        for subscription_id in subscription_ids:
            result = await self.syncs.store(subscription_id)
            drift.to_cancel.update(result.to_cancel)
            if result.outcome in _REPAIRED:
                _log_repaired(subscription_id, result.outcome)
                drift.repaired += 1
            elif result.outcome in _UNRESOLVED:
                drift.unresolved[_UNRESOLVED[result.outcome]] += 1

    async def _cancel(self, drift: Drift) -> None:
        """Cancel what the run found, unless it is more than `MAX_CANCELLATIONS`."""
        if len(drift.to_cancel) > MAX_CANCELLATIONS:
            log.error(
                "stripe_cancellations_stopped",
                wanted=len(drift.to_cancel),
                most=MAX_CANCELLATIONS,
                compared=drift.compared,
                subscription_ids=sorted(drift.to_cancel),
            )
            return
        for subscription_id in sorted(drift.to_cancel):
            await self.syncs.cancel(subscription_id)
            _log_repaired(subscription_id, "cancelled")
            drift.repaired += 1


def _log_repaired(subscription_id: str, outcome: str) -> None:
    log.warning("stripe_drift_repaired", subscription_id=subscription_id, outcome=outcome)
