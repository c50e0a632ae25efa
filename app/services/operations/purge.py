"""Erase rows that are no longer needed."""

from dataclasses import dataclass
from datetime import timedelta

from app.repositories.periodic_job import Schedule
from app.repositories.purge import PurgeRepository
from app.services.periodic import PeriodicTask
from app.unit_of_work import UnitOfWork

_BATCH_SIZE = 1000
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
        return PeriodicTask(_SCHEDULE, self.run)

    async def run(self) -> None:
        """Purge in batches, so that every transaction stays short."""
        async with self.uow.begin() as tx:
            await tx.purges.carried_usage()
        for erase, max_age in _MAX_AGES:
            erased = _BATCH_SIZE
            while erased == _BATCH_SIZE:
                async with self.uow.begin() as tx:
                    erased = await erase(tx.purges, max_age=max_age, limit=_BATCH_SIZE)
