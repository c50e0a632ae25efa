"""The end of an account: closed at once, erased a few seconds later by a worker."""

import contextlib
from dataclasses import dataclass

import structlog

from app.errors import AuthenticationRequired
from app.kit.clock import Clock
from app.kit.number_forms import subscriber_of
from app.redis_client.connection import RedisUnavailableError
from app.redis_client.otp_store import OtpStore
from app.repositories.message import of_user
from app.services.generation.stopping import ReplyStopper
from app.services.identity.recent_sign_in import require_recent_sign_in
from app.services.identity.session import CurrentUser
from app.services.identity.session_cache import SessionCache
from app.services.usage.quota import UsageCarryover
from app.unit_of_work import UnitOfWork

_ERASED_AFTER_SECONDS = 6.0  # every process takes a session for open for up to 5 s

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccountService:
    """Closes accounts."""

    uow: UnitOfWork
    stopper: ReplyStopper
    carryover: UsageCarryover
    open_sessions: SessionCache
    otps: OtpStore
    clock: Clock

    async def delete(self, caller: CurrentUser) -> None:
        """Close the caller's account for good; its number is free at once.

        In one transaction: name, number and password go, sessions end, replies are cancelled or asked to
        stop, the day's count is kept for the number, and the rest is left to a worker to erase.

        Raises:
            AuthenticationRequired: the session or the account ended a moment ago.
            RecentSignInRequired: this session was opened too long ago; refreshing it does not renew that.
        """
        now = self.clock()
        async with self.uow.begin() as tx:
            user = await tx.deletions.lock_account(caller.id)
            opened_at = await tx.deletions.signed_in_at(session_id=caller.session_id, user_id=caller.id)
            if user is None or opened_at is None:
                raise AuthenticationRequired
            require_recent_sign_in(opened_at, now=now)
            mobile_number = subscriber_of(user.mobile_number)
            ended = await self.stopper.stop_free(tx, of_user(caller.id))
            await self.carryover.save(tx, user)
            user.mobile_number, user.full_name, user.password_hash = f"deleted-{user.id}", None, None
            user.deleted_at = now
            sessions = await tx.sessions.end(caller.id, now=now)
            await tx.deletions.add(caller.id, after_seconds=_ERASED_AFTER_SECONDS)
            tx.invalidate_room_list(caller.id)
        log.info("account_deleted", user_id=str(caller.id), cancelled=len(ended), sessions=len(sessions))
        self.open_sessions.forget(sessions)
        with contextlib.suppress(RedisUnavailableError):
            await self.otps.forget(mobile_number)
        await self.stopper.tell(ended)
        await self.stopper.stop(of_user(caller.id))
