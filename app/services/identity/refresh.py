"""Refreshing: a session's refresh token is traded for its successor, which always is the same."""

import hmac
from dataclasses import dataclass
from enum import Enum, auto

import structlog

from app.errors import RefreshInvalid, RefreshReused
from app.kit.clock import Clock
from app.models import plan_of
from app.repositories.session import LockedSession
from app.schemas.auth import TokensOut
from app.security import next_refresh_token, refresh_digest, session_of_refresh_token
from app.services.identity.session_cache import SessionCache
from app.services.identity.tokens import TokenIssuer
from app.unit_of_work import UnitOfWork

_MAX_STEPS = 1000
"""Older ones do not raise the alarm any more: to look back so far takes 5 ms, and anybody can ask for it."""

log = structlog.get_logger(__name__)


class TokenState(Enum):
    """What a presented token is to its session."""

    CURRENT = auto()
    PREVIOUS = auto()
    """The one before: its answer was lost, or two tabs refreshed at once."""
    REUSED = auto()
    """Of before that: its successor was used, so two parties hold this session."""
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class RefreshService:
    """Trades refresh tokens.

    Only the hash of the one that counts is kept; forerunners are recognised by what follows from them.
    """

    uow: UnitOfWork
    tokens: TokenIssuer
    refresh_key: bytes
    open_sessions: SessionCache
    clock: Clock

    async def refresh(self, refresh_token: str, *, ip_address: str | None) -> TokensOut:
        """A fresh access token and the successor of this refresh token; asking twice gives the same one.

        Raises:
            RefreshInvalid: no token of an open session.
            RefreshReused: its successor was used already; the session has been ended.
        """
        session_id = session_of_refresh_token(refresh_token)
        if session_id is None:
            raise RefreshInvalid
        async with self.uow.begin() as tx:
            now = self.clock()
            locked = await tx.sessions.lock_open(session_id, now=now)
            if locked is None:
                raise RefreshInvalid
            session = locked.session
            state = self._state(refresh_token, locked)
            if state is TokenState.UNKNOWN:  # whoever made it up must not end somebody's session
                raise RefreshInvalid
            successor = next_refresh_token(self.refresh_key, refresh_token)
            if state is TokenState.REUSED:
                session.ended_at = now
            elif state is TokenState.CURRENT:
                session.refresh_hash = refresh_digest(successor)
                session.refresh_count += 1
                session.refresh_expires_at = now + self.tokens.refresh_lifetime
            if state is not TokenState.REUSED:  # a forerunner's holder uses the session, too
                session.last_used_at, session.last_used_ip = now, ip_address or session.last_used_ip
        if state is TokenState.REUSED:
            # Said after the commit, which has to stand although the answer is a failure.
            self.open_sessions.discard([session_id])
            log.warning("refresh_reused", session_id=str(session_id))
            raise RefreshReused
        return self.tokens.pair(
            session, locked.user, plan_of(locked.subscription, now), refresh_token=successor, now=now
        )

    def _state(self, token: str, locked: LockedSession) -> TokenState:
        kept = locked.session.refresh_hash
        for generation in range(min(locked.session.refresh_count, _MAX_STEPS) + 1):
            if hmac.compare_digest(refresh_digest(token), kept):
                return (TokenState.CURRENT, TokenState.PREVIOUS, TokenState.REUSED)[min(generation, 2)]
            token = next_refresh_token(self.refresh_key, token)
        return TokenState.UNKNOWN
