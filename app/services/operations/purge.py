"""Erase rows that are no longer needed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.models import Actor
from app.repositories.periodic_job import Schedule
from app.repositories.purge import PurgeRepository
from app.services.periodic import PeriodicTask
from app.unit_of_work import UnitOfWork

_BATCH_SIZE = 1000
_CARRIED_USAGE = "carried_usage"
_SCHEDULE = Schedule("purge", every_seconds=3600, at_midnight=True)
_MAX_AGES = (
    (PurgeRepository.sessions, timedelta(days=30)),
    (PurgeRepository.unverified_signups, timedelta(days=7)),
    # Stripe lists events, and tries to deliver them, for 30 days.
    (PurgeRepository.stripe_events, timedelta(days=60)),
    # A payment page lives for a day, a bank debit may take two weeks.
    (PurgeRepository.checkouts, timedelta(days=30)),
    # A fetch that still needs its sequence number began minutes ago.
    (PurgeRepository.subscription_syncs, timedelta(days=7)),
    # A deleted account's subscription comes from such a page, and its event may be a month late. The rest
    # covers a service that was down.
    (PurgeRepository.tombstones, timedelta(days=90)),
)


@dataclass(frozen=True, slots=True)
class PurgeService:
    """Erases usage carryovers of past days, unverified sign-ups, ended sessions and old billing rows.

    Ages are measured by the database's clock: a worker with a wrong clock must not end sessions.
    """

    uow: UnitOfWork

    def periodic_task(self) -> PeriodicTask:
        """Return the task: hourly, and as soon as a UTC day begins."""
        return PeriodicTask(_SCHEDULE, self._run)

    async def _run(self) -> None:
        await self.run()

    async def run(self, *, on_progress: Callable[[Mapping[str, int]], None] | None = None) -> dict[str, int]:
        """Purge in batches, so that every transaction stays short; return the number of rows by their kind.

        `on_progress` gets the counts so far after every batch.
        """
        async with self.uow.begin() as tx:
            erased = {_CARRIED_USAGE: await tx.purges.carried_usage()}
        for erase, max_age in _MAX_AGES:
            kind, batch = erase.__name__, _BATCH_SIZE
            erased[kind] = 0
            while batch == _BATCH_SIZE:
                async with self.uow.begin() as tx:
                    batch = await erase(tx.purges, max_age=max_age, limit=_BATCH_SIZE)
                erased[kind] += batch
                if on_progress is not None:
                    on_progress(erased)
        return erased

    async def run_for(
        self, actor: Actor, *, on_progress: Callable[[Mapping[str, int]], None] | None = None
    ) -> dict[str, int]:
        """Purge now, as an operator; the audit row comes first, so it is there if the run breaks off."""
        async with self.uow.begin_audited(actor) as tx:
            await tx.audit.record("purge.run", subject_type="purge")
        return await self.run(on_progress=on_progress)
