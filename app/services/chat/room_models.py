"""Decides for rooms of an earlier version whether they follow the default model."""

from dataclasses import dataclass
from uuid import UUID

from app.repositories.periodic_job import Schedule
from app.services.generation.offered_models import OfferedModels
from app.services.periodic import PeriodicTask
from app.unit_of_work import UnitOfWork

_BATCH_SIZE = 1000
_SCHEDULE = Schedule("room_models", every_seconds=3600, at_midnight=False)


@dataclass(frozen=True, slots=True)
class RoomModels:
    """Earlier versions stored their default model in rooms that named none.

    A room with the current `GEMINI_MODEL` is assumed to have named none.
    """

    uow: UnitOfWork
    models: OfferedModels

    def periodic_task(self) -> PeriodicTask:
        """Return the periodic task: hourly, until a run finds every room decided.

        Until then, a process of an earlier version may still create undecided rooms.
        """
        return PeriodicTask(_SCHEDULE, self.run)

    async def run(self) -> None:
        """Decide all undecided rooms, one short transaction per batch."""
        after, is_done = UUID(int=0), True
        while True:
            async with self.uow.begin() as tx:
                through = await tx.room_models.batch_end(after=after, limit=_BATCH_SIZE)
                if through is None:
                    break
                if await tx.room_models.has_undecided(after=after, through=through):
                    is_done = False
                    await tx.room_models.decide(after=after, through=through, default=self.models.default)
            after = through
        if is_done:
            async with self.uow.begin() as tx:
                await tx.periodic_jobs.retire(_SCHEDULE.name)
