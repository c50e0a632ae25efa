"""Refresh: exchange a refresh token for a new pair of tokens."""

from dataclasses import dataclass

import structlog

from app.errors import RefreshInvalid, RefreshReused
from app.kit.clock import Clock
from app.models import Session, plan_of
from app.schemas.auth import TokensOut
from app.services.identity.bans import require_not_banned
from app.services.identity.chained_tokens import ChainedTokens, keep_chained
from app.services.identity.refresh_tokens import TokenState, is_counter, session_of
from app.services.identity.session_cache import SessionCache
from app.services.identity.tokens import TokenIssuer
from app.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RefreshService:
    """Rotates refresh tokens and detects their reuse by comparing two numbers."""

    uow: UnitOfWork
    tokens: TokenIssuer
    chained_tokens: ChainedTokens
    open_sessions: SessionCache
    clock: Clock

    async def refresh(self, refresh_token: str, *, ip_address: str | None) -> TokensOut:
        """Return a new access token and the successor of this refresh token: the same one at every call.

        Raises:
            RefreshInvalid: no token of an open session.
            RefreshReused: its successor was used already; the session has been ended.
            AccountSuspended: the account is banned; the token stays valid.
        """
        session_id = session_of(refresh_token)
        if session_id is None:
            raise RefreshInvalid
        async with self.uow.begin() as tx:
            now = self.clock()
            locked = await tx.sessions.lock_open(session_id, now=now)
            if locked is None:
                raise RefreshInvalid
            session = locked.session
            state = self._state(refresh_token, session)
            if state is TokenState.UNKNOWN:  # a forged token must not end a session
                raise RefreshInvalid
            if state is not TokenState.REUSED:
                require_not_banned(locked.user)
            if state is TokenState.REUSED:
                session.ended_at = now
            else:
                session.last_used_at, session.last_used_ip = now, ip_address or session.last_used_ip
            if state is TokenState.CURRENT:
                keep_chained(session, current=self.tokens.refresh_token(session))
                self.tokens.set_number(session, session.refresh_count + 1, now=now)
        if state is TokenState.REUSED:
            # Raised after the commit: a failure inside the transaction would roll the end back.
            self.open_sessions.discard([session_id])
            log.warning("refresh_reused", session_id=str(session_id))
            raise RefreshReused
        return self.tokens.pair(session, locked.user, plan_of(locked.user, locked.subscription, now), now=now)

    def _state(self, token: str, session: Session) -> TokenState:
        if is_counter(token):
            number = self.tokens.refresh_tokens.number_of(token)
        else:
            current = self.tokens.refresh_token(session)
            number = self.chained_tokens.number_of(token, session, current=current)
        return TokenState.of(number, count=session.refresh_count)
