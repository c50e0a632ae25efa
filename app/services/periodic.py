"""Run periodic tasks, each once per interval over all workers.

A claim moves the task to its next interval: unlike a lease it needs no renewal, and a crash skips one run.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from app.errors import ServiceUnavailable
from app.repositories.periodic_job import Schedule
from app.stripe_client import StripeUnavailableError
from app.stripe_client.failures import StripeNotConfiguredError
from app.stripe_client.outage import StripeOutage
from app.unit_of_work import UnitOfWork

_AFTER_FAILURE_SECONDS = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """Work and its schedule. It may be interrupted at any point and must be safe to repeat."""

    schedule: Schedule
    run: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PeriodicTasks:
    """The tasks of a worker; all workers have the same."""

    uow: UnitOfWork
    tasks: tuple[PeriodicTask, ...]
    outage: StripeOutage

    async def run_due(self) -> None:
        """Claim and run the due tasks; a task that fails is logged and due again in a minute."""
        try:
            async with self.uow.begin() as tx:
                claimed = await tx.periodic_jobs.claim_due([task.schedule for task in self.tasks])
            for task in self.tasks:
                if task.schedule.name in claimed:
                    await self._run(task)
        except ServiceUnavailable:
            log.warning("periodic_jobs_not_claimed")

    async def _run(self, task: PeriodicTask) -> None:
        name = task.schedule.name
        try:
            await task.run()
            async with self.uow.autocommit() as tx:
                await tx.periodic_jobs.record_success(name)
        except StripeNotConfiguredError as error:
            log.warning("periodic_job_skipped", job=name, reason=str(error))  # until its next interval
        except StripeUnavailableError as error:
            self.outage.report("periodic_job_failed", job=name, reason=str(error))
            await self._retry_soon(name)
        except ServiceUnavailable as error:
            log.warning("periodic_job_failed", job=name, reason=str(error))
            await self._retry_soon(name)
        except Exception:
            log.exception("periodic_job_failed", job=name)
            await self._retry_soon(name)
        else:
            log.info("periodic_job_done", job=name)

    async def _retry_soon(self, name: str) -> None:
        async with self.uow.begin() as tx:
            await tx.periodic_jobs.reschedule(name, after_seconds=_AFTER_FAILURE_SECONDS)
