"""Close an account at once; a worker erases it a few seconds later."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from app.errors import AuthenticationRequired
from app.kit.clock import Clock
from app.kit.number_forms import subscriber_of
from app.redis_client.connection import RedisUnavailableError
from app.redis_client.otp_store import OtpStore
from app.repositories.message import of_user
from app.services.generation.reply_canceller import ReplyCanceller
from app.services.identity.recent_sign_in import require_recent_sign_in
from app.services.identity.session import CurrentUser
from app.services.identity.session_cache import SessionCache
from app.services.usage.quota import UsageCarryover
from app.unit_of_work import UnitOfWork

_ERASED_AFTER_SECONDS = 6.0  # processes cache open sessions for up to 5 s

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccountService:
    """Closes accounts."""

    uow: UnitOfWork
    canceller: ReplyCanceller
    carryover: UsageCarryover
    open_sessions: SessionCache
    otps: OtpStore
    clock: Clock

    async def delete(self, caller: CurrentUser) -> None:
        """Close the caller's account for good; its number is free at once.

        One transaction clears name, number and password, ends sessions, cancels replies or requests it, keeps
        the day's count for the number, and schedules the erasure.

        Raises:
            AuthenticationRequired: the session or the account has ended concurrently.
            RecentSignInRequired: this session was opened too long ago; refreshing it does not renew that.
        """
        now = self.clock()
        async with self.uow.begin() as tx:
            user = await tx.account_deletions.lock_user(caller.id)
            opened_at = await tx.account_deletions.signed_in_at(
                session_id=caller.session_id, user_id=caller.id
            )
            if user is None or opened_at is None:
                raise AuthenticationRequired
            require_recent_sign_in(opened_at, now=now)
            mobile_number = subscriber_of(user.mobile_number)
            ended = await self.canceller.cancel_unlocked(tx, of_user(caller.id))
            await self.carryover.save(tx, user)
            user.mobile_number, user.full_name, user.password_hash = f"deleted-{user.id}", None, None
            user.deleted_at = now
            sessions = await tx.sessions.end(caller.id, now=now)
            customer_id = await tx.stripe_customers.customer_id_of(caller.id)
            await tx.account_deletions.schedule(
                caller.id, customer_id=customer_id, after_seconds=_ERASED_AFTER_SECONDS
            )
            tx.invalidate_room_list(caller.id)
        log.info("account_deleted", user_id=str(caller.id), cancelled=len(ended), sessions=len(sessions))
        await self._after_commit(caller.id, sessions=sessions, mobile_number=mobile_number)

    async def _after_commit(self, user_id: UUID, *, sessions: Sequence[UUID], mobile_number: str) -> None:
        """Apply the deletion outside the database; none of it is needed for the erasure to succeed."""
        self.open_sessions.discard(sessions)
        with contextlib.suppress(RedisUnavailableError):  # the code expires within minutes
            await self.otps.discard(mobile_number)
        await self.canceller.cancel_all(of_user(user_id))  # the replies that were locked by a worker
