"""The purge: what nobody needs any more goes by itself."""

from dataclasses import dataclass
from datetime import timedelta

from app.repositories.periodic_job import Rhythm
from app.repositories.purge import PurgeRepository
from app.services.clock import Clock
from app.services.periodic import Job
from app.unit_of_work import UnitOfWork

_EVENTS_KEPT = timedelta(days=60)  # Stripe lists events, and tries to deliver them, for 30
_CHECKOUTS_KEPT = timedelta(days=30)  # a payment page lives for a day, a bank debit may take two weeks
_SYNCS_KEPT = timedelta(days=7)  # a fetch whose number still counts began minutes ago
# A deleted account's subscription comes from such a page, and its event may be a month late. The rest is for
# a service that stood still.
_TOMBSTONES_KEPT = timedelta(days=90)
_SESSIONS_KEPT = timedelta(days=30)
_SESSIONS_AT_ONCE = 1000
_ROWS_AT_ONCE = 1000
_RHYTHM = Rhythm("purge", every_seconds=3600, at_midnight=True)


@dataclass(frozen=True, slots=True)
class PurgeService:
    """Erases counts of days gone by, sessions that are long over, and what billing has done with."""

    uow: UnitOfWork
    clock: Clock

    def job(self) -> Job:
        """Hourly, and as soon as a UTC day is over."""
        return Job(_RHYTHM, self.run)

    async def run(self) -> None:
        """Purge, in transactions that stay short however much there is."""
        now = self.clock()
        async with self.uow.begin() as tx:
            await tx.purges.carried_usage(before=now.date())
        await self._purge_billing()
        erased = _SESSIONS_AT_ONCE
        while erased == _SESSIONS_AT_ONCE:
            async with self.uow.begin() as tx:
                erased = await tx.purges.sessions(over_before=now - _SESSIONS_KEPT, limit=_SESSIONS_AT_ONCE)

    async def _purge_billing(self) -> None:
        for erase, kept in (
            (PurgeRepository.stripe_events, _EVENTS_KEPT),
            (PurgeRepository.checkouts, _CHECKOUTS_KEPT),
            (PurgeRepository.subscription_syncs, _SYNCS_KEPT),
            (PurgeRepository.tombstones, _TOMBSTONES_KEPT),
        ):
            erased = _ROWS_AT_ONCE
            while erased == _ROWS_AT_ONCE:
                async with self.uow.begin() as tx:
                    erased = await erase(tx.purges, kept=kept, limit=_ROWS_AT_ONCE)
