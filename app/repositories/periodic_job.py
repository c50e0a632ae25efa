"""SQL about periodic tasks, which workers claim by the database's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Boolean, Double, Text, case, cast, column, func, select, update, values
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import PeriodicJob
from app.repositories.intervals import seconds

_DAY_SECONDS = 86_400.0
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)  # not every reader of the table knows infinity


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often a task runs; `at_midnight`: also as soon as a UTC day begins.

    In a new database it is first due after `first_after_seconds`.
    """

    name: str
    every_seconds: float
    at_midnight: bool
    first_after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PeriodicJobRepository:
    """Periodic tasks: one row each, inserted when a worker first claims."""

    session: AsyncSession

    async def claim_due(self, schedules: Sequence[Schedule]) -> Sequence[str]:
        """Claim the due tasks and return their names; each task goes to one worker per interval."""
        known = insert(PeriodicJob).values(
            [
                {"name": schedule.name, "next_run_at": func.now() + seconds(schedule.first_after_seconds)}
                for schedule in schedules
            ]
        )
        await self.session.execute(known.on_conflict_do_nothing())
        rows = [(schedule.name, schedule.every_seconds, schedule.at_midnight) for schedule in schedules]
        job = values(
            column("name", Text), column("every", Double), column("at_midnight", Boolean), name="job"
        ).data(rows)
        later = func.now() + seconds(cast(job.c.every, Double))
        midnight = func.date_trunc("day", func.now(), "UTC") + seconds(_DAY_SECONDS)
        claimed = await self.session.scalars(
            update(PeriodicJob)
            .where(PeriodicJob.name == job.c.name, PeriodicJob.next_run_at <= func.now())
            .values(
                next_run_at=case((cast(job.c.at_midnight, Boolean), func.least(later, midnight)), else_=later)
            )
            .returning(PeriodicJob.name),
            execution_options={"synchronize_session": False},
        )
        return claimed.all()

    async def now(self) -> datetime:
        """Return the database's time."""
        found: datetime | None = await self.session.scalar(select(func.now()))
        if found is None:
            raise RuntimeError("SELECT now() returned no row")
        return found

    async def add_items_found(self, name: str, found: int) -> None:
        """Add what a run found to the task's total."""
        await self.session.execute(
            update(PeriodicJob)
            .where(PeriodicJob.name == name)
            .values(items_found=PeriodicJob.items_found + found),
            execution_options={"synchronize_session": False},
        )

    async def items_found(self, name: str) -> int:
        """Return how many items all runs of a task have found."""
        found = await self.session.scalar(select(PeriodicJob.items_found).where(PeriodicJob.name == name))
        return found or 0

    async def record_success(self, name: str) -> None:
        """Record that a run of a task succeeded now."""
        await self.session.execute(
            update(PeriodicJob).where(PeriodicJob.name == name).values(last_success_at=func.now()),
            execution_options={"synchronize_session": False},
        )

    async def last_successes(self) -> Sequence[tuple[str, float]]:
        """Return the tasks that will run again and have succeeded, with the time in seconds since 1970."""
        found = await self.session.execute(
            select(PeriodicJob.name, cast(func.extract("epoch", PeriodicJob.last_success_at), Double))
            .where(PeriodicJob.last_success_at.is_not(None), PeriodicJob.next_run_at < _NEVER)
            .order_by(PeriodicJob.name)
        )
        return [(name, at) for name, at in found]

    async def retire(self, name: str) -> None:
        """Never run a task again: its work is finished for good."""
        await self.session.execute(
            update(PeriodicJob).where(PeriodicJob.name == name).values(next_run_at=_NEVER),
            execution_options={"synchronize_session": False},
        )

    async def reschedule(self, name: str, *, after_seconds: float) -> None:
        """Make a task due after the delay, unless it is due earlier."""
        await self.session.execute(
            update(PeriodicJob)
            .where(PeriodicJob.name == name)
            .values(next_run_at=func.least(PeriodicJob.next_run_at, func.now() + seconds(after_seconds))),
            execution_options={"synchronize_session": False},
        )
