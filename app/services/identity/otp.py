"""One-time codes: generated, counted in budgets, sent and verified."""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from app import metrics
from app.errors import OtpAttemptsExceeded, OtpInvalid, ServiceUnavailable
from app.kit.clock import Clock
from app.models.sign_in import OtpPurpose
from app.redis_client.connection import RedisUnavailableError
from app.redis_client.otp_store import OtpStore, OtpVerdict
from app.redis_client.windows import LimitExceeded, SlidingWindows
from app.schemas.auth import SendOtpOut
from app.security import new_otp, otp_digest
from app.services.identity.mobile_number import MobileNumbers
from app.services.identity.otp_budgets import CodeRequest, OtpBudgets
from app.services.identity.otp_refusal import OtpRefusal, refused
from app.services.identity.otp_sender import OtpSender
from app.services.identity.otp_texts import OtpTexts
from app.services.identity.session import Device
from app.sms_client import OtpMessage
from app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class OtpService:
    """Sends and verifies codes; with and without an account it takes the same steps and the same time."""

    uow: UnitOfWork
    store: OtpStore
    budgets: OtpBudgets
    windows: SlidingWindows
    sender: OtpSender
    texts: OtpTexts
    numbers: MobileNumbers
    key: bytes
    show_otp: bool
    clock: Clock

    async def send(
        self, *, mobile_number: str, purpose: OtpPurpose, device: Device, accept_language: str | None
    ) -> SendOtpOut:
        """Send a code. For a number without an account, store a random one, so the response is the same.

        A test number with an account gets its fixed code, and no message.

        Raises:
            CountryNotAllowed: codes are not sent to this number's country.
            OtpResendTooSoon: an unused code was sent moments ago.
            OtpLimitReached: a budget is exhausted; the others count nothing.
            ServiceUnavailable: Redis or the database is unavailable.
        """
        number = self.read_allowed(mobile_number)
        forms = self.numbers.stored_forms(mobile_number)
        fixed = self.numbers.test_numbers.otp_of(number)
        async with self.uow.autocommit() as tx:
            status = await tx.users.number_status(
                forms, network=device.rate_limit_key if device.ip_address else None
            )
        otp, undeliverable = fixed or new_otp(), secrets.token_hex()
        message = self._message(number, purpose, otp, accept_language)
        stored = otp if status.has_account else undeliverable
        try:
            exceeded = await self.store.save(
                mobile_number=number,
                purpose=purpose,
                digest=self._digest(number, purpose, stored),
                network=device.rate_limit_key,
                signed_in_before=status.signed_in_before,
                windows=self.budgets.of_code(
                    CodeRequest(number, device.networks, status.has_account, status.signed_in_before)
                ),
            )
        except RedisUnavailableError as error:
            raise ServiceUnavailable from error
        _raise_if_exceeded(exceeded)
        if status.has_account and fixed is None:
            self.sender.send_soon(message)
        return SendOtpOut(
            message="If this number has an account, a code is on its way.",
            expires_in=self.store.ttl_seconds,
            resend_after=self.store.resend_seconds,
            otp=otp if self.show_otp else None,
        )

    def read_allowed(self, mobile_number: str) -> str:
        """Return a number in E.164 if codes are sent to it.

        Raises:
            ValidationFailed: not a valid number.
            CountryNotAllowed: not an ordinary number of an allowed country.
        """
        number = self.numbers.read(mobile_number)
        if not self.numbers.gets_codes(number):
            raise refused(OtpRefusal.COUNTRY)
        return number

    async def consume_signup_budget(self, *, mobile_number: str, networks: Sequence[str]) -> None:
        """Count a sign-up in its budgets, before the database is queried: for all numbers alike.

        Raises:
            OtpLimitReached: the budget of the network or of the number's block is exhausted.
            ServiceUnavailable: Redis is unavailable. Without budgets, a caller could test every number for an
                account; and without Redis, no code can be sent either.
        """
        windows = self.budgets.of_signup(mobile_number=mobile_number, networks=networks)
        try:
            exceeded = await self.windows.hit(windows)
        except RedisUnavailableError as error:
            raise ServiceUnavailable from error
        _raise_if_exceeded(exceeded)

    async def verify(self, *, mobile_number: str, purpose: OtpPurpose, otp: str, network: str) -> None:
        """Consume the code of this number (E.164) and purpose; of concurrent uses one succeeds.

        Raises:
            OtpInvalid: wrong, expired, used or never sent.
            OtpAttemptsExceeded: the fifth wrong try of a network that requested a code, or of all others, and
                each further try.
            ServiceUnavailable: Redis is unavailable.
        """
        try:
            check = await self.store.check(
                mobile_number=mobile_number,
                purpose=purpose,
                digest=self._digest(mobile_number, purpose, otp),
                network=network,
            )
        except RedisUnavailableError as error:
            raise ServiceUnavailable from error
        metrics.otp_verified(check.verdict.value)
        if check.verdict is OtpVerdict.EXCEEDED:
            raise OtpAttemptsExceeded(retry_after=max(math.ceil(check.wait_ms / 1000), 1))
        if check.verdict is not OtpVerdict.RIGHT:
            raise OtpInvalid(attempts_left=check.attempts_left)

    def _message(self, number: str, purpose: OtpPurpose, otp: str, accept_language: str | None) -> OtpMessage:
        """Build the message of a code, also of one that is not sent: the response takes as long for both."""
        template = self.texts.choose(accept_language)
        return OtpMessage(
            id=f"msg_{secrets.token_hex(16)}",
            created_at=self.clock(),
            mobile_number=number,
            text=template.render(otp=otp, minutes=self.texts.minutes),
            otp=otp,
            locale=template.locale,
            purpose=purpose,
            expires_in=self.store.ttl_seconds,
        )

    def _digest(self, number: str, purpose: OtpPurpose, otp: str) -> str:
        return otp_digest(self.key, mobile_number=number, purpose=purpose, otp=otp)


def _raise_if_exceeded(exceeded: LimitExceeded | None) -> None:
    if exceeded:
        raise refused(OtpRefusal(exceeded.name), wait_seconds=exceeded.wait_seconds)
