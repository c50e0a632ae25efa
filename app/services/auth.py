"""Signing up and in: a number, a code, a session."""

import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from app.errors import (
    AuthenticationRequired,
    MobileNumberTaken,
    OtpAttemptsExceeded,
    OtpInvalid,
    OtpResendTooSoon,
    ServiceUnavailable,
)
from app.models import Plan, Session, plan_of
from app.models.base import new_id
from app.redis_client.connection import RedisUnavailableError
from app.redis_client.otp_store import OtpCheck, OtpStore, OtpVerdict
from app.schemas.auth import SendOtpOut, TokensOut
from app.schemas.user import UserOut
from app.security import (
    TokenInvalidError,
    issue_access_token,
    new_otp,
    new_refresh_token,
    otp_digest,
    read_access_token,
    refresh_digest,
)
from app.services.clock import Clock
from app.services.mobile_number import parse_mobile_number
from app.services.otp_sender import OtpSender
from app.services.session_cache import SessionCache
from app.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """Who a request speaks for."""

    id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Device:
    """From where somebody signs in."""

    user_agent: str | None
    ip_address: str | None


@dataclass(frozen=True, slots=True)
class AuthKeys:
    """Derived from `JWT_SECRET_KEY`, one per purpose."""

    access_token: bytes
    otp: bytes


@dataclass(frozen=True, slots=True)
class AuthService:
    """Accounts and sessions."""

    uow: UnitOfWork
    otps: OtpStore
    sender: OtpSender
    keys: AuthKeys
    open_sessions: SessionCache
    clock: Clock
    access_lifetime: timedelta
    refresh_lifetime: timedelta
    default_region: str | None
    show_otp: bool

    async def sign_up(self, *, mobile_number: str, full_name: str | None) -> UserOut:
        """Open an account; whoever signs up has not proved the number yet, so they get no session.

        Raises:
            MobileNumberTaken: somebody proved this number.
        """
        number = parse_mobile_number(mobile_number, default_region=self.default_region)
        async with self.uow.begin() as tx:
            user = await tx.users.add_unverified(mobile_number=number, full_name=full_name, now=self.clock())
            if user is None:
                raise MobileNumberTaken
        return UserOut.of(user, Plan.BASIC)

    async def send_otp(self, *, mobile_number: str, purpose: str) -> SendOtpOut:
        """Send a code. For an unknown number one is kept that nobody can know, so that all looks alike.

        Raises:
            OtpResendTooSoon: one was sent moments ago.
        """
        number = parse_mobile_number(mobile_number, default_region=self.default_region)
        async with self.uow.begin() as tx:
            is_known = await tx.users.get_by_number(number) is not None
        otp = new_otp()
        kept = otp if is_known else secrets.token_hex()
        try:
            wait = await self.otps.save(
                mobile_number=number, purpose=purpose, digest=self._digest(number, purpose, kept)
            )
        except RedisUnavailableError as error:
            raise ServiceUnavailable from error
        if wait:
            raise OtpResendTooSoon(retry_after=wait)
        if is_known:
            self.sender.send_soon(mobile_number=number, otp=otp, minutes=max(self.otps.ttl_seconds // 60, 1))
        return SendOtpOut(
            message="If this number has an account, a code is on its way.",
            expires_in=self.otps.ttl_seconds,
            resend_after=self.otps.resend_seconds,
            otp=otp if self.show_otp else None,
        )

    async def verify_otp(self, *, mobile_number: str, otp: str, purpose: str, device: Device) -> TokensOut:
        """Trade a code for a session.

        Raises:
            OtpInvalid: wrong, expired, used or never sent.
            OtpAttemptsExceeded: the fifth wrong try, and every one after it.
        """
        number = parse_mobile_number(mobile_number, default_region=self.default_region)
        try:
            check = await self.otps.check(
                mobile_number=number, purpose=purpose, digest=self._digest(number, purpose, otp)
            )
        except RedisUnavailableError as error:
            raise ServiceUnavailable from error
        _require_right(check)
        return await self._open_session(number, purpose, device)

    async def authenticate(self, access_token: str | None) -> CurrentUser:
        """Who holds this token, if their session is still open.

        Raises:
            AuthenticationRequired: no token, or one that does not count (any more).
        """
        if access_token is None:
            raise AuthenticationRequired
        try:
            claims = read_access_token(self.keys.access_token, access_token)
        except TokenInvalidError:
            raise AuthenticationRequired from None
        if not self.open_sessions.is_fresh(claims.session_id, claims.user_id):
            read_at = time.monotonic()
            async with self.uow.read() as tx:
                if not await tx.sessions.is_live(
                    session_id=claims.session_id, user_id=claims.user_id, now=self.clock()
                ):
                    raise AuthenticationRequired
            self.open_sessions.remember(claims.session_id, claims.user_id, read_at=read_at)
        return CurrentUser(id=claims.user_id, session_id=claims.session_id)

    def _digest(self, number: str, purpose: str, otp: str) -> str:
        return otp_digest(self.keys.otp, mobile_number=number, purpose=purpose, otp=otp)

    async def _open_session(self, number: str, purpose: str, device: Device) -> TokensOut:
        now, session_id = self.clock(), new_id()
        refresh_token = new_refresh_token(session_id)
        async with self.uow.begin() as tx:
            user = await tx.users.record_login(number, now)
            if user is None:  # deleted since the code was sent
                raise OtpInvalid(attempts_left=0)
            subscription = await tx.subscriptions.latest(user.id)
            tx.sessions.add(
                Session(
                    id=session_id,
                    user_id=user.id,
                    opened_by=purpose,
                    refresh_hash=refresh_digest(refresh_token),
                    user_agent=device.user_agent,
                    ip_address=device.ip_address,
                    created_at=now,
                    last_used_at=now,
                    refresh_expires_at=now + self.refresh_lifetime,
                )
            )
        plan = plan_of(subscription, now)
        return TokensOut(
            access_token=issue_access_token(
                self.keys.access_token,
                user_id=user.id,
                session_id=session_id,
                now=now,
                lifetime=self.access_lifetime,
            ),
            expires_in=int(self.access_lifetime.total_seconds()),
            refresh_token=refresh_token,
            refresh_expires_in=int(self.refresh_lifetime.total_seconds()),
            user=UserOut.of(user, plan),
        )


def _require_right(check: OtpCheck) -> None:
    if check.verdict is OtpVerdict.BURNED:
        raise OtpAttemptsExceeded(retry_after=max(check.number, 1))
    if check.verdict is not OtpVerdict.RIGHT:
        raise OtpInvalid(attempts_left=check.number)
