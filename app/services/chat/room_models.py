"""Decides which rooms of an earlier version follow the default model."""

from dataclasses import dataclass
from uuid import UUID

from app.repositories.periodic_job import Schedule
from app.services.generation.offered_models import OfferedModels
from app.services.periodic import PeriodicTask
from app.unit_of_work import UnitOfWork

_AT_ONCE = 1000
_SCHEDULE = Schedule("room_models", every_seconds=3600, at_midnight=False)


@dataclass(frozen=True, slots=True)
class RoomModels:
    """Earlier versions stored the default of their time in every room that named no model.

    A room that has the present `GEMINI_MODEL` is taken for one that named none.
    """

    uow: UnitOfWork
    models: OfferedModels

    def periodic_task(self) -> PeriodicTask:
        """Hourly, until a run finds all rooms decided: an API of an earlier version may still open some."""
        return PeriodicTask(_SCHEDULE, self.run)

    async def run(self) -> None:
        """Decide, in transactions that stay short however many rooms there are."""
        after, is_done = UUID(int=0), True
        while True:
            async with self.uow.begin() as tx:
                through = await tx.room_models.batch_end(after=after, limit=_AT_ONCE)
                if through is None:
                    break
                if await tx.room_models.has_undecided(after=after, through=through):
                    is_done = False
                    await tx.room_models.decide(after=after, through=through, default=self.models.default)
            after = through
        if is_done:
            async with self.uow.begin() as tx:
                await tx.periodic_jobs.retire(_SCHEDULE.name)
