"""Erases what is not needed any more."""

from dataclasses import dataclass
from datetime import timedelta

from app.repositories.periodic_job import Schedule
from app.repositories.purge import PurgeRepository
from app.services.periodic import PeriodicTask
from app.unit_of_work import UnitOfWork

_AT_ONCE = 1000
_SCHEDULE = Schedule("purge", every_seconds=3600, at_midnight=True)
_KEPT = (
    (PurgeRepository.sessions, timedelta(days=30)),
    (PurgeRepository.unproved_signups, timedelta(days=7)),
    # Stripe lists events, and tries to deliver them, for 30 days.
    (PurgeRepository.stripe_events, timedelta(days=60)),
    # A payment page lives for a day, a bank debit may take two weeks.
    (PurgeRepository.checkouts, timedelta(days=30)),
    # A fetch whose number still counts began minutes ago.
    (PurgeRepository.subscription_syncs, timedelta(days=7)),
    # A deleted account's subscription comes from such a page, and its event may be a month late. The rest is
    # for a service that stood still.
    (PurgeRepository.tombstones, timedelta(days=90)),
)


@dataclass(frozen=True, slots=True)
class PurgeService:
    """Erases carried counts of days gone by, unproved sign-ups, old sessions, and what billing is done with.

    What is old is said by the database's clock: a worker whose clock is wrong must not sign anybody out.
    """

    uow: UnitOfWork

    def periodic_task(self) -> PeriodicTask:
        """Hourly, and as soon as a UTC day is over."""
        return PeriodicTask(_SCHEDULE, self.run)

    async def run(self) -> None:
        """Purge, in transactions that stay short however much there is."""
        async with self.uow.begin() as tx:
            await tx.purges.carried_usage()
        for erase, kept in _KEPT:
            erased = _AT_ONCE
            while erased == _AT_ONCE:
                async with self.uow.begin() as tx:
                    erased = await erase(tx.purges, kept=kept, limit=_AT_ONCE)
