"""Sessions: a sign-in on one device, and the tokens that speak for it."""

import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.errors import AuthenticationRequired
from app.models import Session, User, plan_of
from app.models.base import new_id
from app.schemas.auth import TokensOut
from app.schemas.user import UserOut
from app.security import (
    AccessClaims,
    TokenInvalidError,
    issue_access_token,
    new_refresh_token,
    read_access_token,
    refresh_digest,
)
from app.services.clock import Clock
from app.services.session_cache import SessionCache
from app.services.turns import Turns
from app.unit_of_work import Transaction, UnitOfWork


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
class SessionService:
    """Opens sessions and says who a token speaks for."""

    uow: UnitOfWork
    access_key: bytes
    open_sessions: SessionCache
    looks: Turns
    clock: Clock
    access_lifetime: timedelta
    refresh_lifetime: timedelta

    async def open(self, tx: Transaction, user: User, *, opened_by: str, device: Device) -> TokensOut:
        """A new session, stored with this transaction."""
        now, session_id = self.clock(), new_id()
        refresh_token = new_refresh_token(session_id)
        subscription = await tx.subscriptions.latest(user.id)
        tx.sessions.add(
            Session(
                id=session_id,
                user_id=user.id,
                opened_by=opened_by,
                refresh_hash=refresh_digest(refresh_token),
                user_agent=device.user_agent,
                ip_address=device.ip_address,
                created_at=now,
                last_used_at=now,
                refresh_expires_at=now + self.refresh_lifetime,
            )
        )
        return TokensOut(
            access_token=issue_access_token(
                self.access_key,
                user_id=user.id,
                session_id=session_id,
                now=now,
                lifetime=self.access_lifetime,
            ),
            expires_in=int(self.access_lifetime.total_seconds()),
            refresh_token=refresh_token,
            refresh_expires_in=int(self.refresh_lifetime.total_seconds()),
            user=UserOut.of(user, plan_of(subscription, now)),
        )

    async def authenticate(self, access_token: str | None) -> CurrentUser:
        """Who holds this token, if their session is still open.

        Raises:
            AuthenticationRequired: no token, or one that does not count (any more).
        """
        if access_token is None:
            raise AuthenticationRequired
        try:
            claims = read_access_token(self.access_key, access_token)
        except TokenInvalidError:
            raise AuthenticationRequired from None
        if not self.open_sessions.is_fresh(claims.session_id, claims.user_id):
            await self._look(claims)
        return CurrentUser(id=claims.user_id, session_id=claims.session_id)

    async def _look(self, claims: AccessClaims) -> None:
        """Ask the row; of many requests at once the first few do, and the others know it from them."""
        async with self.looks.take(claims.user_id):
            if self.open_sessions.is_fresh(claims.session_id, claims.user_id):
                return
            read_at = time.monotonic()
            async with self.uow.read() as tx:
                if not await tx.sessions.is_live(
                    session_id=claims.session_id, user_id=claims.user_id, now=self.clock()
                ):
                    raise AuthenticationRequired
            self.open_sessions.remember(claims.session_id, claims.user_id, read_at=read_at)
