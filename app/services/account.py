"""The end of an account: closed at once, erased a few seconds later by a worker."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.errors import AuthenticationRequired, RecentSignInRequired, ServiceUnavailable
from app.models import Message
from app.redis_client.connection import RedisUnavailableError
from app.redis_client.otp_store import OtpStore
from app.redis_client.reply_events import ReplyEvents
from app.services.cancellation import cancel_all
from app.services.clock import Clock
from app.services.quota import CarriedCount, DailyQuota
from app.services.session import CurrentUser
from app.services.session_cache import SessionCache
from app.unit_of_work import UnitOfWork

_RECENT = timedelta(minutes=10)
_ERASED_AFTER_SECONDS = 6.0  # every process takes a session for open for up to 5 s
_CANCEL_TRIES = 5
_CANCEL_PAUSE_SECONDS = 0.1

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccountService:
    """Closes accounts."""

    uow: UnitOfWork
    quota: DailyQuota
    carried: CarriedCount
    open_sessions: SessionCache
    events: ReplyEvents
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
            if now - opened_at > _RECENT:
                raise RecentSignInRequired
            mobile_number = user.mobile_number
            ended = await cancel_all(tx, self.quota, caller.id)
            await self.carried.keep(tx, user)
            user.mobile_number, user.full_name, user.password_hash = f"deleted-{user.id}", None, None
            user.deleted_at = now
            sessions = await tx.deletions.end_sessions(caller.id, now=now)
            await tx.deletions.add(caller.id, after_seconds=_ERASED_AFTER_SECONDS)
            tx.rooms_changed(caller.id)
        log.info("account_deleted", user_id=str(caller.id), cancelled=len(ended), sessions=len(sessions))
        self.open_sessions.forget(sessions)
        with contextlib.suppress(RedisUnavailableError):
            await self.otps.forget(mobile_number)
        await self._tell(ended)
        await self._stop_the_rest(caller)

    async def _stop_the_rest(self, caller: CurrentUser) -> None:
        """Ask those that were passed over because a worker was just writing to their rows."""
        with contextlib.suppress(ServiceUnavailable):  # whoever erases the account asks again
            for _ in range(_CANCEL_TRIES):
                async with self.uow.begin() as tx:
                    if not await tx.replies.has_unasked(caller.id):
                        return
                    ended = await cancel_all(tx, self.quota, caller.id)
                await self._tell(ended)
                await asyncio.sleep(_CANCEL_PAUSE_SECONDS)

    async def _tell(self, ended: Sequence[Message]) -> None:
        for reply in ended:
            await self.events.end(reply.id, reply.attempt)
