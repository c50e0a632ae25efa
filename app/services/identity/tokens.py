"""Tokens of a session: signed access tokens, and a chain of refresh tokens that follow from each other."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.models import Plan, Session, User
from app.schemas.auth import TokensOut
from app.schemas.user import UserOut
from app.security import AccessClaims, TokenInvalidError, issue_access_token, read_access_token


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Makes and reads the tokens of sessions."""

    access_key: bytes
    access_lifetime: timedelta
    refresh_lifetime: timedelta

    def pair(
        self, session: Session, user: User, plan: Plan, *, refresh_token: str, now: datetime
    ) -> TokensOut:
        """A fresh access token beside this refresh token."""
        return TokensOut(
            access_token=issue_access_token(
                self.access_key,
                user_id=user.id,
                session_id=session.id,
                now=now,
                lifetime=self.access_lifetime,
            ),
            expires_in=int(self.access_lifetime.total_seconds()),
            refresh_token=refresh_token,
            refresh_expires_in=max(0, int((session.refresh_expires_at - now).total_seconds())),
            user=UserOut.of(user, plan),
        )

    def claims_of(self, access_token: str | None) -> AccessClaims | None:
        """What a valid access token says, whether or not its session is still open; asks nobody."""
        if access_token is None:
            return None
        try:
            return read_access_token(self.access_key, access_token)
        except TokenInvalidError:
            return None
