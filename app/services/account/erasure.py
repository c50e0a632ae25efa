"""Erases deleted accounts, piece by piece; whatever interrupts it, the next look goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.errors import ServiceUnavailable
from app.kit.clock import Clock
from app.models import Deletion
from app.redis_client.account_keys import AccountKeys
from app.redis_client.connection import RedisUnavailableError
from app.repositories.message import of_user
from app.services.account.farewell import Farewell
from app.services.billing.installation import InstallationId
from app.services.chat.room_erasure import RoomErasure
from app.services.generation.stopping import ReplyStopper
from app.stripe_client import StripeUnavailableError
from app.stripe_client.outage import StripeOutage
from app.unit_of_work import UnitOfWork

_LEASE_SECONDS = 15.0
_REPLIES_STOP_SECONDS = 2.0
_ROOMS_AT_ONCE = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ErasureService:
    """What a worker does about the rows of `deletions`. Every step may be done twice."""

    uow: UnitOfWork
    stopper: ReplyStopper
    rooms: RoomErasure
    keys: AccountKeys
    farewell: Farewell
    installation: InstallationId
    outage: StripeOutage
    clock: Clock
    is_stopping: Callable[[], bool]

    async def erase_due(self) -> None:
        """Erase every account that is due; ends early when this process is to end.

        An account whose erasure is interrupted, or cannot go on without Redis, is due again soon.
        """
        while not self.is_stopping():
            try:
                async with self.uow.begin() as tx:
                    deletion = await tx.deletions.claim_due(lease_seconds=_LEASE_SECONDS)
                if deletion is None:
                    return
                await self._erase(deletion)
            except StripeUnavailableError as error:
                self.outage.report("erasure_interrupted", error=type(error).__name__, reason=str(error))
                return
            except (ServiceUnavailable, RedisUnavailableError) as error:
                log.warning("erasure_interrupted", error=type(error).__name__, reason=str(error))
                return

    async def _erase(self, deletion: Deletion) -> None:
        if not await self.stopper.is_over(of_user(deletion.user_id)):
            async with self.uow.autocommit() as tx:
                await tx.deletions.postpone(deletion.id, seconds_from_now=_REPLIES_STOP_SECONDS)
            log.info("erasure_waits_for_replies", deletion_id=str(deletion.id))
            return
        while not self.is_stopping():
            if await self._erase_some_rooms(deletion):
                await self._erase_account(deletion)
                return

    async def _erase_some_rooms(self, deletion: Deletion) -> bool:
        """Erase a piece of the account's rooms; True when there are no more."""
        async with self.uow.autocommit() as tx:
            await tx.deletions.postpone(deletion.id, seconds_from_now=_LEASE_SECONDS)
            rooms = await tx.deletions.rooms(deletion.user_id, limit=_ROOMS_AT_ONCE)
        if not rooms:
            return True
        await self.rooms.erase_some(rooms)
        return False

    async def _erase_account(self, deletion: Deletion) -> None:
        """The rest of the account. Whoever outside has to be told is told before the deletion's row goes."""
        today = self.clock().date()
        async with self.uow.autocommit() as tx:
            days = await tx.deletions.usage_days(deletion.user_id)
        await self.keys.erase_person(deletion.user_id, {*days, today, today - timedelta(days=1)})
        async with self.uow.begin() as tx:
            await tx.deletions.erase_account(deletion.user_id)
        if deletion.stripe_customer_id is not None:
            await self.farewell.end_customer(
                deletion.stripe_customer_id,
                user_id=deletion.user_id,
                installation_id=await self.installation.get(),
            )
        async with self.uow.begin() as tx:
            await tx.deletions.remove(deletion.id)
        log.info("account_erased", deletion_id=str(deletion.id))
