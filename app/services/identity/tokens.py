"""Tokens of a session: signed access tokens, and refresh tokens as signed counters."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.models import Plan, Session, User
from app.schemas.auth import TokensOut
from app.schemas.user import UserOut
from app.security import AccessClaims, TokenInvalidError, issue_access_token, read_access_token
from app.services.identity.chained_tokens import token_digest
from app.services.identity.refresh_tokens import RefreshTokens


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Issues and verifies the tokens of sessions."""

    access_key: bytes
    refresh_tokens: RefreshTokens
    access_lifetime: timedelta
    refresh_lifetime: timedelta

    def refresh_token(self, session: Session) -> str:
        """Return the session's current refresh token."""
        return self.refresh_tokens.issue(session.id, session.refresh_count)

    def set_number(self, session: Session, number: int, *, now: datetime) -> None:
        """Make the refresh token of this number the current one, with a full lifetime."""
        session.refresh_count = number
        session.refresh_hash = token_digest(self.refresh_token(session))
        session.refresh_expires_at = now + self.refresh_lifetime

    def pair(self, session: Session, user: User, plan: Plan, *, now: datetime) -> TokensOut:
        """Return a new access token and the current refresh token."""
        return TokensOut(
            access_token=issue_access_token(
                self.access_key,
                user_id=user.id,
                session_id=session.id,
                now=now,
                lifetime=self.access_lifetime,
            ),
            expires_in=int(self.access_lifetime.total_seconds()),
            refresh_token=self.refresh_token(session),
            refresh_expires_in=max(0, int((session.refresh_expires_at - now).total_seconds())),
            user=UserOut.of(user, plan),
        )

    def claims_of(self, access_token: str | None) -> AccessClaims | None:
        """Return the claims of a valid access token, whether or not its session is open; no I/O."""
        if access_token is None:
            return None
        try:
            return read_access_token(self.access_key, access_token)
        except TokenInvalidError:
            return None
