"""Erase deleted accounts in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.errors import ServiceUnavailable
from app.kit.clock import Clock
from app.kit.leased_work import process_due
from app.redis_client.connection import RedisUnavailableError
from app.repositories.account_deletion import ClaimedDeletion
from app.repositories.message import of_user
from app.services.account.stripe_cleanup import StripeCustomerCleanup
from app.services.billing.installation import InstallationId
from app.services.chat.batch_erasure import LEASE_SECONDS, BatchErasure
from app.stripe_client import StripeUnavailableError
from app.stripe_client.outage import StripeOutage
from app.unit_of_work import UnitOfWork

_ROOMS_PER_BATCH = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccountErasure:
    """Erases accounts that are closed already. Every step may run twice."""

    uow: UnitOfWork
    batches: BatchErasure
    stripe_cleanup: StripeCustomerCleanup
    installation: InstallationId
    outage: StripeOutage
    clock: Clock

    async def erase_due(self) -> None:
        """Erase every account that is due, until this process drains.

        An account whose erasure is interrupted, or needs Redis or Stripe while they are unavailable, is due
        again after its lease.
        """
        try:
            await process_due(self._claim, self._erase, batch_size=1, is_stopping=self.batches.is_stopping)
        except StripeUnavailableError as error:
            self.outage.report("erasure_interrupted", error=type(error).__name__, reason=str(error))
        except (ServiceUnavailable, RedisUnavailableError) as error:
            log.warning("erasure_interrupted", error=type(error).__name__, reason=str(error))

    async def _claim(self, _limit: int) -> Sequence[ClaimedDeletion]:
        async with self.uow.begin() as tx:
            deletion = await tx.account_deletions.claim_due(lease_seconds=LEASE_SECONDS)
        return [] if deletion is None else [deletion]

    async def _erase(self, deletion: ClaimedDeletion) -> None:
        async def reschedule(seconds: float) -> None:
            async with self.uow.autocommit() as tx:
                await tx.account_deletions.reschedule(deletion.id, after_seconds=seconds)

        async def erase_batch() -> bool:
            async with self.uow.autocommit() as tx:
                rooms = await tx.account_deletions.room_ids(deletion.user_id, limit=_ROOMS_PER_BATCH)
            if rooms:
                await self.batches.erase_rooms(rooms)
            return not rooms

        if await self.batches.run(of_user(deletion.user_id), reschedule=reschedule, erase_batch=erase_batch):
            await self._erase_account(deletion)
        else:
            log.info("erasure_postponed", deletion_id=str(deletion.id))

    async def _erase_account(self, deletion: ClaimedDeletion) -> None:
        """Erase what is left of an account without rooms.

        Delete the deletion's row last, so that a crash repeats the other steps.
        """
        today = self.clock().date()
        async with self.uow.autocommit() as tx:
            days = await tx.account_deletions.usage_days(deletion.user_id)
        yesterday = today - timedelta(days=1)
        await self.batches.keys.erase_user(deletion.user_id, {*days, today, yesterday})
        async with self.uow.begin() as tx:
            await tx.account_deletions.erase_user(deletion.user_id)
        if deletion.stripe_customer_id is not None:
            await self.stripe_cleanup.delete(
                deletion.stripe_customer_id,
                user_id=deletion.user_id,
                installation_id=await self.installation.get(),
            )
        async with self.uow.begin() as tx:
            await tx.account_deletions.finish(deletion.id)
        log.info("account_erased", deletion_id=str(deletion.id))
