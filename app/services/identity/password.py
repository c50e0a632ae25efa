"""Password sign-in and password change."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.errors import AuthenticationRequired, CredentialsInvalid, ValidationFailed
from app.kit.clock import Clock
from app.kit.user_limiter import PerUserLimiter
from app.models.sign_in import SignInMethod
from app.repositories.password import PasswordChangeContext
from app.schemas.auth import TokensOut
from app.services.identity.mobile_number import MobileNumbers
from app.services.identity.password_attempts import PasswordAttempts
from app.services.identity.password_hasher import PasswordHasher
from app.services.identity.password_rules import password_problem
from app.services.identity.recent_sign_in import is_recent, require_recent_sign_in
from app.services.identity.session import CurrentUser, Device, SessionService
from app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class PasswordService:
    """Signs in with passwords and changes them."""

    uow: UnitOfWork
    sessions: SessionService
    hasher: PasswordHasher
    attempts: PasswordAttempts
    numbers: MobileNumbers
    user_limiter: PerUserLimiter
    clock: Clock

    async def log_in(
        self, *, mobile_number: str, password: str, device: Device, device_name: str | None
    ) -> TokensOut:
        """Open a session with a password; every failure has the same response and response time.

        Raises:
            CredentialsInvalid: the number or the password is wrong.
            PasswordAttemptsExceeded: too many attempts; nothing was compared.
            ServiceUnavailable: the hasher's queue is full, or the database is unavailable; nothing was
                counted.
        """
        number, network = self.numbers.read(mobile_number), device.rate_limit_key
        async with self._hasher_slot(number, network):
            async with self.uow.autocommit() as tx:
                found = await tx.passwords.credentials(self.numbers.stored_forms(mobile_number))
            is_known_network = found is not None and network in found.networks
            await self.attempts.consume(number, network, is_known_network=is_known_network)
            stored_hash = found.password_hash if found else None
            check = await self.hasher.check(password, stored_hash)
            if found is None or stored_hash is None or not check.is_right:
                raise CredentialsInvalid
            await self.attempts.refund(number, network, is_known_network=is_known_network)
        async with self.uow.begin() as tx:
            user = await tx.passwords.record_login(
                found.user_id, now=self.clock(), checked=stored_hash, renewed=check.renewed_hash
            )
            if user is None:  # changed or deleted concurrently
                raise CredentialsInvalid
            return await self.sessions.open(
                tx, user, auth_method=SignInMethod.PASSWORD, device=device, device_name=device_name
            )

    async def change(
        self, user: CurrentUser, *, old_password: str | None, new_password: str, device: Device
    ) -> TokensOut:
        """Set the password, end all sessions, and continue the calling one with new tokens.

        The first password needs a sign-in of the last 10 minutes. Later the old one is needed, except within
        10 minutes in a session opened by a reset code.

        Raises:
            RecentSignInRequired: the user has no password yet, and the session is older than 10 minutes.
            ValidationFailed: the new password is too easy to guess, or the old one is missing.
            CredentialsInvalid: the old password is wrong, or was changed concurrently.
            PasswordAttemptsExceeded: too many attempts; nothing was compared.
            ServiceUnavailable: as in `log_in`.
        """
        async with self.uow.autocommit() as tx:
            context = await tx.passwords.change_context(user_id=user.id, session_id=user.session_id)
        if context is None:
            raise AuthenticationRequired
        if context.password_hash is None:
            require_recent_sign_in(context.opened_at, now=self.clock())
        problem = await asyncio.to_thread(
            password_problem, new_password, mobile_number=context.mobile_number, full_name=context.full_name
        )
        if problem is not None:
            raise _invalid("/new_password", "password_too_weak", problem)
        is_old_needed = context.password_hash is not None and not self._is_recent_reset(context)
        if is_old_needed and old_password is None:
            raise _invalid("/old_password", "missing", "is needed to change a password")
        number, network = context.mobile_number, device.rate_limit_key
        async with self._hasher_slot(number, network) if is_old_needed else self.hasher.slot(network):
            if is_old_needed and old_password is not None:
                await self._check_old_password(context, old_password, network=network)
            new_hash = await self.hasher.hash(new_password)
        async with self.uow.begin() as tx:
            if not await tx.passwords.replace(
                user.id, session_id=user.session_id, old=context.password_hash, new=new_hash
            ):
                raise CredentialsInvalid("The password was changed by another request.")
            replacement = await self.sessions.replace_all(tx, user, device=device)
        self.sessions.open_sessions.discard(replacement.ended)
        await self.attempts.reset(number)  # earlier attempts guessed another password
        return replacement.tokens

    @asynccontextmanager
    async def _hasher_slot(self, number: str, network: str) -> AsyncIterator[None]:
        """Hold a hasher slot; check the wait first, so a burst at one number is refused without a slot.

        Raises:
            PasswordAttemptsExceeded: the network has to wait.
            ServiceUnavailable: the queue is full; nothing was counted.
        """
        async with self.user_limiter.acquire((number, network)):
            await self.attempts.require_open(number, network)
            async with self.hasher.slot(network):
                yield

    def _is_recent_reset(self, context: PasswordChangeContext) -> bool:
        return context.auth_method == SignInMethod.PASSWORD_RESET and is_recent(
            context.opened_at, now=self.clock()
        )

    async def _check_old_password(
        self, context: PasswordChangeContext, old_password: str, *, network: str
    ) -> None:
        await self.attempts.consume(
            context.mobile_number, network, is_known_network=network in context.networks
        )
        if not (await self.hasher.check(old_password, context.password_hash)).is_right:
            raise CredentialsInvalid("The old password is wrong.")


def _invalid(pointer: str, code: str, message: str) -> ValidationFailed:
    return ValidationFailed(members={"errors": [{"pointer": pointer, "code": code, "message": message}]})
