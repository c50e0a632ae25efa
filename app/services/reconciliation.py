"""Compares every subscription with Stripe and repairs what differs: webhooks can be lost for good."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from app.models import Subscription
from app.repositories.periodic_job import Rhythm
from app.services.clock import Clock
from app.services.periodic import Job
from app.services.subscription_sync import SubscriptionSync, SyncOutcome
from app.stripe_client import StripeSubscription, StripeSubscriptions
from app.unit_of_work import UnitOfWork

RECONCILIATION: Final = "stripe_reconciliation"
_RHYTHM = Rhythm(RECONCILIATION, every_seconds=3600, at_midnight=False)
_LONGEST_SECONDS = 0.8 * _RHYTHM.every_seconds  # over before another worker may begin
_CHUNK = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Drift:
    """What a run found; `repaired` of `compared` were not as they are at Stripe."""

    compared: int = 0
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Both ways: what Stripe has and we do not know, and what we hold to be live and Stripe does not."""

    uow: UnitOfWork
    subscriptions: StripeSubscriptions
    syncs: SubscriptionSync
    clock: Clock
    is_stopping: Callable[[], bool]

    def job(self) -> Job:
        """Once an hour, by one worker."""
        return Job(_RHYTHM, self._run)

    async def _run(self) -> None:
        await self.run()

    async def run(self) -> Drift:
        """Look at everything once; ends early when this process is to end, and the next run goes on.

        Raises:
            StripeUnavailableError: Stripe went away on the way.
            TimeoutError: it took too long.
            ServiceUnavailable: the database is away.
        """
        async with asyncio.timeout(_LONGEST_SECONDS):
            drift = await self._compare()
        report = log.warning if drift.repaired else log.info
        report("stripe_drift", compared=drift.compared, repaired=drift.repaired)
        if drift.repaired:
            async with self.uow.begin() as tx:
                await tx.periodic_jobs.add_to_tally(RECONCILIATION, drift.repaired)
        return drift

    async def _compare(self) -> Drift:
        compared, repaired = 0, 0
        begun_at = self.clock()
        seen: set[str] = set()
        async for chunk in _in_chunks(self.subscriptions.all()):
            if self.is_stopping():
                return Drift(compared, repaired)
            seen.update(found.id for found in chunk)
            compared += len(chunk)
            repaired += await self._repair(await self._differing(chunk))
        async for rows in self._live_rows():
            lost = [
                row.stripe_subscription_id
                for row in rows
                # One that began after this run did was not there to be seen.
                if row.created_at < begun_at and row.stripe_subscription_id not in seen
            ]
            compared += len(lost)
            repaired += await self._repair(lost)
        async with self.uow.begin() as tx:
            surplus = await tx.subscriptions.surplus()
        repaired += await self._repair(surplus)
        return Drift(compared, repaired)

    async def _differing(self, chunk: Sequence[StripeSubscription]) -> list[str]:
        async with self.uow.begin() as tx:
            rows = await tx.subscriptions.find([found.id for found in chunk])
            people = await tx.billing.known_people({found.user_id for found in chunk if found.user_id})
            customers = await tx.billing.known_customers({found.customer_id for found in chunk})
        differing = []
        for found in chunk:
            row = rows.get(found.id)
            if row is not None and found.user_id in {None, row.user_id}:
                if not _is_as(row, found):
                    differing.append(found.id)
            elif found.user_id in people or (found.user_id is None and found.customer_id in customers):
                differing.append(found.id)
            elif found.user_id is not None and not found.has_ended:
                differing.append(found.id)  # somebody pays for an account that is gone
        return differing

    async def _repair(self, subscription_ids: Sequence[str]) -> int:
        """Look at these anew; how many were not as they are at Stripe."""
        repaired = 0
        for subscription_id in subscription_ids:
            outcome = await self.syncs.sync(subscription_id)
            if outcome in {SyncOutcome.APPLIED, SyncOutcome.DELETED_USER}:
                log.warning("stripe_drift_repaired", subscription_id=subscription_id, outcome=outcome.value)
                repaired += 1
        return repaired

    async def _live_rows(self) -> AsyncIterator[Sequence[Subscription]]:
        last = ""
        while True:
            async with self.uow.begin() as tx:
                rows = await tx.subscriptions.live_after(last, limit=_CHUNK)
            if not rows:
                return
            yield rows
            last = rows[-1].stripe_subscription_id


def _is_as(row: Subscription, found: StripeSubscription) -> bool:
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
