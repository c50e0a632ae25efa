"""Accounts for operators: find, show, grant Pro, set the daily limit, ban, end sessions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from app.errors import UserNotFound, ValidationFailed
from app.kit.clock import Clock
from app.models import Actor, User, is_paid_pro, plan_of
from app.repositories.audit import Detail
from app.repositories.message import of_user
from app.schemas.admin import AdminUser, PlanSource
from app.services.generation.reply_canceller import ReplyCanceller
from app.services.identity.mobile_number import MobileNumbers
from app.services.identity.session_cache import SessionCache
from app.services.usage.quota import DailyQuota
from app.unit_of_work import AuditedTransaction, Transaction, UnitOfWork

_SHOWN_DIGITS = 4

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UserAdminService:
    """Shows accounts and changes them; every change writes its audit row in the same transaction.

    Raises of every method: UserNotFound, if there is no such account or it is deleted.
    """

    uow: UnitOfWork
    quota: DailyQuota
    canceller: ReplyCanceller
    numbers: MobileNumbers
    open_sessions: SessionCache
    clock: Clock

    async def find(self, *, mobile_number: str) -> AdminUser:
        """Return the account of a number in any notation.

        Raises:
            ValidationFailed: not a valid number.
        """
        async with self.uow.autocommit() as tx:
            user_id = await tx.user_admin.id_of(self.numbers.stored_forms(mobile_number))
            if user_id is None:
                raise UserNotFound
            return await self._shown(tx, user_id)

    async def show(self, user_id: UUID) -> AdminUser:
        """Return an account."""
        async with self.uow.autocommit() as tx:
            return await self._shown(tx, user_id)

    async def grant_pro(self, actor: Actor, user_id: UUID, *, until: datetime, reason: str) -> AdminUser:
        """Put the user on Pro without a subscription, until a time in the future.

        Raises:
            ValidationFailed: the time has passed, or the reason is not valid.
        """
        if until <= self.clock():
            problem = {"pointer": "/until", "code": "value_error", "message": "must be in the future"}
            raise ValidationFailed(members={"errors": [problem]})
        async with self.uow.begin_audited(actor) as tx:
            user = await self._locked(tx, user_id)
            before, user.pro_until = user.pro_until, until
            await _record(tx, user, "user.pro_granted", reason, until=until, before=before)
        return await self.show(user_id)

    async def end_grant(self, actor: Actor, user_id: UUID) -> AdminUser:
        """End the grant; a subscription goes on."""
        async with self.uow.begin_audited(actor) as tx:
            user = await self._locked(tx, user_id)
            before, user.pro_until = user.pro_until, None
            await _record(tx, user, "user.pro_grant_ended", None, before=before)
        return await self.show(user_id)

    async def set_limit(
        self, actor: Actor, user_id: UUID, *, messages_per_day: int | None, reason: str
    ) -> AdminUser:
        """Set the user's own daily limit on Basic; None restores the limit of the settings.

        Raises:
            ValidationFailed: the reason is not valid.
        """
        async with self.uow.begin_audited(actor) as tx:
            user = await self._locked(tx, user_id)
            before, user.messages_per_day = user.messages_per_day, messages_per_day
            await _record(
                tx, user, "user.limit_set", reason, messages_per_day=messages_per_day, before=before
            )
        return await self.show(user_id)

    async def ban(self, actor: Actor, user_id: UUID, *, reason: str) -> AdminUser:
        """Refuse all requests of the user from now on, within 5 seconds on every process.

        Sessions stay, so that an end of the ban restores them. Unfinished replies are cancelled; the lock on
        the account keeps a request that is storing a message from leaving another one behind. A repeated ban
        cancels what is left.

        Raises:
            ValidationFailed: the reason is not valid.
        """
        async with self.uow.begin_audited(actor) as tx:
            user = await self._locked(tx, user_id)
            user.banned_at = user.banned_at or self.clock()
            cancelled = await self.canceller.cancel_unlocked(tx, of_user(user_id))
            await _record(tx, user, "user.banned", reason, cancelled_replies=len(cancelled))
        await self.canceller.cancel_all(of_user(user_id))  # the replies that were locked by a worker
        log.info("user_banned", user_id=str(user_id), actor=actor.name, cancelled=len(cancelled))
        return await self.show(user_id)

    async def unban(self, actor: Actor, user_id: UUID) -> AdminUser:
        """End a ban, within 5 seconds on every process."""
        async with self.uow.begin_audited(actor) as tx:
            user = await self._locked(tx, user_id)
            user.banned_at = None
            await _record(tx, user, "user.unbanned", None)
        log.info("user_unbanned", user_id=str(user_id), actor=actor.name)
        return await self.show(user_id)

    async def end_sessions(self, actor: Actor, user_id: UUID) -> int:
        """End all sessions of the user, within 5 seconds on every process; return their number."""
        async with self.uow.begin_audited(actor) as tx:
            user = await self._locked(tx, user_id)
            ended = await tx.sessions.end(user_id, now=self.clock())
            await _record(tx, user, "user.sessions_ended", None, sessions=len(ended))
        self.open_sessions.discard(ended)
        return len(ended)

    async def _locked(self, tx: Transaction, user_id: UUID) -> User:
        user = await tx.user_admin.lock(user_id)
        if user is None:
            raise UserNotFound
        return user

    async def _shown(self, tx: Transaction, user_id: UUID) -> AdminUser:
        now = self.clock()
        user = await tx.users.get(user_id)
        usage = await tx.usage.status(user_id=user_id, now=now)
        if user is None or usage is None:
            raise UserNotFound
        subscription = await tx.subscriptions.current(user_id)
        holdings = await tx.user_admin.holdings(user_id, now=now)
        is_granted = user.pro_until is not None and user.pro_until > now
        sources = {PlanSource.SUBSCRIPTION: is_paid_pro(subscription, now), PlanSource.GRANT: is_granted}
        return AdminUser(
            id=user.id,
            mobile_number=_masked(user.mobile_number),
            full_name=user.full_name,
            created_at=user.created_at,
            verified_at=user.verified_at,
            last_login_at=user.last_login_at,
            banned_at=user.banned_at,
            plan=plan_of(user, subscription, now),
            plan_sources=[source for source, gives_pro in sources.items() if gives_pro],
            subscription_status=subscription.status if subscription else None,
            granted_until=user.pro_until,
            messages_per_day=user.messages_per_day,
            usage=self.quota.to_schema(self.quota.snapshot_of_any(usage, now)),
            **holdings._asdict(),
        )


async def _record(
    tx: AuditedTransaction, user: User, action: str, reason: str | None, **details: Detail
) -> None:
    await tx.audit.record(
        action, subject_type="user", subject_id=user.id, user_id=user.id, reason=reason, details=details
    )


def _masked(number: str) -> str:
    """Hide all but the last digits: an operator who may read must not collect numbers."""
    return "+" + "•" * (len(number) - 1 - _SHOWN_DIGITS) + number[-_SHOWN_DIGITS:]
