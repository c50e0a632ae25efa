"""Signing up and in: a number, a code, a session."""

import secrets
from dataclasses import dataclass

from app.errors import (
    MobileNumberTaken,
    OtpAttemptsExceeded,
    OtpInvalid,
    OtpResendTooSoon,
    ServiceUnavailable,
)
from app.models import Plan
from app.redis_client.connection import RedisUnavailableError
from app.redis_client.otp_store import OtpCheck, OtpStore, OtpVerdict
from app.schemas.auth import SendOtpOut, TokensOut
from app.schemas.user import UserOut
from app.security import new_otp, otp_digest
from app.services.clock import Clock
from app.services.mobile_number import parse_mobile_number
from app.services.otp_sender import OtpSender
from app.services.quota import CarriedCount
from app.services.session import Device, SessionService
from app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class AuthService:
    """Accounts, and the codes that prove them."""

    uow: UnitOfWork
    otps: OtpStore
    sender: OtpSender
    sessions: SessionService
    carried: CarriedCount
    otp_key: bytes
    clock: Clock
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
            await self.carried.take_over(tx, user)
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
        async with self.uow.begin() as tx:
            user = await tx.users.record_login(number, self.clock())
            if user is None:  # deleted since the code was sent
                raise OtpInvalid(attempts_left=0)
            return await self.sessions.open(tx, user, opened_by=purpose, device=device)

    def _digest(self, number: str, purpose: str, otp: str) -> str:
        return otp_digest(self.otp_key, mobile_number=number, purpose=purpose, otp=otp)


def _require_right(check: OtpCheck) -> None:
    if check.verdict is OtpVerdict.BURNED:
        raise OtpAttemptsExceeded(retry_after=max(check.number, 1))
    if check.verdict is not OtpVerdict.RIGHT:
        raise OtpInvalid(attempts_left=check.number)
