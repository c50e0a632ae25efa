"""Sign-up, and sign-in with a code."""

from dataclasses import dataclass

from app.errors import MobileNumberTaken, OtpInvalid
from app.kit.clock import Clock
from app.models import Plan
from app.models.sign_in import OtpPurpose, SignInMethod
from app.schemas.auth import TokensOut
from app.schemas.user import UserOut
from app.services.identity.mobile_number import MobileNumbers
from app.services.identity.otp import OtpService
from app.services.identity.session import Device, SessionService
from app.services.usage.quota import UsageCarryover
from app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class AuthService:
    """Creates accounts, and exchanges codes for sessions."""

    uow: UnitOfWork
    otps: OtpService
    sessions: SessionService
    numbers: MobileNumbers
    carryover: UsageCarryover
    clock: Clock

    async def sign_up(self, *, mobile_number: str, full_name: str | None, device: Device) -> UserOut:
        """Create an account without a session: its number is not verified yet.

        Raises:
            CountryNotAllowed: codes are not sent to this number.
            OtpLimitReached: too many sign-ups and codes from this network or for neighbouring numbers.
            MobileNumberTaken: an account has verified this number.
        """
        number = self.otps.read_allowed(mobile_number)
        await self._require_database()
        await self.otps.consume_signup_budget(mobile_number=number, networks=device.networks)
        async with self.uow.begin() as tx:
            user = await tx.users.add_unverified(
                mobile_number=number,
                forms=self.numbers.stored_forms(mobile_number),
                full_name=full_name,
                now=self.clock(),
            )
            if user is None:
                raise MobileNumberTaken
            await self.carryover.restore(tx, user)
        return UserOut.of(user, Plan.BASIC)

    async def verify_otp(
        self, *, mobile_number: str, otp: str, purpose: OtpPurpose, device: Device, device_name: str | None
    ) -> TokensOut:
        """Exchange a code for a session with this `device_name`.

        The code is consumed first, so it never opens two sessions.

        Raises:
            OtpInvalid: wrong, expired, used or never sent.
            OtpAttemptsExceeded: the fifth wrong try of a network that requested a code, or of all others.
        """
        number = self.numbers.read(mobile_number)
        await self._require_database()
        await self.otps.verify(mobile_number=number, purpose=purpose, otp=otp, network=device.rate_limit_key)
        async with self.uow.begin() as tx:
            user = await tx.users.record_login(self.numbers.stored_forms(mobile_number), self.clock())
            if user is None:  # deleted after the code was sent
                raise OtpInvalid
            return await self.sessions.open(
                tx, user, auth_method=SignInMethod(purpose), device=device, device_name=device_name
            )

    async def _require_database(self) -> None:
        """Check the database before Redis counts anything: its outage costs neither a try nor a budget."""
        async with self.uow.autocommit() as tx:
            await tx.database.ping()
