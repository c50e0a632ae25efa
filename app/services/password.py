"""Passwords: signing in with one, and setting it."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from app.errors import AuthenticationRequired, CredentialsInvalid, ValidationFailed
from app.repositories.password import Holder
from app.schemas.auth import TokensOut
from app.services.clock import Clock
from app.services.mobile_number import MobileNumbers
from app.services.password_attempts import PasswordAttempts
from app.services.password_hasher import PasswordHasher
from app.services.password_rules import objection_to
from app.services.session import CurrentUser, Device, SessionService
from app.unit_of_work import UnitOfWork

RESET_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class PasswordService:
    """Logins by password, and changes of it."""

    uow: UnitOfWork
    sessions: SessionService
    hasher: PasswordHasher
    attempts: PasswordAttempts
    numbers: MobileNumbers
    clock: Clock

    async def log_in(self, *, mobile_number: str, password: str, device: Device) -> TokensOut:
        """Open a session with a password. Whatever is wrong, the answer and its time are the same.

        Raises:
            CredentialsInvalid: number and password do not go together.
            PasswordAttemptsExceeded: too many tries for this number; nothing was compared.
        """
        number = self.numbers.read(mobile_number)
        # Before the try is counted, since it might not be compared: an outage costs no tries.
        self.hasher.require_room()
        async with self.uow.single() as tx:
            found = await tx.passwords.credentials(self.numbers.stored_forms(mobile_number))
        await self.attempts.spend(number)
        kept = found.password_hash if found else None
        check = await self.hasher.check(password, kept)
        if found is None or kept is None or not check.is_right:
            raise CredentialsInvalid
        await self.attempts.forget(number)
        async with self.uow.begin() as tx:
            user = await tx.passwords.record_login(
                found.user_id, now=self.clock(), checked=kept, renewed=check.renewed_hash
            )
            if user is None:  # changed or deleted this very moment
                raise CredentialsInvalid
            return await self.sessions.open(tx, user, opened_by="password", device=device)

    async def change(self, user: CurrentUser, *, old_password: str | None, new_password: str) -> None:
        """Set the password and end all other sessions.

        The old one is needed if there is one, except within 10 minutes in a session opened by a reset code.

        Raises:
            ValidationFailed: the new one is too easy to guess, or the old one is missing.
            CredentialsInvalid: the old one is wrong, or was changed this very moment.
            PasswordAttemptsExceeded: too many tries for this account; nothing was compared.
        """
        async with self.uow.single() as tx:
            holder = await tx.passwords.holder(user_id=user.id, session_id=user.session_id)
        if holder is None:
            raise AuthenticationRequired
        objection = await asyncio.to_thread(
            objection_to, new_password, mobile_number=holder.mobile_number, full_name=holder.full_name
        )
        if objection is not None:
            raise _invalid("/new_password", objection)
        self.hasher.require_room()
        if holder.password_hash is not None and not self._came_by_reset(holder):
            await self._require_old(holder, old_password)
        new_hash = await self.hasher.hash(new_password)
        async with self.uow.begin() as tx:
            if not await tx.passwords.replace(
                user.id, session_id=user.session_id, old=holder.password_hash, new=new_hash
            ):
                raise CredentialsInvalid("The password was changed this very moment.")
            ended = await tx.sessions.end(user.id, now=self.clock(), but=user.session_id)
        self.sessions.open_sessions.forget(ended)
        await self.attempts.forget(holder.mobile_number)  # those that came before were at another password

    def _came_by_reset(self, holder: Holder) -> bool:
        return holder.opened_by == "password_reset" and self.clock() - holder.opened_at <= RESET_WITHIN

    async def _require_old(self, holder: Holder, old_password: str | None) -> None:
        if old_password is None:
            raise _invalid("/old_password", "is needed to change a password")
        await self.attempts.spend(holder.mobile_number)
        if not (await self.hasher.check(old_password, holder.password_hash)).is_right:
            raise CredentialsInvalid("The old password is wrong.")


def _invalid(pointer: str, message: str) -> ValidationFailed:
    return ValidationFailed(members={"errors": [{"pointer": pointer, "message": message}]})
