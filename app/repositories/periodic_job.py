"""SQL about periodic work: who does what is due, by the database's clock."""

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
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)  # programs that read the table may know no infinity


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a job runs; `at_midnight`: also as soon as a UTC day has begun.

    In a new database it is due after `first_after_seconds`.
    """

    name: str
    every_seconds: float
    at_midnight: bool
    first_after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PeriodicJobRepository:
    """Periodic jobs; a row each, made when a worker first knows of it."""

    session: AsyncSession

    async def claim_due(self, rhythms: Sequence[Rhythm]) -> Sequence[str]:
        """Take what is due; of all workers only one gets a job, once in its interval."""
        known = insert(PeriodicJob).values(
            [
                {"name": rhythm.name, "next_run_at": func.now() + seconds(rhythm.first_after_seconds)}
                for rhythm in rhythms
            ]
        )
        await self.session.execute(known.on_conflict_do_nothing())
        rows = [(rhythm.name, rhythm.every_seconds, rhythm.at_midnight) for rhythm in rhythms]
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
            raise RuntimeError("the database knows no time")
        return found

    async def add_to_tally(self, name: str, found: int) -> None:
        """Note how much a run found to do."""
        await self.session.execute(
            update(PeriodicJob).where(PeriodicJob.name == name).values(tally=PeriodicJob.tally + found),
            execution_options={"synchronize_session": False},
        )

    async def tally(self, name: str) -> int:
        """How much all runs of a job found to do."""
        found = await self.session.scalar(select(PeriodicJob.tally).where(PeriodicJob.name == name))
        return found or 0

    async def retire(self, name: str) -> None:
        """Never run a job again: its work is done for good."""
        await self.session.execute(
            update(PeriodicJob).where(PeriodicJob.name == name).values(next_run_at=_NEVER),
            execution_options={"synchronize_session": False},
        )

    async def come_again(self, name: str, *, after_seconds: float) -> None:
        """Let a job be due in so many seconds, if it would not be sooner."""
        await self.session.execute(
            update(PeriodicJob)
            .where(PeriodicJob.name == name)
            .values(next_run_at=func.least(PeriodicJob.next_run_at, func.now() + seconds(after_seconds))),
            execution_options={"synchronize_session": False},
        )
