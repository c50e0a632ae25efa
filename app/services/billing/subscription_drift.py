"""Finds the subscriptions whose rows may differ from Stripe."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from app.models import Subscription, UnresolvedReason
from app.services.billing.installation import InstallationId
from app.services.billing.subscription_evidence import Evidence
from app.services.billing.sync_preview import PlannedSync
from app.stripe_client import StripeSubscription, StripeSubscriptions
from app.unit_of_work import UnitOfWork

_CHUNK = 100


@dataclass(slots=True)
class Drift:
    """Counts of one run: `repaired` of `compared` subscriptions differed from Stripe."""

    compared: int = 0
    repaired: int = 0
    to_cancel: set[str] = field(default_factory=set)
    unresolved: Counter[UnresolvedReason] = field(default_factory=Counter)
    ignored: int = 0
    """Live subscriptions of our customers to something other than Pro."""
    planned: list[PlannedSync] = field(default_factory=list)
    """The repairs that a run would make, if it only compares."""
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class DriftFinder:
    """Compares both directions: subscriptions missing here, and live rows that Stripe has ended."""

    uow: UnitOfWork
    subscriptions: StripeSubscriptions
    installation: InstallationId
    is_stopping: Callable[[], bool]

    async def find(self, drift: Drift) -> AsyncGenerator[Sequence[str], None]:
        """Yield the ids of subscriptions to sync, in batches; count in `drift` what is compared and left.

        Rows are read after a batch has been processed. Stops early if the process drains.

        Raises:
            StripeUnavailableError: Stripe became unavailable.
            ServiceUnavailable: the database is unavailable.
        """
        async with self.uow.autocommit() as tx:
            begun_at = await tx.periodic_jobs.now()
        seen: set[str] = set()
        async for chunk in _in_chunks(self.subscriptions.all()):
            if self.is_stopping():
                return
            seen.update(found.id for found in chunk)
            drift.compared += len(chunk)
            yield await self._differing(chunk, drift)
        async for rows in self._live_rows():
            lost = [
                row.stripe_subscription_id
                for row in rows
                # A subscription younger than this run is not in the list.
                if row.created_at < begun_at and row.stripe_subscription_id not in seen
            ]
            drift.compared += len(lost)
            yield lost
        async with self.uow.begin() as tx:
            duplicates = await tx.subscriptions.of_users_with_several()
        yield duplicates
        drift.is_complete = True

    async def _differing(self, chunk: Sequence[StripeSubscription], drift: Drift) -> list[str]:
        """Return the ids of the subscriptions to sync; count those that are left unchanged."""
        installation_id = await self.installation.get()
        async with self.uow.begin() as tx:
            rows = await tx.subscriptions.find([found.id for found in chunk])
            customers = await tx.stripe_customers.user_ids_of({found.customer_id for found in chunk})
            wanted = {found.user_id for found in chunk if found.user_id} | set(customers.values())
            users = await tx.billing.existing_user_ids(wanted)
            deleted = await tx.billing.deleted_user_ids(wanted - users)
        differing = []
        for found in chunk:
            evidence = Evidence(found, installation_id, customers.get(found.customer_id))
            row, user_id = rows.get(found.id), evidence.user_id
            if not (evidence.is_ours or found.has_ended) and evidence.customer_user_id is not None:
                drift.ignored += row is None
            if row is not None:
                if not _is_up_to_date(row, evidence):
                    differing.append(found.id)
            elif evidence.is_ours and user_id in users:
                differing.append(found.id)
            elif found.has_ended or user_id is None:
                continue
            elif evidence.is_ours and user_id in deleted:
                differing.append(found.id)  # paid for a deleted account
            elif evidence.names_other_installation:
                drift.unresolved[UnresolvedReason.OTHER_INSTALLATION] += 1
            elif evidence.is_ours:
                drift.unresolved[UnresolvedReason.UNKNOWN_USER] += 1
        return differing

    async def _live_rows(self) -> AsyncIterator[Sequence[Subscription]]:
        last = ""
        while True:
            async with self.uow.begin() as tx:
                rows = await tx.subscriptions.live_after(last, limit=_CHUNK)
            if not rows:
                return
            yield rows
            last = rows[-1].stripe_subscription_id


def _is_up_to_date(row: Subscription, evidence: Evidence) -> bool:
    """Whether a sync of the subscription would leave the row unchanged."""
    found = evidence.found
    is_ours = (evidence.is_ours or evidence.is_undecided) and evidence.user_id in {None, row.user_id}
    if is_ours and evidence.has_left(row.product_id):
        return row.status == "canceled"
    return is_ours and _equals(row, found)


def _equals(row: Subscription, found: StripeSubscription) -> bool:
    if (found.is_voiding and not found.has_ended) or row.voided_period is not None:
        return False  # only the invoices tell whether the period is paid
    is_graced = row.grace_until is not None or found.status != "past_due"
    return is_graced and all(
        getattr(row, name) == getattr(found, name)
        for name in ("status", "current_period_start", "current_period_end", "cancel_at_period_end")
    )


async def _in_chunks(
    subscriptions: AsyncIterator[StripeSubscription],
) -> AsyncIterator[list[StripeSubscription]]:
    chunk = []
    async for found in subscriptions:
        chunk.append(found)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
