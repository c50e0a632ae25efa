"""The purge: what nobody needs any more goes by itself."""

from dataclasses import dataclass
from datetime import timedelta

from app.repositories.periodic_job import Rhythm
from app.services.clock import Clock
from app.services.periodic import Job
from app.unit_of_work import UnitOfWork

_EVENTS_KEPT = timedelta(days=60)  # Stripe lists events, and tries to deliver them, for 30
_SESSIONS_KEPT = timedelta(days=30)
_SESSIONS_AT_ONCE = 1000
_RHYTHM = Rhythm("purge", every_seconds=3600, at_midnight=True)


@dataclass(frozen=True, slots=True)
class PurgeService:
    """Erases counts that were carried over into days gone by, and sessions and events that are long over."""

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
            await tx.purges.stripe_events(processed_before=now - _EVENTS_KEPT)
        erased = _SESSIONS_AT_ONCE
        while erased == _SESSIONS_AT_ONCE:
            async with self.uow.begin() as tx:
                erased = await tx.purges.sessions(over_before=now - _SESSIONS_KEPT, limit=_SESSIONS_AT_ONCE)
