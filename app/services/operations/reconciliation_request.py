"""A reconciliation that an operator requests: a worker runs the periodic task now."""

from dataclasses import dataclass

from app.models import Actor
from app.services.billing.reconciliation import RECONCILIATION
from app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class ReconciliationRequests:
    """Makes the periodic reconciliation due."""

    uow: UnitOfWork

    async def request(self, actor: Actor, *, reason: str | None) -> None:
        """Make it due now; a worker claims it within seconds.

        Raises:
            ValidationFailed: the reason is not valid.
        """
        async with self.uow.begin_audited(actor) as tx:
            await tx.periodic_jobs.reschedule(RECONCILIATION, after_seconds=0)
            await tx.audit.record("reconciliation.requested", subject_type="reconciliation", reason=reason)
